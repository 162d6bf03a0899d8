#include "control/explain/leg.h"

#include <fmt/format.h>

#include <sstream>

#include "control/explain/words.h"
#include "dataplane/slowpath/describe.h"

namespace taploom::control {
namespace {

using nlohmann::ordered_json;
using slowpath::Decision;
using slowpath::PathExplanation;
using slowpath::StageReport;

bool HasPorts(std::uint8_t protocol) {
  return protocol == wire::kProtocolTcp || protocol == wire::kProtocolUdp;
}

std::string NamespaceAt(const FabricPlan& plan, tables::PortId port) {
  for (const NamespacePlan& space : plan.namespaces) {
    for (const InterfacePlan& interface : space.interfaces) {
      if (interface.port == port) return space.name;
    }
  }
  return "";
}

// --- JSON ---

ordered_json PathJson(const PathExplanation& path) {
  ordered_json json = {{"passes", path.passes()}, {"stages", ordered_json::array()}};
  for (const StageReport& report : path.stages) json["stages"].push_back(StageJson(report));
  if (path.decision.outcome == Decision::Outcome::kDrop) {
    const DropReasonText reason = TextOf(path.decision.reason);
    json["drop"] = {
        {"reason", reason.name}, {"code", reason.aws_code}, {"sentence", reason.sentence}};
  }
  if (path.passes()) {
    json["mtu"] = path.decision.mtu;
    json["hears_too_big"] = path.hears_too_big;
    json["hops"] = ordered_json::array();
    for (std::size_t i = 0; i < path.decision.hop_count; ++i)
      json["hops"].push_back(path.decision.hops[i].ToString());
  }
  return json;
}

// --- text ---

std::string Indented(const std::string& text, const std::string& indent) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) result += indent + line + '\n';
  return result;
}

std::string LimitsText(const PathExplanation& path) {
  std::string hops;
  for (std::size_t i = 0; i < path.decision.hop_count; ++i)
    hops += fmt::format("{}{}", i == 0 ? "" : ", ", path.decision.hops[i].ToString());
  const std::string router =
      path.decision.mtu_router.is_unspecified()
          ? ""
          : fmt::format(" (told by {})", path.decision.mtu_router.ToString());
  return fmt::format("  MTU {}{}, {}\n", path.decision.mtu, router,
                     hops.empty() ? std::string("TTL unchanged")
                                  : fmt::format("TTL -{} at {}", path.decision.hop_count, hops));
}

std::string PathText(const char* title, const PathExplanation& path) {
  std::string text = title;
  if (!path.stages.empty()) {
    const flow::FiveTuple& sent = path.stages.front().before;
    text += fmt::format("  {} -> {}", SourceOf(sent), DestinationOf(sent));
  }
  text += '\n';
  for (const StageReport& report : path.stages) text += StageText(report);
  if (path.passes()) text += LimitsText(path);
  return text;
}

// --- what is found ---

std::string RefusalText(const Leg& leg) {
  const Decision& arrived = leg.explanation.forward.decision;
  const bool is_tcp = leg.asked.question.protocol == wire::kProtocolTcp;
  return fmt::format("reached {}, but nothing listens on {} {} there: it answers with {}",
                     leg.receiver_namespace, slowpath::ProtocolText(leg.asked.question.protocol),
                     arrived.tuple.destination_port,
                     is_tcp ? "RST (connection refused)" : "port unreachable");
}

}  // namespace

Leg FollowLeg(const FabricPlan& plan, const tables::Snapshot& snapshot, const Asked& asked,
              const LiveView& live) {
  Leg leg{.asked = asked, .explanation = slowpath::Explain(snapshot, asked.question)};
  leg.reasons = Diagnose(snapshot, asked, leg.explanation);
  const PathExplanation& forward = leg.explanation.forward;
  if (!forward.passes()) return leg;
  leg.receiver_namespace = NamespaceAt(plan, forward.decision.egress_port);
  if (!live.listens || leg.receiver_namespace.empty() || !HasPorts(asked.question.protocol))
    return leg;
  const flow::FiveTuple& arrived = forward.decision.tuple;
  leg.listens = live.listens(leg.receiver_namespace, arrived.protocol, arrived.destination,
                             arrived.destination_port);
  if (leg.network_passes() && !leg.listens.value_or(true))
    leg.reasons.push_back({.code = kNothingListens, .sentence = RefusalText(leg) + "."});
  return leg;
}

