// Loads: what is asked of a rig, with which program, and what comes of it.
#ifndef TAPLOOM_CLI_BENCH_LOAD_H_
#define TAPLOOM_CLI_BENCH_LOAD_H_

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/bench/program.h"
#include "cli/bench/rig.h"
#include "cli/bench/temp_folder.h"

namespace taploom::bench {

// One figure. A target is a ratio to a yardstick of the same run.
struct Metric {
  std::string_view name;  // "tcp 1 stream, sent"
  std::string_view unit;
  bool more_is_better = true;
  std::optional<double> target_forwarder = {};  // at least (at most, when less is better)
  std::optional<double> target_kernel = {};
  std::optional<double> target_ovs = {};
  std::optional<double> target_read_write = {};  // of io_uring: what reads and writes one by one
};

// In the order in which the report shows them.
std::span<const Metric> Metrics();

using Sample = std::map<std::string_view, double>;  // by Metric::name

// The servers of a rig, running while it lives: iperf3, nginx and sockperf.
class ServerPark {
 public:
  static absl::StatusOr<ServerPark> Open(const Rig& rig);

  // Holds "blob", which clients can fetch, and what they put under "put/".
  const std::filesystem::path& folder() const { return folder_->path(); }
  // The blob's SHA-256, as sha256sum prints it.
  const std::string& blob_sum() const { return blob_sum_; }

 private:
  std::unique_ptr<TempFolder> folder_;  // outlives the servers that read it
  std::string blob_sum_;
  std::vector<Server> servers_;
};

enum class BulkDirection { kToServer, kToClient };

struct Load {
  std::string_view name;  // "tcp-1"
  std::string_view summary;
  absl::StatusOr<Sample> (*measure)(const Rig& rig, int seconds);
  std::optional<BulkDirection> bulk = {};  // where it moves bytes; CheckIntegrity is about them
  bool knows_ipv6 = true;                  // its program does
  bool is_short = true;                    // takes little longer than asked
};

std::span<const Load> Loads();
const Load* FindLoad(std::string_view name);

// Sends a file of 32 MiB between the rig's server and its client, and compares its SHA-256. `park`:
// the rig's.
absl::Status CheckIntegrity(const Rig& rig, const ServerPark& park, BulkDirection direction);

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_LOAD_H_
