#include "dataplane/replay/live_replay.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace taploom::replay {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kLookInterval = 100ms;
// A worker that says nothing for so long has been replaced, or hangs.
constexpr std::chrono::nanoseconds kPatience = 2s;
// A timer wakes us later than asked; the rest of a wait is spent asking the clock.
constexpr std::chrono::nanoseconds kTimerError = 60us;

}  // namespace

std::uint64_t LiveTotals::lost() const {
  return std::accumulate(drops.begin(), drops.end(), std::uint64_t{0});
}
std::uint64_t LiveTotals::skipped() const {
  return std::accumulate(skips.begin(), skips.end(), std::uint64_t{0});
}

LiveReplay::LiveReplay(const tables::Snapshot& snapshot, Options options, Injector injector,
                       LookAround look_around)
    : arrivals_(snapshot, std::move(options.arrivals)),
      pace_(options.pace),
      injector_(std::move(injector)),
      look_around_(std::move(look_around)) {}

bool LiveReplay::Inject(const io::CapturedFrame& frame) {
  if (arrivals_.IsSeenAgain(frame)) {
    arrivals_.Learn(frame);
    return true;
  }
  if (std::exchange(begins_again_, false)) pace_.BeginAgain(frame.time_ns);
  const std::chrono::nanoseconds due = pace_.Next(frame.time_ns);
  if (!std::exchange(has_begun_, true)) start_ = last_look_ = last_outcome_ = Clock::now();
  if (!arrivals_.Load(frame)) {
    ++totals_.skips[static_cast<std::size_t>(arrivals_.arrival().skip)];
    return !is_stopped_;
  }
  if (!WaitUntil(start_ + due) || !WaitForQuestion()) return false;
  if (!arrivals_.Enter()) {
    ++totals_.skips[static_cast<std::size_t>(arrivals_.arrival().skip)];
    return true;
  }
  Injector::Injected injected{.arrival = arrivals_.arrival(),
                              .packet_id = arrivals_.packet_id(),
                              .is_icmp_error = arrivals_.packet().headers.is_icmp_error,
                              .sent_at = Clock::now()};
  while (!injector_.Send(arrivals_.packet(), injected)) {
    CollectAll(injected.sent_at);
    injector_.Wait(kLookInterval, true);
    injected.sent_at = Clock::now();
    if (!LooksGood(injected.sent_at)) return false;
  }
  ++totals_.sent;
  totals_.bytes += arrivals_.packet().size();
  if (arrivals_.buffer().is_cut_short()) ++totals_.cut_short;
  return true;
}

bool LiveReplay::WaitUntil(Clock::time_point due) {
  while (true) {
    const Clock::time_point now = Clock::now();
    if (!LooksGood(now)) return false;
    // At full speed every outcome would be asked for with a call of its own.
    const bool is_due = now >= due;
    if (!is_due || injector_.in_flight() > Injector::kWindow / 2) CollectAll(now);
    if (is_due) return true;
    const std::chrono::nanoseconds pause = due - now;
    if (pause > kTimerError) injector_.Wait(std::min(pause - kTimerError, kLookInterval), false);
  }
}

bool LiveReplay::WaitForQuestion() {
  const flow::FiveTuple question = arrivals_.arrival().captured.Reversed();
  while (injector_.MayBeInFlight(question) && !arrivals_.IsKnownAnswer()) {
    injector_.Wait(kLookInterval, false);
    const Clock::time_point now = Clock::now();
    CollectAll(now);
    if (!LooksGood(now)) return false;
  }
  return true;
}

bool LiveReplay::LooksGood(Clock::time_point now) {
  if (now - last_look_ >= kLookInterval) {
    last_look_ = now;
    is_stopped_ |= !look_around_();
  }
  return !is_stopped_ && !injector_.is_gone();
}

void LiveReplay::CollectAll(Clock::time_point now) {
  Injector::Injected injected;
  Injector::Outcome outcome;
  while (injector_.Collect(injected, outcome)) {
    last_outcome_ = now;
    Count(injected, outcome, now);
  }
}

void LiveReplay::Count(const Injector::Injected& injected, const Injector::Outcome& outcome,
                       Clock::time_point now) {
  using Kind = worker::InjectionOutcome::Kind;
  if (!outcome) {
    ++totals_.unknown;
    return;
  }
  if (outcome->drop_reason != 0 && outcome->drop_reason < kDropReasonCount)
    ++totals_.drops[outcome->drop_reason];
  if (outcome->kind == Kind::kAnswered && outcome->drop_reason == 0) ++totals_.answered;
  if (outcome->kind != Kind::kSent) return;
  ++totals_.received;
  ++totals_.exits[outcome->port];
  totals_.latencies.Add(now - injected.sent_at);
  arrivals_.Remember(injected.arrival, injected.packet_id, {outcome->port, outcome->after},
                     !injected.is_icmp_error && outcome->after.protocol != 0);
}

bool LiveReplay::Finish() {
  if (!has_begun_) return !injector_.is_gone();
  const Clock::time_point begin = Clock::now();
  Clock::time_point now = begin;
  while (injector_.in_flight() > 0 && !injector_.is_gone() &&
         now - std::max(begin, last_outcome_) < kPatience) {
    injector_.Wait(kLookInterval, false);
    now = Clock::now();
    CollectAll(now);
  }
  totals_.elapsed = last_outcome_ - start_;
  totals_.unknown += injector_.in_flight();
  return !injector_.is_gone();
}

}  // namespace taploom::replay
