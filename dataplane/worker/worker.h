// Worker: the burst loop. Ready ports → burst → pipeline → ports, on one thread that owns all of
// them.
//
//   commands ─► epoll ─► ready ports, in turn ─► Receive ≤ 32 ─► Pipeline::Process ─► Outbox ───┐
//                 ▲ blocks only when nothing came for `spin`                                    │
//                 └─────────────────────────────────────────────────────────────────────────────┘
//
// Of several workers, each has a queue of every port, and connections of its own: what a burst
// holds of another's goes to that one in its buffers (handover.h), and what others have given it is
// a burst like a port's. As the owner writes to its own queue of a TAP, the TAP's driver learns to
// put the answers there (tun_flow_update in drivers/net/tun.c), so that the detour is that of first
// packets.
//
// After the last packet the worker stays awake for `spin`: a reply that comes within it does not
// pay for waking a thread. It reads the ports that had something last (recent_ports.h) and asks
// epoll in between, which costs the same for one port and for a thousand. A worker without traffic
// sleeps.
#ifndef TAPLOOM_DATAPLANE_WORKER_WORKER_H_
#define TAPLOOM_DATAPLANE_WORKER_WORKER_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/io/frame_io.h"
#include "dataplane/io/port.h"
#include "dataplane/io/unique_fd.h"
#include "dataplane/pipeline.h"
#include "dataplane/tick.h"
#include "dataplane/worker/burst_buffers.h"
#include "dataplane/worker/command_queue.h"
#include "dataplane/worker/handover.h"
#include "dataplane/worker/injection.h"
#include "dataplane/worker/outbox.h"
#include "dataplane/worker/port_table.h"
#include "dataplane/worker/recent_ports.h"
#include "dataplane/worker/ring_observer.h"

namespace taploom::worker {

// Where a worker sits among several; alone unless told. `handover` outlives all of them.
struct Seat {
  Handover* handover = nullptr;
  std::uint16_t self = 0;
};

class Worker {
  using Clock = std::chrono::steady_clock;

 public:
  struct Options {
    std::chrono::microseconds spin{30};
    // When the ticks of all workers of a fabric begin; by default, now.
    Clock::time_point start = Clock::now();
  };

  // Starts the thread. `pipeline` must outlive the worker and from now on belongs to its thread:
  // others touch it, and call the functions marked "inside Execute", only there. `frame_io` has not
  // been used by another thread. Throws std::system_error when the kernel has no descriptors,
  // memory or threads left.
  Worker(Pipeline& pipeline, const Options& options,
         std::unique_ptr<io::FrameIo> frame_io = std::make_unique<io::ReadWrite>(), Seat seat = {});
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { Stop(); }

  // Finishes the burst at hand and ends the thread. REQUIRES: of several workers, all are stopped
  // before one is destroyed: they have exchanged buffers.
  void Stop();

  // Runs `command` on the worker's thread between two bursts and returns when it is done. From any
  // other thread.
  void Execute(const std::function<void()>& command) { commands_.Execute(command); }

  // The time that the worker's pipeline lives in. Any thread.
  Tick Now() const { return std::chrono::duration_cast<Tick>(Clock::now() - options_.start); }

  // Inside Execute. False when the number is taken or the kernel cannot poll the port. The counters
  // must know the port.
  bool AddPort(std::uint16_t id, std::unique_ptr<io::Port> port);
  // Inside Execute. The port, which the caller may destroy elsewhere; nullptr when there is none of
  // that number.
  std::unique_ptr<io::Port> RemovePort(std::uint16_t id);
  // Inside Execute. From now on `observer` (may be null: none) sees what passes; returns the one
  // before.
  std::unique_ptr<RingObserver> SetObserver(std::unique_ptr<RingObserver> observer) {
    return std::exchange(observer_, std::move(observer));
  }

  // Inside Execute. From now on frames of `injection` enter too, until its peer ends it. False when
  // there is one already, or the kernel cannot poll it.
  bool SetInjection(std::unique_ptr<Injection> injection);
  // Inside Execute. Closes the worker's end of it, if there is one.
  void EndInjection();

 private:
  bool Watch(int descriptor, std::uint32_t events, PortSlot* slot);
  void Run();
  void Poll(int timeout_ms);
  // Makes ready_ the ports to read in this round.
  void FindReadyPorts(bool may_block);
  // False when others have given us something meanwhile.
  bool MayFallAsleep();
  void ServeHandedOver(Tick now);
  // The first two: whether a frame had come.
  bool ServeReadyPorts(Tick now);
  bool ServeTogether(std::span<PortSlot* const> slots, Tick now);
  void ServeInjection(Tick now);
  // Says of a burst where it came from, and how much to ask for next time.
  void NoteReceived(PortSlot& slot, std::span<Packet> burst) const;
  // `first`: the burst's place in the one at hand, of which it is a part.
  void Forward(std::span<Packet> burst, Tick now, Origin origin = Origin::kPort,
               std::size_t first = 0);
  void ForwardObserved(std::span<Packet> burst, Tick now, Origin origin, std::size_t first);
  void TransmitOrHandOver(Packet& packet, std::size_t place, RingObserver* observer);
  // Leaves word of those of a burst that were injected into another worker.
  void TellOutcomes(std::span<const Packet> burst);

  Pipeline& pipeline_;
  const Options options_;
  const std::unique_ptr<io::FrameIo> frame_io_;
  const Seat seat_;
  io::UniqueFd epoll_;
  CommandQueue commands_;
  BurstBuffers buffers_;
  Outbox outbox_;
  PortTable ports_;
  RecentPorts recent_;
  std::vector<PortSlot*> ready_;            // those of this round; room is reserved
  std::vector<io::Reception> receptions_;   // those at hand; room is reserved
  std::unique_ptr<RingObserver> observer_;  // null unless somebody watches
  std::unique_ptr<Injection> injection_;    // null unless somebody injects
  PortSlot injection_slot_;                 // stands for it among the ports that are ready
  PortSlot bell_slot_;                      // and for other workers' doorbell
  Clock::time_point poll_time_{};           // of the bursts at hand
  // By place in the burst at hand, when there are several workers: whether it was handed over, and
  // what it is known by among them when it was injected; 0 when not.
  std::array<bool, BurstBuffers::kCount> is_elsewhere_{};
  std::array<std::uint64_t, BurstBuffers::kCount> tags_{};
  std::uint64_t next_tag_ = 1;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_WORKER_H_
