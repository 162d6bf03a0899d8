#include "control/explain/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>

namespace taploom::control {
namespace {

using slowpath::Decision;
using slowpath::PathExplanation;
using tables::Snapshot;

// The sender is a member of the group that the nearest rule names, but comes by its public address:
// AWS resolves group references to private addresses only.
bool ReferenceIsLost(const Snapshot& snapshot, const Asked& asked, const NearMiss& miss) {
  const bool is_peer_wrong =
      std::find(miss.fails.begin(), miss.fails.end(), "source") != miss.fails.end();
  if (!is_peer_wrong || !miss.rule->peer_text.starts_with("sg:") || !asked.source.eni.exists())
    return false;
  const tables::Eni& sender = snapshot[asked.source.eni];
  return std::any_of(sender.addresses.begin(), sender.addresses.end(), [&](const auto& address) {
    return std::any_of(
        miss.rule->peers.begin(), miss.rule->peers.end(),
        [&](const wire::IpPrefix& peer) { return peer.Contains(address.private_address); });
  });
}

Reason FailureOf(const Snapshot& snapshot, const Asked& asked, const PathExplanation& path,
                 bool is_reply) {
  Reason reason{.is_reply = is_reply};
  if (!path.stages.empty()) reason.stage = path.stages.back();
  if (path.decision.outcome == Decision::Outcome::kResetSender) {
    reason.code = kNatGatewayReset;
    reason.sentence = "The NAT gateway does not know the connection (any more): RST to the sender.";
    return reason;
  }
  const DropReasonText text = TextOf(path.decision.reason);
  reason.code = text.aws_code;
  reason.sentence = text.sentence;
  if (!reason.stage) return reason;
  if (path.decision.reason == DropReason::kNoInternetDestination && !is_reply &&
      asked.destination.eni.exists()) {
    reason.code = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS";
    reason.sentence = fmt::format(
        "{} has no public address, and nothing outside its VPC can send to a private one.",
        asked.destination.name);
  }
  reason.fix =
      SmallestFix({snapshot, *reason.stage, asked, is_reply, path.icmp_type, path.icmp_code});
  if (const auto filter =
          FilterQuestionOf(snapshot, *reason.stage, path.icmp_type, path.icmp_code)) {
    reason.near_miss = NearestRule(filter->rules->rules(), filter->query, filter->is_ingress);
    const bool is_group = reason.code == "ENI_SG_RULES_MISMATCH";
    if (is_group && filter->rules->empty()) reason.code = "SG_HAS_NO_RULES";
  }
  return reason;
}

std::optional<Reason> BlackHoleOf(const Snapshot& snapshot, const PathExplanation& path,
                                  tables::PortId sender, bool is_reply) {
  if (!path.passes() || path.hears_too_big) return std::nullopt;
  const tables::PortOwner owner = snapshot.OwnerOf(sender);
  if (!owner.eni.exists()) return std::nullopt;
  const tables::Eni& eni = snapshot[owner.eni];
  Reason reason{.code = kPmtudBlackhole, .is_failure = false, .is_reply = is_reply};
  const wire::Family family = path.decision.tuple.source.family();
  reason.sentence = fmt::format(
      "Packets of {} above {} bytes that may not be fragmented vanish: its filters refuse the "
      "router's ICMP error, so it never learns.",
      eni.name, path.decision.mtu);
  if (!eni.security_groups.empty()) reason.fix = AdmitTooBig(snapshot, eni, family);
  return reason;
}

}  // namespace

std::vector<Reason> Diagnose(const Snapshot& snapshot, const Asked& asked,
                             const slowpath::Explanation& explanation) {
  std::vector<Reason> reasons;
  const PathExplanation& forward = explanation.forward;
  if (forward.answered()) return reasons;
  if (!forward.passes()) {
    reasons.push_back(FailureOf(snapshot, asked, forward, false));
  } else if (explanation.reply && !explanation.reply->passes()) {
    reasons.push_back(FailureOf(snapshot, asked, *explanation.reply, true));
  }
  if (!reasons.empty() && reasons.front().near_miss &&
      ReferenceIsLost(snapshot, asked, *reasons.front().near_miss)) {
    reasons.front().fix.reset();  // no rule is missing
    reasons.push_back({.code = "SG_REFERENCES_NOT_PRESERVED",
                       .sentence = fmt::format(
                           "{} is a member of that group, but a group reference means private "
                           "addresses; send to the private address of {}.",
                           asked.source.name, asked.destination.name),
                       .is_reply = reasons.front().is_reply,
                       .stage = reasons.front().stage});
  }
  if (auto hole = BlackHoleOf(snapshot, forward, asked.question.ingress_port, false))
    reasons.push_back(*std::move(hole));
  if (explanation.reply) {
    if (auto hole = BlackHoleOf(snapshot, *explanation.reply, forward.decision.egress_port, true))
      reasons.push_back(*std::move(hole));
  }
  return reasons;
}

}  // namespace taploom::control
