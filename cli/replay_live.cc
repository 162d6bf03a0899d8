// `replay --live`: captures into a fabric that runs.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <utility>

#include "cli/progress_bar.h"
#include "cli/replay_request.h"
#include "cli/replay_summary.h"
#include "cli/running_snapshot.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "control/process/host_error.h"
#include "dataplane/replay/live_replay.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;
using replay::Injector;
using replay::LiveReplay;
using replay::LiveTotals;

volatile std::sig_atomic_t stopped = 0;
void Stop(int) { stopped = 1; }

std::uint64_t CountFrames(const ReplayRequest& request) {
  const auto source = OpenAll(request);
  if (!source.ok()) return 0;
  std::uint64_t count = 0;
  io::CapturedFrame frame;
  while ((*source)->Next(frame)) ++count;
  return count;
}

double Microseconds(std::chrono::nanoseconds duration) {
  return static_cast<double>(duration.count()) * 1e-3;
}
double Seconds(const LiveTotals& totals) {
  return static_cast<double>(totals.elapsed.count()) * 1e-9;
}
double PerSecond(double amount, const LiveTotals& totals) {
  return totals.elapsed.count() > 0 ? amount / Seconds(totals) : 0;
}

std::string SummaryText(const LiveTotals& totals, const replay::PortNames& names) {
  std::string text = fmt::format(
      "{} frames sent in {:.3f} s ({:.0f}/s, {:.1f} Mbit/s): {} received, {} answered by the "
      "fabric, {} lost{}\n",
      totals.sent, Seconds(totals), PerSecond(static_cast<double>(totals.sent), totals),
      PerSecond(static_cast<double>(totals.bytes) * 8e-6, totals), totals.received, totals.answered,
      totals.lost(), totals.unknown == 0 ? "" : fmt::format(", {} unknown", totals.unknown));
  if (totals.cut_short != 0)
    text += fmt::format("  {} were recorded in part only; zeros stand for the rest\n",
                        totals.cut_short);
  for (const auto& [port, count] : totals.exits)
    text += fmt::format("  at   {:<8} {}\n", count, names[port].name);
  text += ReasonLines("lost", totals.drops, DropText) + ReasonLines("skip", totals.skips, SkipText);
  if (totals.latencies.count() != 0) {
    text += fmt::format(
        "  latency in us: least {:.1f}, half {:.1f}, 99 % {:.1f}, most {:.1f}\n",
        Microseconds(totals.latencies.Quantile(0)), Microseconds(totals.latencies.Quantile(0.5)),
        Microseconds(totals.latencies.Quantile(0.99)), Microseconds(totals.latencies.Quantile(1)));
  }
  return text;
}

ordered_json SummaryJson(const LiveTotals& totals, const replay::PortNames& names) {
  ordered_json exits = ordered_json::object();
  for (const auto& [port, count] : totals.exits) exits[names[port].name] = count;
  ordered_json json = {
      {"sent", totals.sent},
      {"bytes", totals.bytes},
      {"cut_short", totals.cut_short},
      {"received", totals.received},
      {"received_at", std::move(exits)},
      {"answered", totals.answered},
      {"lost", CountsJson(totals.drops, DropText)},
      {"unknown", totals.unknown},
      {"skipped", CountsJson(totals.skips, SkipText)},
      {"seconds", Seconds(totals)},
      {"packets_per_second", PerSecond(static_cast<double>(totals.sent), totals)},
  };
  if (totals.latencies.count() != 0) {
    json["latency_us"] = {{"least", Microseconds(totals.latencies.Quantile(0))},
                          {"p50", Microseconds(totals.latencies.Quantile(0.5))},
                          {"p90", Microseconds(totals.latencies.Quantile(0.9))},
                          {"p99", Microseconds(totals.latencies.Quantile(0.99))},
                          {"most", Microseconds(totals.latencies.Quantile(1))}};
  }
  return json;
}

// Has the fabric take frames from a socket; the near end is ours.
absl::StatusOr<Injector> InjectorInto(const api::ApiClient& fabric, api::Reply& refusal) {
  Injector::Ends ends = Injector::MakeEnds();
  if (!ends.near.valid()) return process::HostError("make a socket pair", errno);
  refusal = fabric.Post("inject", {{"pid", getpid()}, {"descriptor", ends.far.get()}});
  if (!refusal.ok()) return absl::UnavailableError(refusal.error);
  return Injector(std::move(ends.near));  // the fabric has a copy of the far end
}

// All loops, or until nothing more can be injected. Returns what is wrong with the captures.
std::string InjectAll(const ReplayRequest& request, LiveReplay& replay) {
  for (std::uint64_t loop = 0; loop < request.loops; ++loop) {
    const auto source = OpenAll(request);
    if (!source.ok()) return std::string(source.status().message());
    if (loop > 0) replay.BeginAgain();
    io::CapturedFrame frame;
    while ((*source)->Next(frame)) {
      if (!replay.Inject(frame)) return "";
    }
    if (!(*source)->error().empty()) return (*source)->error();
  }
  return "";
}

}  // namespace

int ReplayLive(const ReplayRequest& request) {
  const auto paths = SelectFabric(request.live);
  if (!paths.ok()) return Fail(paths.status());
  const api::ApiClient fabric = ClientOf(*paths);
  std::string config;
  if (const api::Reply reply = fabric.GetConfig(config); !reply.ok()) return Fail(reply);
  const auto snapshot = RunningSnapshot(config);
  if (!snapshot.ok()) return Fail(snapshot.status());
  const auto port = EntranceOf(request, **snapshot);
  if (!port.ok()) return Fail(port.status());
  if (const auto source = OpenAll(request); !source.ok()) return Fail(source.status());
  api::Reply refusal;
  auto injector = InjectorInto(fabric, refusal);
  if (!injector.ok()) return refusal.error.empty() ? Fail(injector.status()) : Fail(refusal);

  signal(SIGINT, Stop);
  signal(SIGTERM, Stop);
  // Timers end when they are asked to, not up to 50 us later.
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  const LiveTotals* progress = nullptr;
  std::unique_ptr<ProgressBar> bar;
  if (ProgressBar::IsWanted())
    bar = std::make_unique<ProgressBar>(CountFrames(request) * request.loops, "frames");
  LiveReplay replay(**snapshot,
                    {.arrivals = {.in_port = *port, .map = request.map}, .pace = request.pace},
                    *std::move(injector), [&] {
                      if (bar != nullptr) bar->Show(progress->sent + progress->skipped());
                      return stopped == 0;
                    });
  progress = &replay.totals();
  const std::string broken = InjectAll(request, replay);
  const bool is_alive = replay.Finish();
  bar.reset();
  fmt::print("{}", request.format == Format::kJson
                       ? Render(SummaryJson(replay.totals(), replay.names()), Format::kJson)
                       : SummaryText(replay.totals(), replay.names()));
  if (!broken.empty())
    return Fail(kBadInput,
                fmt::format("{}; the {} frames before it were sent", broken, replay.totals().sent));
  return is_alive ? kDone : Fail(kHostCannot, "the dataplane is gone");
}

}  // namespace taploom::cli
