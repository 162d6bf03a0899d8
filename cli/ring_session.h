// RingSession: what `capture` and `trace` have in common: rings that a running fabric writes into,
// one for each of its workers, from asking for it to giving them back. What is in them is taken in
// the order of time.
#ifndef TAPLOOM_CLI_RING_SESSION_H_
#define TAPLOOM_CLI_RING_SESSION_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/verbs.h"
#include "control/api/client.h"
#include "control/process/unique_fd.h"
#include "dataplane/observe/capture_ring.h"

namespace taploom::cli {

// A device of the fabric, as `GET capture` tells.
struct CaptureInterface {
  std::uint16_t port = 0;
  std::string name, id, description;
};
std::vector<CaptureInterface> InterfacesOf(const nlohmann::ordered_json& body);
// How many rings such a session needs: the fabric's dataplane has as many workers.
std::size_t WorkersOf(const nlohmann::ordered_json& body);

// The ports of the interfaces that `names` name; every port there can be when it is empty, so that
// what is attached later is seen too.
absl::StatusOr<std::vector<std::uint16_t>> PortsOf(const std::vector<std::string>& names,
                                                   const std::vector<CaptureInterface>& interfaces);

// Leaves `number` alone when the option is not given.
absl::Status ReadNumber(const Arguments& arguments, const char* option, std::uint64_t least,
                        std::uint64_t most, std::uint64_t& number);

class RingSession {
 public:
  using Entry = observe::CaptureRingReader::Entry;
  struct Callbacks {
    // A sentence when it ends the session.
    std::function<std::string(const Entry& entry)> take;
    // What was taken becomes visible; false when nothing more can be written.
    std::function<bool()> flush;
  };

  // `descriptor`: of a file with as many rings as there are `workers`, each of `size` bytes; owned
  // from now on. An error's code is kFailedPrecondition when it is this host's.
  static absl::StatusOr<std::unique_ptr<RingSession>> Open(int descriptor, std::size_t size,
                                                           std::size_t workers,
                                                           api::ApiClient fabric);

  // Has the fabric write into the rings from now on.
  api::Reply Start();
  // Takes entries until something ends that: Ctrl-C, `seconds` (0: no limit), a callback, the
  // fabric or another session. Gives the rings back, and returns why it ended.
  std::string Run(std::uint64_t seconds, const Callbacks& callbacks);

  std::uint64_t lost() const;
  bool is_broken() const { return !error().empty(); }

 private:
  using Clock = std::chrono::steady_clock;
  // A worker's ring, and what comes next in it.
  struct Ring {
    observe::CaptureRingReader reader;
    std::optional<Entry> next = {};
  };

  RingSession(process::UniqueFd descriptor, std::vector<Ring> rings, api::ApiClient fabric)
      : descriptor_(std::move(descriptor)), rings_(std::move(rings)), fabric_(std::move(fabric)) {}
  std::string Wait(std::uint64_t seconds, const Callbacks& callbacks);
  // `takes_all`: nothing more will come, so that nothing need be waited for.
  std::string Drain(const Callbacks& callbacks, bool takes_all);
  // The ring whose next entry is the earliest of all; null when none has any, or when one that is
  // empty now may still bring an earlier one.
  Ring* EarliestRing(bool takes_all);
  bool has_ended() const;
  std::string error() const;

  const process::UniqueFd descriptor_;
  std::vector<Ring> rings_;  // by worker
  const api::ApiClient fabric_;
};

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_RING_SESSION_H_
