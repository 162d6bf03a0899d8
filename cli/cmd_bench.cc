// `bench` makes its own fabric and yardsticks, loads them in turns, and takes everything away.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "cli/bench/interrupt.h"
#include "cli/bench/load.h"
#include "cli/bench/program.h"
#include "cli/bench/report.h"
#include "cli/bench/rig.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/talk.h"
#include "control/did_you_mean.h"
#include "control/runtime/frame_io_choice.h"

namespace taploom::cli {
namespace {

using bench::Load;
using bench::Rig;

struct Plan {
  int rounds = 5, seconds = 3;
  // One minute in all: what takes long to begin is measured in the first round only.
  bool is_quick = false;
  int crowd = 0;  // ENIs of a second, crowded fabric; 0 = none
  bool with_ovs = false, with_plain_ovs = false;
  bench::Setup setup;
  std::vector<const Load*> loads;
};

// A whole number of at least 1.
std::optional<int> Count(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

absl::Status ReadSetup(const Arguments& arguments, bench::Setup& setup) {
  setup.ipv6 = arguments.Has("ipv6");
  if (arguments.Has("mtu")) {
    const std::string text = arguments.Value("mtu");
    if (text != "1280" && text != "1500" && text != "9001") {
      return absl::InvalidArgumentError(
          fmt::format("--mtu takes 1280, 1500 or 9001, not \"{}\"", text));
    }
    setup.mtu = *Count(text);
  }
  const std::string io(arguments.Has("io") ? arguments.Value("io") : runtime::kReadWrite);
  if (!runtime::IsFrameIo(io)) {
    return absl::InvalidArgumentError(
        fmt::format("--io takes {} or {}, not \"{}\"", runtime::kReadWrite, runtime::kIoUring, io));
  }
  setup.io_uring = io == runtime::kIoUring;
  return absl::OkStatus();
}

absl::StatusOr<Plan> PlanOf(const Arguments& arguments) {
  Plan plan;
  plan.is_quick = arguments.Has("quick");
  if (plan.is_quick) plan.rounds = 2, plan.seconds = 1;
  const std::pair<const char*, int*> numbers[] = {
      {"rounds", &plan.rounds}, {"seconds", &plan.seconds}, {"enis", &plan.crowd}};
  for (const auto& [option, field] : numbers) {
    if (!arguments.Has(option)) continue;
    const auto count = Count(arguments.Value(option));
    if (!count) {
      return absl::InvalidArgumentError(fmt::format(
          "--{} takes a whole number of at least 1, not \"{}\"", option, arguments.Value(option)));
    }
    *field = *count;
  }
  for (const std::string& peer : arguments.Values("peer")) {
    if (peer != "ovs" && peer != "ovs-plain") {
      return absl::InvalidArgumentError(
          fmt::format("no peer \"{}\"; there are: ovs, ovs-plain", peer));
    }
    (peer == "ovs" ? plan.with_ovs : plan.with_plain_ovs) = true;
  }
  if (absl::Status status = ReadSetup(arguments, plan.setup); !status.ok()) return status;
  std::vector<std::string> names;
  for (const Load& load : bench::Loads()) names.emplace_back(load.name);
  for (const std::string& name : arguments.Values("load")) {
    const Load* load = bench::FindLoad(name);
    if (load == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("no load \"{}\"{}", name, control::DidYouMean(name, names)));
    }
    if (plan.setup.ipv6 && !load->knows_ipv6) {
      return absl::InvalidArgumentError(
          fmt::format("the program of the load {} knows no IPv6", name));
    }
    plan.loads.push_back(load);
  }
  if (plan.loads.empty()) {
    for (const Load& load : bench::Loads()) {
      if (!plan.setup.ipv6 || load.knows_ipv6) plan.loads.push_back(&load);
    }
  }
  return plan;
}

// One line that is written over while a terminal watches, else a line for each step.
class Progress {
 public:
  explicit Progress(int steps) : steps_(steps) {}
  ~Progress() {
    if (terminal_) fmt::print(stderr, "\r\033[K");
  }
  void Step(const std::string& what) {
    ++step_;
    if (!terminal_) return fmt::print(stderr, "[{:3}/{}] {}\n", step_, steps_, what);
    const int full = 24 * step_ / steps_;
    fmt::print(stderr, "\r\033[K[{:=<{}}{:<{}}] {}/{} {}", "", full, "", 24 - full, step_, steps_,
               what);
  }

