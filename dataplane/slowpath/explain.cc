#include "dataplane/slowpath/explain.h"

#include "dataplane/flow/connection_table.h"
#include "dataplane/slowpath/error_admission.h"
#include "dataplane/slowpath/establish.h"
#include "dataplane/slowpath/next_hop.h"
#include "dataplane/slowpath/walk.h"
#include "dataplane/wire/layout.h"

namespace taploom::slowpath {
namespace {

constexpr std::uint16_t kVpcMtu = 9001, kInternetMtu = 1500;  // vpc-semantics §8

std::uint8_t EchoType(std::uint8_t protocol, bool is_reply) {
  if (protocol == wire::kProtocolIcmp) return is_reply ? wire::icmp::kEchoReply : wire::icmp::kEcho;
  if (protocol == wire::kProtocolIcmpv6)
    return is_reply ? wire::icmp::kV6EchoReply : wire::icmp::kV6Echo;
  return 0;
}

PacketView ViewOfQuestion(const tables::Snapshot& snapshot, const Question& question) {
  const bool is_icmp =
      question.protocol == wire::kProtocolIcmp || question.protocol == wire::kProtocolIcmpv6;
  const bool has_ports =
      question.protocol == wire::kProtocolTcp || question.protocol == wire::kProtocolUdp;
  PacketView view;
  view.ingress_port = question.ingress_port;
  view.icmp_type = EchoType(question.protocol, false);
  view.tuple = {question.source,
                question.destination,
                0,
                0,
                question.protocol,
                flow::QueryTypeOf(question.protocol, view.icmp_type)};
  if (has_ports) view.tuple.destination_port = question.destination_port;
  if (has_ports || is_icmp) view.tuple.source_port = question.source_port;
  view.source_mac = snapshot.MacOf(question.ingress_port);
  view.destination_mac = NextHopMac(snapshot, question.ingress_port, question.destination);
  view.tcp_flags = question.protocol == wire::kProtocolTcp ? wire::kTcpSyn : 0;
  return view;
}

PacketView ViewOfReply(const tables::Snapshot& snapshot, const PacketView& sent,
                       const Decision& arrived) {
  PacketView view;
  view.ingress_port = arrived.egress_port;
  view.tuple = arrived.tuple.Reversed();
  view.source_mac = snapshot.MacOf(view.ingress_port);
  view.destination_mac = NextHopMac(snapshot, view.ingress_port, view.tuple.destination);
  view.icmp_type = EchoType(sent.tuple.protocol, true);
  view.tcp_flags = sent.tuple.protocol == wire::kProtocolTcp ? wire::kTcpSyn | wire::kTcpAck : 0;
  return view;
}

wire::Headers HeadersOf(const PacketView& view) {
  wire::Headers headers;
  headers.protocol = view.tuple.protocol;
  headers.tcp_flags = view.tcp_flags;
  headers.has_transport = true;
  return headers;
}

// As AnswerTooBig would find out (slow_path.h).
void DescribeMtu(const tables::Snapshot& snapshot, const PacketView& view, PathExplanation& path) {
  const bool is_in_vpc = snapshot.OwnerOf(view.ingress_port).eni.exists();
  path.sender_mtu = is_in_vpc ? kVpcMtu : kInternetMtu;
  if (path.decision.mtu >= path.sender_mtu) return;
  const wire::IpAddress router =
      path.decision.mtu_router.is_unspecified() ? view.tuple.destination : path.decision.mtu_router;
  path.hears_too_big = SenderAdmitsError(snapshot, view.ingress_port, router,
                                         TypeOf(ErrorKind::kTooBig, router.family()));
}

PathExplanation Follow(const tables::Snapshot& snapshot, const flow::ConnectionTable& connections,
                       flow::ConnectionRef related, const PacketView& view) {
  constexpr std::uint64_t kAnyPort = 0;  // an explanation shows the same port every time
  RecordingSink sink;
  PathExplanation path;
  path.decision =
      Walk<RecordingSink>(snapshot, connections, related, Tick(), kAnyPort, sink).Run(view);
  path.stages = std::move(sink.reports);
  path.icmp_type = view.icmp_type;
  path.icmp_code = view.icmp_code;
  if (path.passes()) DescribeMtu(snapshot, view, path);
  return path;
}

}  // namespace

Explanation ExplainPacket(const tables::Snapshot& snapshot, const PacketView& sent) {
  flow::ConnectionTable connections({.capacity = 2, .capacity_per_port = 2, .seed = 0});
  Explanation explanation;
  explanation.forward = Follow(snapshot, connections, {}, sent);
  if (!explanation.forward.passes()) return explanation;
  Decision& decision = explanation.forward.decision;
  const EstablishResult established =
      Establish(connections, snapshot, sent, HeadersOf(sent), decision, 0, Tick());
  if (established.connection == nullptr) return explanation;
  const flow::ConnectionRef reply{established.connection, flow::FlowDirection::kReply};
  explanation.reply = Follow(snapshot, connections, reply, ViewOfReply(snapshot, sent, decision));
  return explanation;
}

Explanation Explain(const tables::Snapshot& snapshot, const Question& question) {
  return ExplainPacket(snapshot, ViewOfQuestion(snapshot, question));
}

}  // namespace taploom::slowpath
