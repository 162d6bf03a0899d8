// Worker: the burst loop. Ready ports → burst → pipeline → ports, on one thread that owns all of
// them.
//
//   commands ─► epoll ─► ready ports, in turn ─► Receive ≤ 32 ─► Pipeline::Process ─► Outbox ───┐
//                 ▲ blocks only when nothing came for `spin`                                    │
//                 └─────────────────────────────────────────────────────────────────────────────┘
//
// After the last packet the worker keeps asking epoll without blocking for `spin`: a reply that
// comes within it does not pay for waking a thread. Asking epoll costs the same for one port and
// for a thousand, and idle ports are never read. A worker without traffic sleeps.
#ifndef TAPLOOM_DATAPLANE_WORKER_WORKER_H_
#define TAPLOOM_DATAPLANE_WORKER_WORKER_H_

#include <chrono>
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
#include "dataplane/worker/injection.h"
#include "dataplane/worker/outbox.h"
#include "dataplane/worker/port_table.h"
#include "dataplane/worker/ring_observer.h"

namespace taploom::worker {

class Worker {
  using Clock = std::chrono::steady_clock;

 public:
  struct Options {
    std::chrono::microseconds spin{30};
  };

  // Starts the thread. `pipeline` must outlive the worker and from now on belongs to its thread:
  // others touch it, and call the functions marked "inside Execute", only there. `frame_io` has not
  // been used by another thread. Throws std::system_error when the kernel has no descriptors,
  // memory or threads left.
  Worker(Pipeline& pipeline, const Options& options,
         std::unique_ptr<io::FrameIo> frame_io = std::make_unique<io::ReadWrite>());
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  // Finishes the burst at hand and ends the thread.
  ~Worker();

  // Runs `command` on the worker's thread between two bursts and returns when it is done. From any
  // other thread.
  void Execute(const std::function<void()>& command) { commands_.Execute(command); }

  // The time that the worker's pipeline lives in. Any thread.
  Tick Now() const { return std::chrono::duration_cast<Tick>(Clock::now() - start_); }

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
  void ServeReadyPorts(Tick now);
  void ServeTogether(std::span<PortSlot* const> slots, Tick now);
  void ServeInjection(Tick now);
  // Says of a burst where it came from, and how much to ask for next time.
  static void NoteReceived(PortSlot& slot, std::span<Packet> burst);
  void Forward(std::span<Packet> burst, Tick now);
  void ForwardObserved(std::span<Packet> burst, Tick now);

  Pipeline& pipeline_;
  const Options options_;
  const std::unique_ptr<io::FrameIo> frame_io_;
  const Clock::time_point start_ = Clock::now();
  io::UniqueFd epoll_;
  CommandQueue commands_;
  BurstBuffers buffers_;
  Outbox outbox_;
  PortTable ports_;
  std::vector<PortSlot*> ready_;            // those of this round; room is reserved
  std::vector<io::Reception> receptions_;   // those at hand; room is reserved
  std::unique_ptr<RingObserver> observer_;  // null unless somebody watches
  std::unique_ptr<Injection> injection_;    // null unless somebody injects
  PortSlot injection_slot_;                 // stands for it among the ports that are ready
  Clock::time_point poll_time_{};           // of the bursts at hand
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_WORKER_H_
