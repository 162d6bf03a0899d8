#include "dataplane/replay/output_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "dataplane/io/fragment.h"
#include "dataplane/replay/verdict_line.h"

namespace taploom::replay {
namespace {

constexpr const char* kApplication = "taploom replay";

// Load balancer nodes and further interfaces have a slash in their names.
std::string FileNameOf(std::string name) {
  std::replace(name.begin(), name.end(), '/', '_');
  return name + ".pcapng";
}

}  // namespace

OutputFolder::OutputFolder(std::string folder, const Replayer& replayer, std::string& error)
    : folder_(std::move(folder)),
      names_(AddressNamesOf(replayer.snapshot())),
      hops_(replayer.snapshot()) {
  std::error_code failure;
  std::filesystem::create_directories(folder_, failure);
  if (failure) {
    error = fmt::format("cannot make the folder {}: {}", folder_, failure.message());
    return;
  }
  if (Open("fabric.pcapng", fabric_)) {
    // Interface numbers are port numbers; port 0 is nobody's, and stands for frames that never
    // entered.
    for (std::size_t port = 0; port < std::max<std::size_t>(replayer.names().size(), 1); ++port) {
      const PortName& name = replayer.names()[static_cast<tables::PortId>(port)];
      first_gateway_ =
          fabric_.writer->AddInterface(name.name.empty() ? "-" : name.name, name.description) + 1;
    }
    for (const GatewayName& gateway : hops_.gateways())
      fabric_.writer->AddInterface(gateway.name, gateway.description);
    fabric_.writer->AddNames(names_);
  }
  error = error_;
}

bool OutputFolder::Open(const std::string& name, Output& output) {
  output.path = folder_ + "/" + name;
  output.file.reset(std::fopen(output.path.c_str(), "wbe"));
  if (output.file == nullptr) {
    error_ = fmt::format("cannot write {}: {}", output.path, std::strerror(errno));
    return false;
  }
  output.writer = std::make_unique<io::PcapngWriter>(output.file.get());
  output.writer->Begin(kApplication);
  return true;
}

OutputFolder::Output* OutputFolder::ExitOf(const Replayer& replayer, tables::PortId port) {
  const auto found = exits_.find(port);
  if (found != exits_.end()) return &found->second;
  const PortName& name = replayer.names()[port];
  Output output;
  if (!Open(FileNameOf(name.name), output)) return nullptr;
  output.writer->AddInterface(name.name, name.description);
  output.writer->AddNames(names_);
  return &exits_.emplace(port, std::move(output)).first->second;
}

void OutputFolder::Write(const Replayer& replayer) {
  const ReplayedPacket& packet = replayer.last();
  if (packet.skip != SkipReason::kNone || !error_.empty()) return;
  const std::string comment = VerdictComment(replayer);
  fabric_.writer->Write({.interface = packet.in_port,
                         .time_ns = packet.time_ns,
                         .head = packet.entered_head,
                         .tail = packet.entered_tail,
                         .original_size = packet.entered_size,
                         .direction = io::FrameDirection::kInbound,
                         .packet_id = packet.number,
                         .comment = comment});
  WriteHops(replayer, comment);
  if (!packet.leaves()) return;
  // Zeros that stand for what was cut off are not written; an answer of the fabric is whole.
  const bool is_whole = !packet.is_cut_short || packet.verdict.kind == Verdict::Kind::kReply;
  const std::uint32_t recorded = is_whole ? packet.packet->size() : packet.recorded_size;
  if (packet.verdict.kind != Verdict::Kind::kFragment)
    return WriteLeaving(replayer, *packet.packet, recorded);
  io::Fragmenter fragmenter(*packet.packet, packet.verdict.mtu);
  Packet fragment;
  while (fragmenter.valid() && fragmenter.Next(fragment))
    WriteLeaving(replayer, fragment, fragment.size());
}

const std::vector<GatewayHop>& OutputFolder::HopsOf(const Replayer& replayer) {
  const ReplayedPacket& packet = replayer.last();
  replayer.FindPassages(passages_);
  if (!packet.is_delivered() || !passages_.empty()) return hops_.Find(packet.headers, passages_);
  const wire::Headers left = wire::Parse(packet.packet->head_bytes(), packet.packet->size());
  return hops_.Find({packet.in_port, packet.headers}, {packet.verdict.port, left});
}

void OutputFolder::WriteHops(const Replayer& replayer, const std::string& comment) {
  const ReplayedPacket& packet = replayer.last();
  const std::vector<GatewayHop>& hops = HopsOf(replayer);
  if (hops.empty()) return;
  std::array<std::uint8_t, Packet::kHeadCapacity> head{};  // zeros for what was cut off
  std::copy(packet.entered_head.begin(), packet.entered_head.end(), head.begin());
  Packet frame;
  frame.head = head.data();
  frame.head_size = std::min<std::uint32_t>(packet.entered_size, Packet::kHeadCapacity);
  frame.tail_size = packet.entered_size - frame.head_size;
  frame.headers = packet.headers;
  ForEachHop(frame, hops, [&](const GatewayHop& hop, bool is_outbound) {
    fabric_.writer->Write(
        {.interface = first_gateway_ + static_cast<std::uint32_t>(hop.gateway),
         .time_ns = packet.time_ns,
         .head = std::span(head).first(packet.entered_head.size()),
         .tail = packet.entered_tail,
         .original_size = packet.entered_size,
         .direction = is_outbound ? io::FrameDirection::kOutbound : io::FrameDirection::kInbound,
         .packet_id = packet.number,
         .comment = hop.has_left ? std::string_view() : comment});
  });
}

void OutputFolder::WriteLeaving(const Replayer& replayer, const Packet& frame,
                                std::uint32_t recorded_size) {
  const ReplayedPacket& packet = replayer.last();
  Output* exit = ExitOf(replayer, packet.verdict.port);
  if (exit == nullptr) return;
  const std::uint32_t in_head = std::min(recorded_size, frame.head_size);
  const std::string superframe =
      frame.vnet.is_gso()
          ? fmt::format("superframe, in segments of {} bytes of payload", frame.vnet.gso_size)
          : std::string();
  io::PcapngWriter::Record record{
      .interface = packet.verdict.port,
      .time_ns = packet.time_ns,
      .head = {frame.head, in_head},
      .tail = {frame.tail, std::min(recorded_size - in_head, frame.tail_size)},
      .original_size = frame.size(),
      .direction = io::FrameDirection::kOutbound,
      .packet_id = packet.number,
      .comment = superframe};
  fabric_.writer->Write(record);
  record.interface = 0;
  exit->writer->Write(record);
}

std::string OutputFolder::Finish() {
  const auto finish = [this](const Output& output) {
    if (output.writer != nullptr && !output.writer->Finish() && error_.empty())
      error_ = fmt::format("cannot write {}: {}", output.path, std::strerror(errno));
  };
  finish(fabric_);
  for (const auto& [port, output] : exits_) finish(output);
  return error_;
}

}  // namespace taploom::replay