std::string SourceText(const Leg& leg) {
  return slowpath::EndpointText(leg.asked.question.source, 0, wire::kProtocolIcmp);
}

std::string DestinationText(const Leg& leg) {
  const slowpath::Question& question = leg.asked.question;
  return slowpath::EndpointText(question.destination, question.destination_port, question.protocol);
}

std::string VerdictOf(const Leg& leg) {
  const slowpath::Explanation& explanation = leg.explanation;
  if (explanation.forward.answered()) return "answered by the fabric's resolver";
  const bool arrives = explanation.forward.passes();
  if (arrives && !explanation.reply) return "not reachable: no connection could be made";
  const PathExplanation& path = arrives ? *explanation.reply : explanation.forward;
  if (path.passes()) return leg.passes() ? "reachable, and the reply comes back" : RefusalText(leg);
  if (path.decision.outcome == Decision::Outcome::kResetSender)
    return "not reachable: reset by the NAT gateway";
  const Reason& reason = leg.reasons.front();
  const std::string code = reason.code.empty() ? "" : fmt::format(" ({})", reason.code);
  return fmt::format("{}: {}{}. {}", arrives ? "arrives, but the reply is dropped" : "dropped",
                     TextOf(path.decision.reason).name, code, reason.sentence);
}

ordered_json LegJson(const Leg& leg) {
  ordered_json json = {
      {"source", {{"name", leg.asked.source.name}, {"address", SourceText(leg)}}},
      {"destination", {{"name", leg.asked.destination.name}, {"address", DestinationText(leg)}}},
      {"protocol", slowpath::ProtocolText(leg.asked.question.protocol)},
      {"forward", PathJson(leg.explanation.forward)}};
  if (leg.explanation.reply) json["reply"] = PathJson(*leg.explanation.reply);
  if (leg.listens) json["listens"] = *leg.listens;
  return json;
}

std::string HeadText(const Leg& leg) {
  return fmt::format("{} ({}) -> {} ({}), {}\n", leg.asked.source.name, SourceText(leg),
                     leg.asked.destination.name, DestinationText(leg),
                     slowpath::ProtocolText(leg.asked.question.protocol));
}

std::string PathsText(const Leg& leg) {
  std::string text = PathText("there", leg.explanation.forward);
  if (leg.explanation.reply) text += PathText("and back", *leg.explanation.reply);
  return text;
}

std::string StopText(const Leg& leg) {
  const slowpath::Explanation& explanation = leg.explanation;
  const PathExplanation& last = explanation.reply ? *explanation.reply : explanation.forward;
  return last.passes() || last.stages.empty() || last.stages.back().passed
             ? ""
             : StageText(last.stages.back());
}

std::string BriefReasonText(const Reason& reason) {
  const bool has_fix = reason.is_failure && reason.fix;
  Reason without_fix = reason;
  if (has_fix) without_fix.fix.reset();
  const std::string text = ReasonText(without_fix);
  return has_fix ? text + fmt::format("   fix: {}\n{}", reason.fix->summary,
                                      Indented(reason.fix->topology, "     "))
                 : text;
}

std::string ReasonText(const Reason& reason) {
  std::string text;
  if (!reason.is_failure) {
    text += fmt::format("note: {}: {}\n", reason.code, reason.sentence);
    return reason.fix ? text + fmt::format("      to hear it, {}\n", reason.fix->summary) : text;
  }
  if (reason.code == "SG_REFERENCES_NOT_PRESERVED")
    text += fmt::format("   {}: {}\n", reason.code, reason.sentence);
  if (reason.near_miss) text += fmt::format("   nearest: {}\n", reason.near_miss->text);
  if (!reason.fix) return text;
  text += fmt::format("\nsmallest fix: {}\n", reason.fix->summary);
  text += "  topology\n" + Indented(reason.fix->topology, "    ");
  text += "  aws\n" + Indented(reason.fix->aws, "    ");
  text += "  terraform\n" + Indented(reason.fix->terraform, "    ");
  return text;
}

}  // namespace taploom::control
