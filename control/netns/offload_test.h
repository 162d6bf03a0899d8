// The test of this kernel's offloads: frames that leave work undone are sent through a throw-away
// pair of TAPs, and what comes out is compared byte by byte.
//
//   probe ─ write ─► near TAP ─ the kernel's own forwarding ─► far TAP ─ read ─► judge
//
// Kernels have refused superframes that are fine, and have corrupted what they segmented
// (tailscale/tailscale issues 13041, 21335); a flag that is taken proves nothing.
#ifndef TAPLOOM_CONTROL_NETNS_OFFLOAD_TEST_H_
#define TAPLOOM_CONTROL_NETNS_OFFLOAD_TEST_H_

#include <cstdint>
#include <future>
#include <span>
#include <thread>
#include <vector>

#include "control/netns/offloads.h"

namespace taploom::netns {

// What probes travel by. An interface so that a test can be a kernel that does it wrong.
class OffloadRoad {
 public:
  virtual ~OffloadRoad() = default;

  // Leaves the work of `device_bits` (of TUNSETOFFLOAD) to whoever reads the far device, and no
  // other. False when this kernel does not know one of them.
  virtual bool LeaveToReader(unsigned device_bits) = 0;
  // Writes a message (virtio-net header and frame) to the near device. 0, or errno.
  virtual int Send(std::span<const std::uint8_t> message) = 0;
  // The next message that leaves by the far device; empty when none comes in good time.
  virtual std::vector<std::uint8_t> Receive() = 0;
};

// Tests each offload with the reader doing the work, and with the kernel doing it.
Offloads TestOffloads(OffloadRoad& road);

// The same with TAPs of this kernel, in a network namespace of their own that nobody else sees.
// Needs CAP_NET_ADMIN and CAP_SYS_ADMIN. Where the pair cannot be made everything is kUntested and
// says why. Takes some milliseconds, and to close the pair some tens more, mostly waiting: so both
// happen on a thread.
class OffloadTest {
 public:
  OffloadTest();
  OffloadTest(const OffloadTest&) = delete;
  OffloadTest& operator=(const OffloadTest&) = delete;
  ~OffloadTest() { thread_.join(); }

  // Waits for it.
  const Offloads& result() const { return result_.get(); }

 private:
  std::shared_future<Offloads> result_;
  std::thread thread_;
};

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_OFFLOAD_TEST_H_
