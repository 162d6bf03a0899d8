#include "cli/trace_printer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "control/explain/words.h"
#include "dataplane/slowpath/describe.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kSecond = 1'000'000'000;

flow::FiveTuple TupleOf(const config::TracedTuple& traced) {
  flow::FiveTuple tuple;
  tuple.source = wire::IpAddress::FromBytes(traced.source()).value_or(wire::IpAddress());
  tuple.destination = wire::IpAddress::FromBytes(traced.destination()).value_or(wire::IpAddress());
  tuple.source_port = static_cast<std::uint16_t>(traced.source_port());
  tuple.destination_port = static_cast<std::uint16_t>(traced.destination_port());
  tuple.protocol = static_cast<std::uint8_t>(traced.protocol());
  return tuple;
}

DropReason ReasonOf(std::uint32_t number) {
  return number < kDropReasonCount ? static_cast<DropReason>(number) : DropReason::kNone;
}

// The other side may be anybody by now: a number that is no stage is the first of them.
slowpath::StageReport ReportOf(const config::TracedStage& traced) {
  slowpath::StageReport report;
  if (traced.stage() < kStageCount) report.stage = static_cast<Stage>(traced.stage());
  report.reason = ReasonOf(traced.reason());
  report.passed = report.reason == DropReason::kNone;
  report.component_id = traced.component_id();
  report.component_name = traced.component_name();
  report.rule_id = traced.rule_id();
  report.detail = traced.detail();
  report.before = TupleOf(traced.before());
  report.after = TupleOf(traced.after());
  if (!report.passed && report.detail.empty()) report.detail = TextOf(report.reason).sentence;
  return report;
}

slowpath::PacketView ViewOf(const config::TracedHeaders& headers) {
  slowpath::PacketView view;
  view.tuple = TupleOf(headers.tuple());
  view.icmp_type = static_cast<std::uint8_t>(headers.icmp_type());
  view.icmp_code = static_cast<std::uint8_t>(headers.icmp_code());
  view.tcp_flags = static_cast<std::uint8_t>(headers.tcp_flags());
  view.is_fragment = headers.is_fragment();
  return view;
}

std::string MacText(const std::string& bytes) {
  const auto mac = wire::MacAddress::FromBytes(bytes);
  return mac ? mac->ToString() : "";
}

// "10.0.2.50:40000 -> 5.6.7.8:443, tcp SYN, 74 bytes, ttl 64"
std::string HeadersText(const config::TracedHeaders& headers) {
  if (headers.kind() != "ip") {
    return fmt::format("{} -> {}, {}, {} bytes", MacText(headers.source_mac()),
                       MacText(headers.destination_mac()), headers.kind(), headers.size());
  }
  std::string text = fmt::format("{}, {} bytes, ttl {}", control::PacketText(ViewOf(headers)),
                                 headers.size(), headers.ttl());
  if (headers.segment_size() != 0)
    text += fmt::format(", in segments of {} bytes of payload", headers.segment_size());
  return text;
}

ordered_json HeadersJson(const config::TracedHeaders& headers) {
  ordered_json json = {{"kind", headers.kind()},
                       {"source_mac", MacText(headers.source_mac())},
                       {"destination_mac", MacText(headers.destination_mac())},
                       {"bytes", headers.size()}};
  if (headers.segment_size() != 0) json["segment_bytes"] = headers.segment_size();
  if (headers.kind() != "ip") return json;
  const flow::FiveTuple tuple = TupleOf(headers.tuple());
  json["protocol"] = slowpath::ProtocolText(tuple.protocol);
  json["source"] = control::SourceOf(tuple);
  json["destination"] = control::DestinationOf(tuple);
  json["ttl"] = headers.ttl();
  if (tuple.protocol == wire::kProtocolTcp) json["tcp_flags"] = headers.tcp_flags();
  if (tuple.protocol == wire::kProtocolIcmp || tuple.protocol == wire::kProtocolIcmpv6) {
    json["icmp_type"] = headers.icmp_type();
    json["icmp_code"] = headers.icmp_code();
  }
  if (headers.is_fragment()) json["is_fragment"] = true;
  return json;
}

