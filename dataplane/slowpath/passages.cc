#include "dataplane/slowpath/passages.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dataplane/rewrite/rewrite.h"

namespace taploom::slowpath {
namespace {

using observe::GatewayPassage;

bool IsGateway(Stage stage) {
  return stage == Stage::kNatGateway || stage == Stage::kInternetGateway ||
         stage == Stage::kEgressOnlyGateway || stage == Stage::kVpcPeering ||
         stage == Stage::kGatewayEndpoint;
}

// What an ICMP error quotes: as it entered, and as it leaves or would have.
struct Quoted {
  flow::FiveTuple entered, left;
};

std::optional<Quoted> QuotedBy(Packet& packet, const flow::ConnectionTable& connections, Tick now) {
  const wire::Headers headers =
      wire::ParseQuoted(rewrite::QuotedPacket(packet), packet.headers.family);
  if (headers.kind != wire::FrameKind::kIp) return std::nullopt;
  const flow::FiveTuple tuple = flow::TupleOf(headers);
  // One that was forwarded quotes what its receiver had sent: the key at the other end.
  const bool has_left = packet.verdict.kind == Verdict::Kind::kForward;
  const flow::FlowKey key = has_left ? flow::FlowKey{tuple, packet.verdict.port}
                                     : flow::FlowKey{tuple.Reversed(), packet.ingress_port};
  const flow::Connection* connection = nullptr;
  const flow::Half* half = connections.Peek(key, now, &connection);
  if (half == nullptr) return std::nullopt;
  const bool is_original = half == &connection->half(flow::FlowDirection::kOriginal);
  const flow::FiveTuple other =
      connection->key(is_original ? flow::FlowDirection::kReply : flow::FlowDirection::kOriginal)
          .tuple;
  return has_left ? Quoted{other.Reversed(), tuple} : Quoted{tuple, other};
}

// What an error quotes behind a gateway that made `before` of the error `after`. The quoted packet
// goes the other way, so its source changes as the error's destination does. A NAT gateway knows
// the one end of the connection by the other.
void Translate(const StageReport& report, const Quoted& ends, flow::FiveTuple& quoted) {
  const bool is_nat = report.stage == Stage::kNatGateway;
  if (report.before.destination != report.after.destination) {
    quoted.source = report.after.destination;
    if (is_nat) quoted.source_port = ends.left.source_port;
  } else if (report.before.source != report.after.source) {
    quoted.destination = report.after.source;
    if (is_nat) quoted.destination_port = ends.left.destination_port;
  }
}

// Whether the packet, which passes this gateway by the rules, ends here: by its size, or its age.
bool EndsAt(const StageReport& gateway, const Packet& packet, const StageReport& end) {
  const std::uint8_t ttl = packet.headers.ttl;
  const bool is_too_old = gateway.hop_count >= ttl, is_too_big = gateway.mtu == end.mtu;
  switch (packet.verdict.drop_reason) {
    case DropReason::kTtlExceeded:
      return is_too_old;
    case DropReason::kMtuExceeded:
      return is_too_big;
    case DropReason::kErrorRateLimited:
      return end.hop_count >= ttl ? is_too_old : is_too_big;
    default:
      return false;
  }
}

}  // namespace

void FindPassages(const std::vector<StageReport>& reports, Packet& packet,
                  const flow::ConnectionTable& connections, Tick now,
                  std::vector<GatewayPassage>& passages) {
  passages.clear();
  const bool is_forwarded = packet.verdict.kind == Verdict::Kind::kForward ||
                            packet.verdict.kind == Verdict::Kind::kFragment;
  const bool is_error = packet.is_ip() && packet.headers.is_icmp_error;
  if (reports.empty() || !packet.is_ip() || (is_forwarded && !is_error)) return;
  const auto ends = is_error ? QuotedBy(packet, connections, now) : std::nullopt;
  flow::FiveTuple quoted = ends ? ends->entered : flow::FiveTuple();
  std::uint8_t hop_count = 0;
  for (const StageReport& report : reports) {
    if (!IsGateway(report.stage) || passages.size() == observe::kMostPassages) continue;
    GatewayPassage passage;
    report.component_id.copy(passage.gateway.data(), passage.gateway.size());
    // A gateway that has let it go, and then finds nobody behind it.
    if (!report.passed && !passages.empty() && passages.back().id() == passage.id()) break;
    if (ends) Translate(report, *ends, quoted);
    passage.after = report.after;
    passage.quoted = quoted;
    passage.has_quoted = ends ? 1 : 0;
    passage.ttl_decrement = static_cast<std::uint8_t>(report.hop_count - hop_count);
    passage.has_left = report.passed && !EndsAt(report, packet, reports.back()) ? 1 : 0;
    hop_count = report.hop_count;
    passages.push_back(passage);
    if (passage.has_left == 0) break;
  }
}

}  // namespace taploom::slowpath
