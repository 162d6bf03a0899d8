// Loads: what is asked of a rig, with which program, and what comes of it.
#ifndef TAPLOOM_CLI_BENCH_LOAD_H_
#define TAPLOOM_CLI_BENCH_LOAD_H_

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
};

// In the order in which the report shows them.
std::span<const Metric> Metrics();

using Sample = std::map<std::string_view, double>;  // by Metric::name

// The servers of a rig, running while it lives: iperf3, nginx and sockperf.
class ServerPark {
 public:
  static absl::StatusOr<ServerPark> Open(const Rig& rig);

 private:
  std::unique_ptr<TempFolder> folder_;  // outlives the servers that read it
  std::vector<Server> servers_;
};

struct Load {
  std::string_view name;  // "tcp-1"
  std::string_view summary;
  absl::StatusOr<Sample> (*measure)(const Rig& rig, int seconds);
};

std::span<const Load> Loads();
const Load* FindLoad(std::string_view name);

// Fetches a file of 64 MiB from the rig's server and compares its SHA-256.
absl::Status CheckIntegrity(const Rig& rig);

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_LOAD_H_
