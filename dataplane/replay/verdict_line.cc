#include "dataplane/replay/verdict_line.h"

#include <fmt/format.h>

#include <string_view>

#include "dataplane/replay/json.h"
#include "dataplane/replay/line_text.h"
#include "dataplane/slowpath/describe.h"

namespace taploom::replay {
namespace {

// A field whose text comes from a topology file.
void PutField(LineText& line, std::string_view key, std::string_view text) {
  line.Put(",\"").Put(key).Put("\":");
  AppendJson(line.Flushed(), text);
}
// The same when it may be empty, and then is left out.
void PutFieldIfAny(LineText& line, std::string_view key, std::string_view text) {
  if (!text.empty()) PutField(line, key, text);
}

std::string_view ProtocolWord(std::uint8_t protocol) {
  if (protocol == wire::kProtocolTcp) return "tcp";
  if (protocol == wire::kProtocolUdp) return "udp";
  return {};
}

void PutProtocol(LineText& line, std::uint8_t protocol) {
  const std::string_view word = ProtocolWord(protocol);
  line.Put(",\"protocol\":\"");
  word.empty() ? line.Put(std::string_view(slowpath::ProtocolText(protocol))) : line.Put(word);
  line.Put("\",");
}

// An endpoint's text holds nothing that JSON would have escaped.
void PutEnd(LineText& line, const wire::IpAddress& address, std::uint16_t port,
            std::uint8_t protocol) {
  if (wire::HasPorts(protocol) && address.is_v4()) {
    line.Put(address).Put(':').PutNumber(port);
  } else {
    slowpath::AppendEndpoint(line.Flushed(), address, port, protocol);
  }
}

void PutEnds(LineText& line, const flow::FiveTuple& tuple) {
  line.Put("\"source\":\"");
  PutEnd(line, tuple.source, tuple.source_port, tuple.protocol);
  line.Put("\",\"destination\":\"");
  PutEnd(line, tuple.destination, tuple.destination_port, tuple.protocol);
  line.Put('"');
}

void PutAfter(LineText& line, const flow::FiveTuple& before, const flow::FiveTuple& after) {
  if (after == before) return;
  line.Put(",\"after\":{");
  PutEnds(line, after);
  line.Put('}');
}

void PutTime(LineText& line, std::int64_t time_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = time_ns / kSecond, rest = time_ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  // Nine digits: those of a number of ten, without its first.
  const fmt::format_int digits(kSecond + rest);
  line.Put(",\"time\":\"").PutNumber(seconds).Put('.');
  line.Put(std::string_view(digits.data() + 1, digits.size() - 1)).Put('"');
}

void PutDrop(LineText& line, const ReplayedPacket& packet) {
  const DropReasonText reason = TextOf(packet.verdict.drop_reason);
  line.Put(",\"drop\":{\"stage\":\"").Put(std::string_view(ToText(packet.drop_stage))).Put('"');
  if (packet.drop != nullptr) {
    PutFieldIfAny(line, "component", packet.drop->component_id);
    PutFieldIfAny(line, "name", packet.drop->component_name);
    PutFieldIfAny(line, "rule", packet.drop->rule_id);
    PutFieldIfAny(line, "detail", packet.drop->detail);
  }
  PutField(line, "reason", reason.name);
  PutField(line, "code", reason.aws_code);
  PutField(line, "sentence", reason.sentence);
  line.Put('}');
}

}  // namespace

const char* VerdictWord(const ReplayedPacket& packet) {
  if (packet.skip != SkipReason::kNone) return "skip";
  return ToText(packet.verdict.kind);
}

void AppendVerdictLine(const Replayer& replayer, std::string& out) {
  const ReplayedPacket& packet = replayer.last();
  LineText line(out);
  line.Put("{\"packet\":").PutNumber(static_cast<std::int64_t>(packet.number));
  PutTime(line, packet.time_ns);
  const bool has_tuple = packet.headers.kind == wire::FrameKind::kIp;
  if (packet.in_port != tables::kNoPort)
    line.Put(",\"in\":").Put(std::string_view(replayer.names()[packet.in_port].json));
  if (has_tuple) {
    PutProtocol(line, packet.before.protocol);
    PutEnds(line, packet.before);
    if (packet.headers.is_fragment) line.Put(",\"is_fragment\":true");
  }
  if (packet.is_cut_short) {
    line.Put(",\"recorded_bytes\":").PutNumber(packet.recorded_size);
    line.Put(",\"bytes\":").PutNumber(packet.entered_size);
  }
  line.Put(",\"verdict\":\"").Put(std::string_view(VerdictWord(packet))).Put('"');
  if (packet.skip != SkipReason::kNone) {
    PutField(line, "reason", TextOf(packet.skip).name);
    PutField(line, "sentence", TextOf(packet.skip).sentence);
    line.Put("}\n");
    return;
  }
  if (packet.leaves())
    line.Put(",\"out\":").Put(std::string_view(replayer.names()[packet.verdict.port].json));
  if (packet.verdict.kind == Verdict::Kind::kFragment)
    line.Put(",\"mtu\":").PutNumber(packet.verdict.mtu);
  if (packet.is_delivered() && has_tuple) PutAfter(line, packet.before, packet.After());
  if (packet.is_dropped()) PutDrop(line, packet);
  if (packet.way != DecidedRules::kNone)
    line.Put(",\"rules\":").Put(replayer.rules().Text(packet.way));
  line.Put("}\n");
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
