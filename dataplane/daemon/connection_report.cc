#include "dataplane/daemon/connection_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>

#include "dataplane/flow/connection_table.h"
#include "dataplane/slowpath/decision.h"
#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/establish.h"

namespace taploom::daemon {
namespace {

std::string BytesOf(const wire::IpAddress& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

const tables::Eni* EniBehind(const tables::Snapshot& snapshot, std::uint16_t port) {
  const tables::EniIndex eni = snapshot.OwnerOf(port).eni;
  return eni.exists() ? &snapshot[eni] : nullptr;
}

std::uint64_t MillisecondsSince(Tick then, Tick now) {
  return static_cast<std::uint64_t>(std::max(now - then, Tick{0}).count());
}

// An interface's rules are those of all its groups, and shared by interfaces with the same.
void AddRules(const std::shared_ptr<const tables::RuleSet>& rules,
              std::unordered_set<const tables::RuleSet*>& seen,
              std::unordered_map<std::uint64_t, const std::string*>& ids) {
  if (rules == nullptr || !seen.insert(rules.get()).second) return;
  for (const tables::Rule& rule : rules->rules()) ids[rule.digest] = &rule.id;
}

}  // namespace

ConnectionReporter::ConnectionReporter(const tables::Snapshot& snapshot) : snapshot_(snapshot) {
  std::unordered_set<const tables::RuleSet*> seen;
  for (const tables::Eni& eni : snapshot.enis) {
    AddRules(eni.egress_rules, seen, rules_);
    AddRules(eni.ingress_rules, seen, rules_);
  }
}

std::string ConnectionReporter::RuleId(std::uint64_t digest) const {
  if (digest == 0) return "";
  const auto found = rules_.find(digest);
  // The rule may be gone, and the connection live on.
  return found != rules_.end() ? *found->second : fmt::format("sgr-{:016x}…", digest);
}

void ConnectionReporter::Report(const flow::Connection& connection, std::uint32_t place, Tick now,
                                config::Connection& report) const {
  const flow::FlowKey original_key = connection.key(flow::FlowDirection::kOriginal);
  const flow::Half& original = connection.half(flow::FlowDirection::kOriginal);
  const flow::Half& reply = connection.half(flow::FlowDirection::kReply);
  report.mutable_id()->set_place(place);
  report.mutable_id()->set_fingerprint(flow::ConnectionTable::Fingerprint(connection));
  report.set_protocol(slowpath::ProtocolText(original_key.tuple.protocol));
  report.set_ingress_port(original_key.ingress_port);
  report.set_egress_port(original.action.egress_port);
  report.set_source(BytesOf(original_key.tuple.source));
  report.set_source_port(original_key.tuple.source_port);
  report.set_destination(BytesOf(original_key.tuple.destination));
  report.set_destination_port(original_key.tuple.destination_port);

  // What the receiver sees is the reply's key reversed (flow/connection.h).
  const flow::FiveTuple translated = connection.key(flow::FlowDirection::kReply).tuple.Reversed();
  report.set_translated_source(BytesOf(translated.source));
  report.set_translated_source_port(translated.source_port);
  report.set_translated_destination(BytesOf(translated.destination));
  report.set_translated_destination_port(translated.destination_port);

  report.set_state(connection.is_marked(flow::Connection::kMappingOnly) ? "NAT_MAPPING"
                                                                        : ToText(connection.state));
  report.set_age_ms(MillisecondsSince(connection.created, now));
  report.set_idle_ms(MillisecondsSince(connection.last_seen, now));
  report.set_timeout_ms(connection.timeout_ms);
  report.set_original_packets(original.packets);
  report.set_original_bytes(original.bytes);
  report.set_reply_packets(reply.packets);
  report.set_reply_bytes(reply.bytes);

  const tables::Eni* originator = EniBehind(snapshot_, original_key.ingress_port);
  const tables::Eni* receiver = EniBehind(snapshot_, original.action.egress_port);
  if (originator != nullptr) report.set_egress_rule_id(RuleId(connection.rules[0]));
  if (receiver != nullptr) report.set_ingress_rule_id(RuleId(connection.rules[1]));
  if (connection.has(flow::Connection::kNat)) {
    const tables::NatGatewayIndex gateway = slowpath::NatGatewayOf(connection, snapshot_);
    if (gateway.exists()) report.set_nat_gateway_id(snapshot_[gateway].id);
  }
}

}  // namespace taploom::daemon
