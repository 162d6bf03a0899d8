// `trace`: live packets through every stage, told by the dataplane through a ring.
#include <fmt/format.h>
#include <pcap/pcap.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/ring_session.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "cli/trace_printer.h"
#include "control/process/host_error.h"

namespace taploom::cli {
namespace {

constexpr std::size_t kRingBytes = std::size_t{16} << 20;
constexpr int kLargestFrame = 262'144;

// "1/100" or "100": every hundredth of the packets that match.
absl::StatusOr<std::uint32_t> SampleOf(const std::string& text) {
  if (text.empty()) return 1;
  const std::string digits = text.starts_with("1/") ? text.substr(2) : text;
  std::uint32_t every = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), every);
  if (error != std::errc() || end != digits.data() + digits.size() || every == 0)
    return absl::InvalidArgumentError(
        fmt::format("--sample is \"{}\", expected 1/N with an N above 0", text));
  return every;
}

// Compiled for Ethernet, which every device of a fabric is.
absl::StatusOr<std::vector<observe::FilterInstruction>> ProgramOf(const std::string& filter) {
  std::vector<observe::FilterInstruction> program;
  if (filter.empty()) return program;
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> compiler(
      pcap_open_dead(DLT_EN10MB, kLargestFrame), &pcap_close);
  bpf_program compiled{};
  if (pcap_compile(compiler.get(), &compiled, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no filter: {}", filter, pcap_geterr(compiler.get())));
  }
  static_assert(sizeof(bpf_insn) == sizeof(observe::FilterInstruction));
  program.resize(compiled.bf_len);
  std::memcpy(static_cast<void*>(program.data()), compiled.bf_insns,
              program.size() * sizeof(bpf_insn));
  pcap_freecode(&compiled);
  if (program.size() > observe::PacketFilter::kMostInstructions)
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is too long a filter: {} instructions, at most {}", filter,
                    program.size(), observe::PacketFilter::kMostInstructions));
  return program;
}

}  // namespace

int TracePackets(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  std::uint64_t count = 0, seconds = 0;  // 0 = no limit
  absl::Status status = ReadNumber(arguments, "count", 1, UINT64_MAX, count);
  status.Update(ReadNumber(arguments, "seconds", 1, 1'000'000'000, seconds));
  if (!status.ok()) return Fail(status);
  const auto sample = SampleOf(arguments.Value("sample"));
  if (!sample.ok()) return Fail(sample.status());
  const auto program = ProgramOf(arguments.Value("filter"));
  if (!program.ok()) return Fail(program.status());

  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::ApiClient fabric = ClientOf(*paths);
  const api::Reply about = fabric.Get("capture");
  if (!about.ok()) return Fail(about);
  const std::vector<CaptureInterface> interfaces = InterfacesOf(about.body);
  const auto ports = PortsOf(arguments.Values("on"), interfaces);
  if (!ports.ok()) return Fail(ports.status());

  const std::size_t workers = WorkersOf(about.body);
  const int descriptor =
      observe::CaptureRingMemory::MakeForTrace(kRingBytes, *ports, *sample, *program, workers);
  if (descriptor < 0) return Fail(process::HostError("make the ring of the trace", errno));
  const auto session = RingSession::Open(descriptor, observe::CaptureRingMemory::SizeOf(kRingBytes),
                                         workers, fabric);
  if (!session.ok()) return Fail(kHostCannot, std::string(session.status().message()));
  const api::Reply started = (*session)->Start();
  if (!started.ok()) return Fail(started);
  Say(fmt::format("tracing {}; Ctrl-C ends it", paths->fabric));

  const TracePrinter printer(interfaces, *format);
  std::uint64_t shown = 0;
  const std::string end =
      (*session)->Run(seconds, {.take = [&](const RingSession::Entry& entry) -> std::string {
                                  const auto text = printer.Print(entry);
                                  if (!text)
                                    return "the dataplane wrote something that is no traced packet";
                                  if (std::fputs(text->c_str(), stdout) < 0)
                                    return "nothing more can be written";
                                  ++shown;
                                  return count != 0 && shown >= count ? "the count is reached" : "";
                                },
                                .flush = [] { return std::fflush(stdout) == 0; }});
  std::fflush(stdout);
  Say(fmt::format("{}: {} packets told, {} lost", end, shown, (*session)->lost()));
  return (*session)->is_broken() ? kHostCannot : kDone;
}

}  // namespace taploom::cli
