#include "control/explain/words.h"

#include <fmt/format.h>

#include <iterator>

#include "dataplane/slowpath/describe.h"

namespace taploom::control {

using nlohmann::ordered_json;
using slowpath::StageReport;

namespace {

std::string FlagsText(std::uint8_t flags) {
  constexpr const char* kNames[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
  std::string text;
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if ((flags >> i & 1) != 0) text += fmt::format("{}{}", text.empty() ? " " : "+", kNames[i]);
  }
  return text;
}

ordered_json TupleJson(const flow::FiveTuple& tuple) {
  return {{"source", SourceOf(tuple)}, {"destination", DestinationOf(tuple)}};
}

}  // namespace

std::string SourceOf(const flow::FiveTuple& tuple) {
  return slowpath::EndpointText(tuple.source, tuple.source_port, tuple.protocol);
}
std::string DestinationOf(const flow::FiveTuple& tuple) {
  return slowpath::EndpointText(tuple.destination, tuple.destination_port, tuple.protocol);
}

std::string PacketText(const slowpath::PacketView& view) {
  const flow::FiveTuple& tuple = view.tuple;
  std::string text = fmt::format(
      "{} -> {}, {}", slowpath::EndpointText(tuple.source, tuple.source_port, tuple.protocol),
      slowpath::EndpointText(tuple.destination, tuple.destination_port, tuple.protocol),
      slowpath::ProtocolText(tuple.protocol));
  if (tuple.protocol == wire::kProtocolTcp) text += FlagsText(view.tcp_flags);
  if (tuple.protocol == wire::kProtocolIcmp || tuple.protocol == wire::kProtocolIcmpv6)
    text += fmt::format(" type {} code {}", view.icmp_type, view.icmp_code);
  return view.is_fragment ? text + ", a fragment" : text;
}

std::string StageText(const StageReport& report) {
  const std::string rule = report.rule_id.empty() ? "" : fmt::format(" [{}]", report.rule_id);
  std::string text = fmt::format("  {:<4} {:<23} {:<14} {}{}", report.passed ? "ok" : "DROP",
                                 ToText(report.stage), report.component_name, report.detail, rule);
  while (text.back() == ' ') text.pop_back();
  text += '\n';
  if (!(report.before == report.after)) {
    text +=
        fmt::format("         now {} -> {}\n", SourceOf(report.after), DestinationOf(report.after));
  }
  return text;
}

ordered_json StageJson(const StageReport& report) {
  ordered_json json = {{"stage", ToText(report.stage)}, {"passed", report.passed}};
  if (!report.component_id.empty()) json["component"] = report.component_id;
  if (!report.component_name.empty()) json["name"] = report.component_name;
  if (!report.rule_id.empty()) json["rule"] = report.rule_id;
  if (!report.detail.empty()) json["detail"] = report.detail;
  json["before"] = TupleJson(report.before);
  if (!(report.before == report.after)) json["after"] = TupleJson(report.after);
  return json;
}

}  // namespace taploom::control
