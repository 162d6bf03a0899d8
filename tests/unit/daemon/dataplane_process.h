// DataplaneProcess: a running taploom-dataplane, seen from control's end of its socket.
#ifndef TAPLOOM_TESTS_UNIT_DAEMON_DATAPLANE_PROCESS_H_
#define TAPLOOM_TESTS_UNIT_DAEMON_DATAPLANE_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/io/unique_fd.h"

namespace taploom::daemon {

class DataplaneProcess {
 public:
  explicit DataplaneProcess(const std::vector<std::string>& arguments = {});
  // Talks to one that somebody else has started.
  explicit DataplaneProcess(io::UniqueFd socket) : socket_(std::move(socket)) {}
  DataplaneProcess(const DataplaneProcess&) = delete;
  DataplaneProcess& operator=(const DataplaneProcess&) = delete;
  // Closes the socket and waits for the end.
  ~DataplaneProcess();

  // Starts the program as a child of the caller, with `dataplane_end` as its control socket.
  static pid_t Start(const io::UniqueFd& dataplane_end, std::vector<std::string> arguments = {});

  pid_t pid() const { return pid_; }

  // Sends the request, with a descriptor when it is not negative, and waits for the answer.
  config::FromDataplane Ask(config::ToDataplane request, int descriptor = -1);
  // The same for the requests that tests use most; each expects success.
  void Apply(const config::FabricConfig& fabric);
  void AddPort(unsigned port, int tap);
  void RemovePort(unsigned port);
  config::PortCounters CountersOf(unsigned port);

  void WriteRaw(const std::string& bytes);
  void CloseSocket() { socket_.Reset(); }
  // Waits until the process, and with it its end of the socket, is gone. False when it says
  // something instead.
  bool WaitForEndOfSocket();
  // The wait status, as of waitpid.
  int Wait();

  // A field of /proc/PID/status ("CapEff", "VmRSS"), without leading blanks.
  std::string Status(const std::string& field) const;
  // User and system time of the process so far.
  double CpuSeconds() const;

 private:
  pid_t pid_ = -1;
  io::UniqueFd socket_;
  std::uint64_t sequence_ = 0;
};

}  // namespace taploom::daemon

#endif  // TAPLOOM_TESTS_UNIT_DAEMON_DATAPLANE_PROCESS_H_
