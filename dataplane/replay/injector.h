// Injector: the far end of a worker's injection (dataplane/worker/injection.h).
#ifndef TAPLOOM_DATAPLANE_REPLAY_INJECTOR_H_
#define TAPLOOM_DATAPLANE_REPLAY_INJECTOR_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "dataplane/flow/key_view.h"
#include "dataplane/io/unique_fd.h"
#include "dataplane/packet.h"
#include "dataplane/replay/arrival.h"
#include "dataplane/worker/injection_format.h"

namespace taploom::replay {

// Used by one thread.
class Injector {
 public:
  using Clock = std::chrono::steady_clock;

  // Frames whose outcome is not known yet, at most: enough to keep a worker busy.
  static constexpr std::size_t kWindow = 512;

  struct Injected {
    Arrival arrival;
    std::uint64_t packet_id = 0;
    bool is_icmp_error = false;
    Clock::time_point sent_at;
  };
  // What became of one; nothing when the worker could not tell.
  using Outcome = std::optional<worker::InjectionOutcome>;

  // A pair of sockets with as much room as the kernel gives; the far end is for the worker. Both
  // invalid, with errno set, when it gives none.
  struct Ends {
    io::UniqueFd near, far;
  };
  static Ends MakeEnds();

  explicit Injector(io::UniqueFd socket) : socket_(std::move(socket)) {}

  // Hands a frame over. False when there is no room: Collect, Wait, try again.
  bool Send(const Packet& packet, const Injected& injected);

  // Takes the next frame whose fate is known, in the order in which they were sent. False when none
  // is known now.
  bool Collect(Injected& injected, Outcome& outcome);

  // Until there is something to collect (or room to send, when that is waited for), at most
  // `timeout`.
  void Wait(std::chrono::nanoseconds timeout, bool for_room);

  // The worker is gone; what is in flight will never be told.
  bool is_gone() const { return is_gone_; }
  std::size_t in_flight() const { return in_flight_.size(); }
  // Whether a frame of that captured flow may be in flight. False is certain.
  bool MayBeInFlight(const flow::FiveTuple& captured) const {
    return flows_[PlaceOf(captured)] != 0;
  }

 private:
  static std::size_t PlaceOf(const flow::FiveTuple& captured) {
    return flow::Hash({captured, 0}, 0) % kPlaces;
  }
  bool Receive();

  static constexpr std::size_t kPlaces = 8192;

  io::UniqueFd socket_;
  std::deque<Injected> in_flight_;
  std::array<std::uint16_t, kPlaces> flows_{};  // in flight, by hash
  std::uint64_t first_in_flight_ = 0;           // its number
  worker::InjectionReport report_;
  std::size_t taken_ = 0;  // of report_
  bool is_gone_ = false;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_INJECTOR_H_
