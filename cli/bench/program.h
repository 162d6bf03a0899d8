// Programs that a benchmark runs inside network namespaces: to their end, or as servers beside it.
#ifndef TAPLOOM_CLI_BENCH_PROGRAM_H_
#define TAPLOOM_CLI_BENCH_PROGRAM_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/process/unique_fd.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::bench {

using Argv = std::vector<std::string>;

// The programs that loads and yardsticks need and PATH lacks, each with its Debian package: "nft
// (package nftables)".
std::vector<std::string> MissingPrograms();

enum class OnInterrupt {
  kEnd,     // Ctrl-C (see interrupt.h) ends the program
  kFinish,  // it is let finish: it tidies up
};

// Everything the program printed, once it has ended well. `netns`: a namespace's descriptor, -1 =
// the caller's. kDeadlineExceeded when it takes longer than `patience`, kCancelled after Ctrl-C; in
// both cases it is ended first.
absl::StatusOr<std::string> Run(int netns, const Argv& argv, std::chrono::seconds patience,
                                OnInterrupt on_interrupt = OnInterrupt::kEnd);

// A program that runs as long as the object lives.
class Server {
 public:
  // Starts it in the namespace and waits until it listens on the TCP port of `address`.
  static absl::StatusOr<Server> Start(int netns, const Argv& argv, const wire::IpAddress& address,
                                      std::uint16_t port);

  Server(Server&& other) noexcept;
  Server& operator=(Server&&) = delete;
  ~Server();

 private:
  Server(pid_t pid, process::UniqueFd output) : pid_(pid), output_(std::move(output)) {}

  pid_t pid_ = -1;
  process::UniqueFd output_;
};

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_PROGRAM_H_