 private:
  const int steps_;
  int step_ = 0;
  const bool terminal_ = isatty(STDERR_FILENO) == 1;
};

using Maker = absl::StatusOr<std::unique_ptr<Rig>> (*)(const Plan&);

absl::Status MakeRigs(const Plan& plan, std::vector<std::unique_ptr<Rig>>& rigs,
                      std::vector<bench::ServerPark>& parks) {
  std::vector<Maker> makers = {
      [](const Plan& p) { return bench::MakeFabricRig(p.setup, 0, p.setup.io_uring); },
      [](const Plan& p) { return bench::MakeForwarderRig(p.setup); },
      [](const Plan& p) { return bench::MakeKernelRig(p.setup); }};
  if (plan.setup.io_uring)
    makers.push_back([](const Plan& p) { return bench::MakeFabricRig(p.setup, 0, false); });
  if (plan.crowd > 0) {
    makers.push_back(
        [](const Plan& p) { return bench::MakeFabricRig(p.setup, p.crowd, p.setup.io_uring); });
  }
  if (plan.with_ovs)
    makers.push_back([](const Plan& p) { return bench::MakeOvsRig(p.setup, true); });
  if (plan.with_plain_ovs)
    makers.push_back([](const Plan& p) { return bench::MakeOvsRig(p.setup, false); });
  for (const Maker make : makers) {
    auto rig = make(plan);
    if (!rig.ok()) return rig.status();
    rigs.push_back(*std::move(rig));
    auto park = bench::ServerPark::Open(*rigs.back());
    if (!park.ok()) return park.status();
    parks.push_back(*std::move(park));
  }
  return absl::OkStatus();
}

bool IsMeasured(const Plan& plan, const Load& load, int round) {
  return round == 0 || load.is_short || !plan.is_quick;
}

int StepsOf(const Plan& plan, std::size_t rigs) {
  std::size_t loads = 0;
  for (int round = 0; round < plan.rounds; ++round) {
    loads += static_cast<std::size_t>(
        std::count_if(plan.loads.begin(), plan.loads.end(),
                      [&](const Load* load) { return IsMeasured(plan, *load, round); }));
  }
  return static_cast<int>(loads * rigs);
}

// In turns, and every round begins with another rig: what the machine does meanwhile meets all
// alike.
absl::Status Measure(const Plan& plan, const std::vector<std::unique_ptr<Rig>>& rigs,
                     const std::vector<bench::ServerPark>& parks, bench::Report& report) {
  Progress progress(StepsOf(plan, rigs.size()));
  for (int round = 0; round < plan.rounds; ++round) {
    for (const Load* load : plan.loads) {
      if (!IsMeasured(plan, *load, round)) continue;
      for (std::size_t turn = 0; turn < rigs.size(); ++turn) {
        const std::size_t place = (turn + static_cast<std::size_t>(round)) % rigs.size();
        const Rig& rig = *rigs[place];
        progress.Step(fmt::format("{} · {}", load->name, rig.name()));
        const auto sample = load->measure(rig, plan.seconds);
        if (!sample.ok()) return sample.status();
        report.Add(rig.name(), *sample);
        if (!load->bulk) continue;
        const absl::Status intact = bench::CheckIntegrity(rig, parks[place], *load->bulk);
        if (!intact.ok()) return intact;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status RunPlan(const Plan& plan, std::optional<bench::Report>& report) {
  const bench::InterruptWatch interrupts;
  // The servers end before the namespaces they run in.
  std::vector<std::unique_ptr<Rig>> rigs;
  std::vector<bench::ServerPark> parks;
  Say("Making the fabric and its yardsticks …");
  if (absl::Status made = MakeRigs(plan, rigs, parks); !made.ok()) return made;
  std::vector<std::string> names;
  for (const auto& rig : rigs) names.push_back(rig->name());
  report.emplace(names);
  return Measure(plan, rigs, parks, *report);
}

}  // namespace

std::string BenchLoadsText() {
  std::string text = "loads:\n";
  for (const Load& load : bench::Loads()) {
    text += fmt::format("  {:<20} {}\n", load.name, load.summary);
  }
  return text + "\n";
}

int Bench(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  const auto plan = PlanOf(arguments);
  if (!plan.ok()) return Fail(plan.status());
  if (const auto missing = bench::MissingPrograms(); !missing.empty()) {
    return Fail(kHostCannot, fmt::format("bench needs {}", fmt::join(missing, ", ")));
  }
  if (geteuid() != 0) return Fail(kHostCannot, "bench makes network namespaces" + RootHint());

  std::optional<bench::Report> report;
  if (const absl::Status status = RunPlan(*plan, report); !status.ok()) return Fail(status);
  const std::string json = report->Json().dump(2) + "\n";
  for (const auto& [option, text] : {std::pair{"svg", report->Svg()}, {"json", json}}) {
    if (!arguments.Has(option)) continue;
    std::ofstream file(arguments.Value(option));
    file << text;
    if (!file.flush()) return Fail(kHostCannot, "cannot write " + arguments.Value(option));
  }
  fmt::print("{}", *format == Format::kJson ? json : report->Table());
  return kDone;
}

}  // namespace taploom::cli
