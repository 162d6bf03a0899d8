#include "dataplane/replay/comparison.h"

#include <fmt/format.h>

#include <optional>

namespace taploom::replay {
namespace {

bool Passes(const ReplayedPacket& packet) {
  return packet.leaves() && packet.verdict.drop_reason == DropReason::kNone;
}

std::string WayOf(const Replayer& replayer) {
  const ReplayedPacket& packet = replayer.last();
  const flow::FiveTuple after = packet.After();
  return fmt::format("to {} as {} > {}", replayer.names()[packet.verdict.port].name,
                     after.source.ToString(), after.destination.ToString());
}

// What decided, without what differs from packet to packet.
std::string DecisionOf(const Replayer& replayer) {
  const ReplayedPacket& packet = replayer.last();
  if (packet.skip != SkipReason::kNone)
    return fmt::format("never entered: {}", TextOf(packet.skip).name);
  if (!packet.is_dropped()) {
    const std::string_view rules = replayer.rules().Label(packet.way);
    return rules.empty() ? WayOf(replayer) : std::string(rules);
  }
  const std::string name = packet.drop != nullptr ? packet.drop->component_name : std::string();
  const std::string rule = packet.drop != nullptr ? packet.drop->rule_id : std::string();
  return fmt::format("{} at {}{}{}{}{}", TextOf(packet.verdict.drop_reason).name,
                     ToText(packet.drop_stage), name.empty() ? "" : " ", name,
                     rule.empty() ? "" : " ", rule);
}

// Ports that a NAT gateway chose do not count.
bool GoesElsewhere(const Replayer& before, const Replayer& after) {
  const flow::FiveTuple one = before.last().After(), other = after.last().After();
  return before.names()[before.last().verdict.port].name !=
             after.names()[after.last().verdict.port].name ||
         one.source != other.source || one.destination != other.destination;
}

std::optional<Change> ChangeOf(const Replayer& before, const Replayer& after) {
  const bool passed = Passes(before.last()), passes = Passes(after.last());
  if (passed != passes) return passes ? Change::kNewlyAllowed : Change::kNewlyDropped;
  if (passes && GoesElsewhere(before, after)) return Change::kDifferentlyRouted;
  return std::nullopt;
}

// Both directions of a conversation have the same.
flow::FiveTuple ConversationOf(const flow::FiveTuple& tuple) {
  const auto first = std::pair(tuple.source, tuple.source_port);
  const auto second = std::pair(tuple.destination, tuple.destination_port);
  return first < second ? tuple : tuple.Reversed();
}

}  // namespace

void Comparison::Add(const Replayer& before, const Replayer& after) {
  ++packets_;
  const std::optional<Change> change = ChangeOf(before, after);
  if (!change) return;
  const ReplayedPacket& packet = after.last();
  const flow::FiveTuple conversation = ConversationOf(packet.captured);
  if (const auto found = by_conversation_.find(conversation); found != by_conversation_.end()) {
    ++found->second.group->flows[found->second.flow].packets;
    return;
  }
  const bool is_routed = *change == Change::kDifferentlyRouted;
  const std::string was = is_routed ? WayOf(before) : DecisionOf(before);
  const std::string is = is_routed ? WayOf(after) : DecisionOf(after);
  const std::string key = fmt::format("{}\n{}\n{}", static_cast<int>(*change), is, was);
  ChangedGroup& group = groups_.try_emplace(key, ChangedGroup{*change, was, is, {}}).first->second;
  group.flows.push_back({packet.captured, packet.number, 1});
  by_conversation_.emplace(conversation, Place{&group, group.flows.size() - 1});
}

}  // namespace taploom::replay
