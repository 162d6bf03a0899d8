// `replay --bench`: how fast captures go through, from memory, on one core.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/bench/tcpreplay.h"
#include "cli/replay_request.h"
#include "cli/talk.h"
#include "dataplane/replay/replayer.h"
#include "dataplane/replay/verdict_line.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;
using replay::Replayer;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostBytes = std::size_t{2} << 30;
constexpr int kRounds = 5;
constexpr std::uint64_t kLeastPackets =
    1'000'000;  // in a round; a small capture goes round and round

// What is asked of one core (issue "Capture and replay").
constexpr double kTarget = 2e6, kTargetWithVerdicts = 5e5;

// Captures in one piece of memory.
struct Recording {
  struct Entry {
    std::size_t offset;
    io::CapturedFrame frame;
  };
  std::vector<std::uint8_t> bytes;
  std::vector<Entry> entries;
};

// Cycles as the processor's clock counts them; 0 where it cannot be read.
std::uint64_t Cycles() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return 0;
#endif
}

// Of this thread: what others do on the machine meanwhile does not count.
double ProcessorSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Measurement {
  double packets_per_second = 0, cycles_per_packet = 0;
};

Measurement Measure(const Recording& recording,
                    const std::shared_ptr<const tables::Snapshot>& snapshot,
                    const Replayer::Options& options) {
  Replayer replayer(snapshot, options);
  std::string text;
  std::uint64_t packets = 0;
  std::int64_t shift_ns = 0;  // time goes on from one passage to the next
  const std::int64_t first_ns = recording.entries.front().frame.time_ns;
  const std::int64_t span_ns = recording.entries.back().frame.time_ns - first_ns;
  const Clock::time_point begin = Clock::now();
  const double begin_seconds = ProcessorSeconds();
  const std::uint64_t begin_cycles = Cycles();
  while (packets < kLeastPackets) {
    for (const Recording::Entry& entry : recording.entries) {
      io::CapturedFrame frame = entry.frame;
      frame.time_ns += shift_ns;
      if (!replayer.Replay(frame)) continue;
      ++packets;
      if (!options.listens) continue;
      replay::AppendVerdictLine(replayer, text);
      if (text.size() > (1 << 18)) text.clear();
    }
    shift_ns += std::max<std::int64_t>(span_ns, 0) + 1;
    if (packets == 0) break;
  }
  const double all_cycles = static_cast<double>(Cycles() - begin_cycles);
  const double seconds = ProcessorSeconds() - begin_seconds;
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  const double cycles = all_cycles * seconds / elapsed;
  const double count = static_cast<double>(std::max<std::uint64_t>(packets, 1));
  return {count / seconds, cycles / count};
}

ordered_json RowsOf(const char* name, std::vector<Measurement> rounds, double target) {
  std::sort(rounds.begin(), rounds.end(), [](const Measurement& left, const Measurement& right) {
    return left.packets_per_second < right.packets_per_second;
  });
  const Measurement& median = rounds[rounds.size() / 2];
  const auto rounded = [](double value) { return static_cast<std::uint64_t>(value + 0.5); };
  return ordered_json::array({{{"name", name},
                               {"value", rounded(median.packets_per_second)},
                               {"unit", "packets/s of processor time"},
                               {"least", rounded(rounds.front().packets_per_second)},
                               {"most", rounded(rounds.back().packets_per_second)},
                               {"target", rounded(target)},
                               {"met", median.packets_per_second >= target}},
                              {{"name", fmt::format("{}, cycles", name)},
                               {"value", rounded(median.cycles_per_packet)},
                               {"unit", "cycles/packet"}}});
}

}  // namespace

int BenchReplay(const ReplayRequest& request) {
  const auto snapshot = SnapshotFor(request.topology);
  if (!snapshot.ok()) return Fail(snapshot.status());
  const auto port = EntranceOf(request, **snapshot);
  if (!port.ok()) return Fail(port.status());
  const auto source = OpenAll(request);
  if (!source.ok()) return Fail(source.status());

  Recording recording;
  io::CapturedFrame next;
  while ((*source)->Next(next)) {
    if (recording.bytes.size() + next.bytes.size() > kMostBytes)
      return Fail(kBadInput,
                  "--bench keeps the captures in memory, and they are larger than 2 GiB");
    recording.entries.push_back({recording.bytes.size(), next});
    recording.bytes.insert(recording.bytes.end(), next.bytes.begin(), next.bytes.end());
  }
  if (!(*source)->error().empty()) Say((*source)->error());
  if (recording.entries.empty()) return Fail(kBadInput, "the captures hold no packet");
  for (Recording::Entry& entry : recording.entries) {
    entry.frame.bytes = std::span(recording.bytes).subspan(entry.offset, entry.frame.bytes.size());
    entry.frame.interface = {};  // belongs to the file
  }

  std::vector<Measurement> plain, with_verdicts;
  for (int round = 0; round < kRounds; ++round) {
    plain.push_back(Measure(recording, *snapshot, {.in_port = *port, .map = request.map}));
    with_verdicts.push_back(
        Measure(recording, *snapshot, {.in_port = *port, .map = request.map, .listens = true}));
  }
  ordered_json rows = RowsOf("replay", plain, kTarget);
  // Measured alone: it is given one file, as it is.
  if (request.captures.size() == 1) {
    const auto tcpreplay = bench::MeasureTcpreplay(request.captures[0], recording.entries.size());
    if (tcpreplay.ok()) {
      rows[0]["yardstick"] = {{"name", "tcpreplay --preload-pcap --topspeed into a TAP"},
                              {"value", static_cast<std::uint64_t>(*tcpreplay)}};
      rows[0]["ratio"] = std::round(rows[0]["value"].get<double>() / *tcpreplay * 100) / 100;
    } else {
      Say(fmt::format("not measured beside tcpreplay: {}",
                      std::string(tcpreplay.status().message())));
    }
  }
  for (ordered_json& row : RowsOf("replay with verdicts", with_verdicts, kTargetWithVerdicts))
    rows.push_back(std::move(row));
  fmt::print("{}", Render({{"rows", std::move(rows)}}, Format::kJson));
  return kDone;
}

}  // namespace taploom::cli