// "12:34:56.123456", local time.
std::string ClockText(std::int64_t time_ns) {
  return fmt::format("{:%H:%M:%S}.{:06}",
                     fmt::localtime(static_cast<std::time_t>(time_ns / kSecond)),
                     time_ns % kSecond / 1000);
}

}  // namespace

TracePrinter::TracePrinter(const std::vector<CaptureInterface>& interfaces, Format format)
    : format_(format) {
  for (const CaptureInterface& interface : interfaces) names_[interface.port] = interface.name;
}

// An interface that was attached while the trace ran has no name here.
std::string TracePrinter::NameOf(std::uint32_t port) const {
  const auto found = names_.find(port);
  return found == names_.end() ? fmt::format("port {}", port) : found->second;
}

std::optional<std::string> TracePrinter::Print(const RingSession::Entry& entry) const {
  config::TracedPacket packet;
  if (!packet.ParseFromArray(entry.text.data(), static_cast<int>(entry.text.size())))
    return std::nullopt;
  if (format_ == Format::kTable) return Text(entry, packet);
  return Json(entry, packet).dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string TracePrinter::Text(const RingSession::Entry& entry,
                               const config::TracedPacket& packet) const {
  std::string text =
      fmt::format("{} #{} {}: {}\n", ClockText(entry.record.time_ns), entry.record.packet_id,
                  NameOf(entry.record.port), HeadersText(packet.entered()));
  for (const config::TracedStage& stage : packet.stages())
    text += control::StageText(ReportOf(stage));
  return text + OutcomeText(entry, packet) + '\n';
}

std::string TracePrinter::OutcomeText(const RingSession::Entry& entry,
                                      const config::TracedPacket& packet) const {
  const DropReason reason = ReasonOf(packet.drop_reason());
  std::string text;
  if (reason != DropReason::kNone) {
    const DropReasonText words = TextOf(reason);
    const std::string code = *words.aws_code == '\0' ? "" : fmt::format(" ({})", words.aws_code);
    text = fmt::format("=> dropped: {}{}. {}\n", words.name, code, words.sentence);
  }
  if (packet.left_frames() == 0) return text;
  const bool is_answer = packet.verdict() == "answer";
  const std::string frames = packet.left_frames() == 1
                                 ? ""
                                 : fmt::format(", the first of {} frames", packet.left_frames());
  return text + fmt::format("=> {} {}: {}{}\n", is_answer ? "answered to" : "leaves to",
                            NameOf(is_answer ? entry.record.port : packet.left_port()),
                            HeadersText(packet.left()), frames);
}

ordered_json TracePrinter::Json(const RingSession::Entry& entry,
                                const config::TracedPacket& packet) const {
  ordered_json json = {{"packet", entry.record.packet_id},
                       {"time", fmt::format("{}.{:09}", entry.record.time_ns / kSecond,
                                            entry.record.time_ns % kSecond)},
                       {"in", NameOf(entry.record.port)},
                       {"entered", HeadersJson(packet.entered())},
                       {"stages", ordered_json::array()},
                       {"verdict", packet.verdict()}};
  for (const config::TracedStage& stage : packet.stages()) {
    ordered_json told = control::StageJson(ReportOf(stage));
    if (!stage.has_before()) told.erase("before");
    json["stages"].push_back(std::move(told));
  }
  if (const DropReason reason = ReasonOf(packet.drop_reason()); reason != DropReason::kNone) {
    const DropReasonText words = TextOf(reason);
    json["drop"] = {{"reason", words.name}, {"code", words.aws_code}, {"sentence", words.sentence}};
  }
  if (packet.left_frames() != 0) {
    json["out"] = NameOf(packet.left_port());
    json["left"] = HeadersJson(packet.left());
    json["left_frames"] = packet.left_frames();
  }
  return json;
}

}  // namespace taploom::cli
