// LiveReplay: captured frames into a fabric that runs, in time, and what became of them.
//
//   LiveReplay replay(snapshot, options, std::move(injector), [] { return !stopped; });
//   while (source.Next(frame) && replay.Inject(frame)) {}
//   replay.Finish();
//   Use(replay.totals());
#ifndef TAPLOOM_DATAPLANE_REPLAY_LIVE_REPLAY_H_
#define TAPLOOM_DATAPLANE_REPLAY_LIVE_REPLAY_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "dataplane/replay/arrival.h"
#include "dataplane/replay/injector.h"
#include "dataplane/replay/latencies.h"
#include "dataplane/replay/pace.h"

namespace taploom::replay {

struct LiveTotals {
  std::uint64_t sent = 0, bytes = 0;  // handed over
  std::uint64_t received = 0;         // of these, on a receiver's device
  std::uint64_t answered = 0;         // by the fabric itself: ARP, an ICMP error, a reset
  std::uint64_t unknown = 0;          // nobody said what became of them
  std::uint64_t cut_short = 0;
  std::array<std::uint64_t, kDropReasonCount> drops{};
  std::array<std::uint64_t, kSkipReasonCount> skips{};  // never handed over
  std::map<tables::PortId, std::uint64_t> exits;        // those received, by where
  // From handing a frame over to knowing that it is on a receiver's device.
  Latencies latencies;
  std::chrono::nanoseconds elapsed{};  // from the first frame to the last outcome

  std::uint64_t lost() const;
  std::uint64_t skipped() const;
};

class LiveReplay {
 public:
  struct Options {
    Arrivals::Options arrivals;
    Pace pace = Pace::AsCaptured(1);
  };
  // Called about ten times a second; false ends the replay.
  using LookAround = std::function<bool()>;

  // `snapshot`: of the configuration that runs, which must outlive it.
  LiveReplay(const tables::Snapshot& snapshot, Options options, Injector injector,
             LookAround look_around);

  // Waits until the frame is due and injects it, unless it is one that cannot enter. False when
  // there is no point in going on.
  bool Inject(const io::CapturedFrame& frame);
  // The captures begin again.
  void BeginAgain() { begins_again_ = true; }
  // Waits for what is in flight. False when the fabric is gone.
  bool Finish();

  const LiveTotals& totals() const { return totals_; }
  const PortNames& names() const { return arrivals_.names(); }

 private:
  using Clock = Injector::Clock;

  bool WaitUntil(Clock::time_point due);
  // A question in flight says how it left; only then its answer's entrance is known.
  bool WaitForQuestion();
  bool LooksGood(Clock::time_point now);
  void CollectAll(Clock::time_point now);
  void Count(const Injector::Injected& injected, const Injector::Outcome& outcome,
             Clock::time_point now);

  Arrivals arrivals_;
  Pace pace_;
  Injector injector_;
  const LookAround look_around_;
  LiveTotals totals_;
  bool has_begun_ = false, begins_again_ = false, is_stopped_ = false;
  Clock::time_point start_, last_look_, last_outcome_;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_LIVE_REPLAY_H_
