#include "dataplane/replay/verdict_line.h"

#include <fmt/format.h>

#include <iterator>

#include "dataplane/slowpath/describe.h"

namespace taploom::replay {
namespace {

void AppendField(std::string& out, const char* key, std::string_view text) {
  out += ",\"";
  out += key;
  out += "\":";
  AppendJson(out, text);
}

// An endpoint's text holds nothing that JSON would have escaped.
void AppendEnds(std::string& out, const flow::FiveTuple& tuple) {
  out += "\"source\":\"";
  slowpath::AppendEndpoint(out, tuple.source, tuple.source_port, tuple.protocol);
  out += "\",\"destination\":\"";
  slowpath::AppendEndpoint(out, tuple.destination, tuple.destination_port, tuple.protocol);
  out += '"';
}

void AppendNumber(std::string& out, std::int64_t value) {
  const fmt::format_int digits(value);
  out.append(digits.data(), digits.size());
}

void AppendTime(std::string& out, std::int64_t time_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = time_ns / kSecond, rest = time_ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  out += ",\"time\":\"";
  AppendNumber(out, seconds);
  // Nine digits: those of a number of ten, without its first.
  const fmt::format_int digits(kSecond + rest);
  out += '.';
  out.append(digits.data() + 1, digits.size() - 1);
  out += '"';
}

void AppendDrop(std::string& out, const ReplayedPacket& packet) {
  const DropReasonText reason = TextOf(packet.verdict.drop_reason);
  out += ",\"drop\":{\"stage\":";
  AppendJson(out, ToText(packet.drop_stage));
  if (packet.drop != nullptr && !packet.drop->component_id.empty())
    AppendField(out, "component", packet.drop->component_id);
  if (packet.drop != nullptr && !packet.drop->component_name.empty())
    AppendField(out, "name", packet.drop->component_name);
  if (packet.drop != nullptr && !packet.drop->rule_id.empty())
    AppendField(out, "rule", packet.drop->rule_id);
  if (packet.drop != nullptr && !packet.drop->detail.empty())
    AppendField(out, "detail", packet.drop->detail);
  AppendField(out, "reason", reason.name);
  AppendField(out, "code", reason.aws_code);
  AppendField(out, "sentence", reason.sentence);
  out += '}';
}

}  // namespace

const char* VerdictWord(const ReplayedPacket& packet) {
  if (packet.skip != SkipReason::kNone) return "skip";
  return ToText(packet.verdict.kind);
}

void AppendVerdictLine(const Replayer& replayer, std::string& out) {
  const ReplayedPacket& packet = replayer.last();
  out += "{\"packet\":";
  AppendNumber(out, static_cast<std::int64_t>(packet.number));
  AppendTime(out, packet.time_ns);
  const bool has_tuple = packet.headers.kind == wire::FrameKind::kIp;
  if (packet.in_port != tables::kNoPort)
    AppendField(out, "in", replayer.names()[packet.in_port].name);
  if (has_tuple) {
    AppendField(out, "protocol", slowpath::ProtocolText(packet.before.protocol));
    out += ',';
    AppendEnds(out, packet.before);
    if (packet.headers.is_fragment) out += ",\"is_fragment\":true";
  }
  if (packet.is_cut_short)
    fmt::format_to(std::back_inserter(out), ",\"recorded_bytes\":{},\"bytes\":{}",
                   packet.recorded_size, packet.entered_size);
  AppendField(out, "verdict", VerdictWord(packet));
  if (packet.skip != SkipReason::kNone) {
    AppendField(out, "reason", TextOf(packet.skip).name);
    AppendField(out, "sentence", TextOf(packet.skip).sentence);
    out += "}\n";
    return;
  }
  if (packet.leaves()) AppendField(out, "out", replayer.names()[packet.verdict.port].name);
  if (packet.verdict.kind == Verdict::Kind::kFragment)
    fmt::format_to(std::back_inserter(out), ",\"mtu\":{}", packet.verdict.mtu);
  if (packet.is_delivered() && has_tuple && !(packet.after == packet.before)) {
    out += ",\"after\":{";
    AppendEnds(out, packet.after);
    out += '}';
  }
  if (packet.is_dropped()) AppendDrop(out, packet);
  if (packet.way != DecidedRules::kNone) {
    out += ",\"rules\":";
    out += replayer.rules().Text(packet.way);
  }
  out += "}\n";
}

std::string VerdictComment(const Replayer& replayer) {
  const ReplayedPacket& packet = replayer.last();
  if (packet.skip != SkipReason::kNone)
    return fmt::format("SKIP {}: {}", TextOf(packet.skip).name, TextOf(packet.skip).sentence);
  if (packet.is_dropped()) {
    const DropReasonText reason = TextOf(packet.verdict.drop_reason);
    const std::string_view why = packet.drop != nullptr && !packet.drop->detail.empty()
                                     ? std::string_view(packet.drop->detail)
                                     : std::string_view(reason.sentence);
    return fmt::format("DROP {} at {}: {}", reason.name, ToText(packet.drop_stage), why);
  }
  return std::string(replayer.rules().Label(packet.way));
}

}  // namespace taploom::replay
