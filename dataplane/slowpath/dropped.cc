#include "dataplane/slowpath/dropped.h"

#include "dataplane/slowpath/slow_path.h"

namespace taploom::slowpath {

observe::DroppedPacket DroppedOf(const Packet& packet, Tick now) {
  const PacketView view = ViewOf(packet);
  const bool is_untouched = packet.verdict.kind == Verdict::Kind::kDrop;
  return {.tuple = view.tuple,
          .source_mac = is_untouched ? view.source_mac : wire::MacAddress(),
          .destination_mac = is_untouched ? view.destination_mac : wire::MacAddress(),
          .reason = packet.verdict.drop_reason,
          .icmp_type = view.icmp_type,
          .icmp_code = view.icmp_code,
          .tcp_flags = view.tcp_flags,
          .is_fragment = view.is_fragment,
          .is_icmp_error = view.is_icmp_error,
          .when_ms = static_cast<std::uint32_t>(now.count())};
}

}  // namespace taploom::slowpath
