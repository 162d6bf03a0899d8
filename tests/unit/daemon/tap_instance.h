// TapInstance: a network namespace with one TAP, as control would make it. It has no name and
// leaves nothing behind.
#ifndef TAPLOOM_TESTS_UNIT_DAEMON_TAP_INSTANCE_H_
#define TAPLOOM_TESTS_UNIT_DAEMON_TAP_INSTANCE_H_

#include <functional>
#include <string>

#include "dataplane/io/unique_fd.h"

namespace taploom::daemon {

struct TapOptions {
  short flags;  // of TUNSETIFF
  int vnet_header_size;
  bool non_blocking;

  static TapOptions AsControlMakesThem();
};

// A queue of a new TAP in the namespace of the calling thread: "eth0", the next one "eth1", …
io::UniqueFd MakeTap(const TapOptions& options = TapOptions::AsControlMakesThem());

class TapInstance {
 public:
  // The instance behind `port` of OpenFabric: its addresses, its MAC, its MTU.
  explicit TapInstance(unsigned port);

  int tap() const { return tap_.get(); }

  // Runs on a thread inside the namespace; sockets made there stay there.
  void Run(const std::function<void()>& work) const;
  // Runs a command line of iproute2's `ip` there. It must succeed.
  void Ip(const std::string& arguments) const;

 private:
  io::UniqueFd namespace_, tap_;
};

}  // namespace taploom::daemon

#endif  // TAPLOOM_TESTS_UNIT_DAEMON_TAP_INSTANCE_H_
