#include "dataplane/slowpath/neighbor.h"

#include <algorithm>
#include <optional>

#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"

namespace taploom::slowpath {
namespace {

using wire::be16;
using wire::be32;

constexpr std::uint16_t kHardwareEthernet = 1, kArpRequest = 1, kArpReply = 2;

struct Neighbor {
  wire::MacAddress mac;
  bool is_router = false;
};

// fe80::1, the next hop of internet hosts.
wire::IpAddress InternetRouterV6() {
  std::uint8_t bytes[16] = {0xfe, 0x80};
  bytes[15] = 1;
  return wire::IpAddress::V6FromBytes(bytes);
}

// fe80:ec2::1, which every VPC router has, and the address it forms from its MAC (RFC 4291 appendix
// A).
bool IsLinkLocalOfRouter(const wire::IpAddress& target, const wire::MacAddress& mac) {
  std::uint8_t common[16] = {0xfe, 0x80, 0x0e, 0xc2};
  common[15] = 1;
  const auto& octets = mac.bytes;
  std::uint8_t formed[16] = {0xfe, 0x80};
  std::copy_n(octets.begin(), 3, formed + 8);
  formed[8] ^= 2;
  formed[11] = 0xff;
  formed[12] = 0xfe;
  std::copy_n(octets.begin() + 3, 3, formed + 13);
  return target == wire::IpAddress::V6FromBytes(common) ||
         target == wire::IpAddress::V6FromBytes(formed);
}

// Who answers for `target` on the link behind `port`.
std::optional<Neighbor> FindNeighbor(const tables::Snapshot& snapshot, tables::PortId port,
                                     const wire::IpAddress& target) {
  const tables::PortOwner owner = snapshot.OwnerOf(port);
  if (owner.internet_host.exists()) {
    const bool is_router =
        target == wire::IpAddress::V4(kInternetRouterV4) || target == InternetRouterV6();
    if (!is_router) return std::nullopt;
    return Neighbor{snapshot[owner.internet_host].router_mac, true};
  }
  if (!owner.eni.exists()) return std::nullopt;
  const tables::Eni& eni = snapshot[owner.eni];
  const tables::Subnet& subnet = snapshot[eni.subnet];
  if (subnet.RouterAddress(target.family()) == target) return Neighbor{subnet.router_mac, true};
  if (subnet.RouterAddress(wire::Family::kIpv6) && IsLinkLocalOfRouter(target, subnet.router_mac))
    return Neighbor{subnet.router_mac, true};
  const auto& by_address = snapshot[eni.vpc].eni_by_address;
  const auto found = by_address.find(target);
  if (found == by_address.end() || found->second == owner.eni) return std::nullopt;
  const tables::Eni& other = snapshot[found->second];
  if (other.subnet != eni.subnet) return std::nullopt;
  return Neighbor{other.mac, false};
}

// Why an interface's question is not even looked at: the network of a zone that has failed is
// silent, and nobody asks under another's MAC.
DropReason ReasonToIgnore(const Packet& packet, const tables::Snapshot& snapshot) {
  const tables::PortOwner owner = snapshot.OwnerOf(packet.ingress_port);
  if (!owner.eni.exists()) return DropReason::kNone;
  const tables::Eni& eni = snapshot[owner.eni];
  if (snapshot[eni.subnet].zone.is_down) return DropReason::kZoneDown;
  if (wire::SourceMac(packet.head) != eni.mac) return DropReason::kForeignSourceMac;
  return DropReason::kNone;
}

void CopyMac(std::uint8_t* field, const wire::MacAddress& mac) {
  std::copy(mac.bytes.begin(), mac.bytes.end(), field);
}

// Turns the frame round: to whoever sent it, from `mac`.
void AnswerEthernet(Packet& packet, const wire::MacAddress& mac) {
  CopyMac(packet.head + wire::ethernet::kDestination, wire::SourceMac(packet.head));
  CopyMac(packet.head + wire::ethernet::kSource, mac);
}

}  // namespace

Verdict AnswerArp(Packet& packet, const tables::Snapshot& snapshot) {
  const DropReason reason = ReasonToIgnore(packet, snapshot);
  if (reason != DropReason::kNone) return Verdict::Drop(reason);
  std::uint8_t* arp = packet.head + wire::kEthernetSize;
  const bool is_request =
      wire::Load<be16>(arp + wire::arp::kHardwareType).value() == kHardwareEthernet &&
      wire::Load<be16>(arp + wire::arp::kProtocolType).value() == wire::kEtherTypeIpv4 &&
      arp[wire::arp::kHardwareSize] == 6 && arp[wire::arp::kProtocolSize] == 4;
  if (!is_request) return Verdict::Drop(DropReason::kMalformed);
  if (wire::Load<be16>(arp + wire::arp::kOperation).value() != kArpRequest)
    return Verdict::Drop(DropReason::kNoSuchNeighbor);
  const wire::IpAddress target = wire::IpAddress::V4FromBytes(arp + wire::arp::kTargetIp);
  const std::optional<Neighbor> neighbor = FindNeighbor(snapshot, packet.ingress_port, target);
  if (!neighbor) return Verdict::Drop(DropReason::kNoSuchNeighbor);

  AnswerEthernet(packet, neighbor->mac);
  wire::Store(arp + wire::arp::kOperation, be16(kArpReply));
  std::copy_n(arp + wire::arp::kSenderMac, 10,
              arp + wire::arp::kTargetMac);  // MAC and IP of the asker
  CopyMac(arp + wire::arp::kSenderMac, neighbor->mac);
  const auto address = target.bytes();
  std::copy(address.begin(), address.end(), arp + wire::arp::kSenderIp);
  packet.head_size = wire::kEthernetSize + wire::arp::kSize;
  packet.tail_size = 0;
  packet.vnet = {};
  return Verdict::Reply(packet.ingress_port);
}

bool IsNeighborSolicitation(const Packet& packet) {
  return packet.headers.protocol == wire::kProtocolIcmpv6 && packet.headers.has_transport &&
         packet.headers.icmp_type == wire::icmp::kV6NeighborSolicitation &&
         packet.headers.icmp_code == 0 && packet.headers.ttl == 255;
}

Verdict AnswerNeighborSolicitation(Packet& packet, const tables::Snapshot& snapshot) {
  // Solicitation and advertisement share their layout: 4 bytes of flags, the target, then options
  // (RFC 4861 §4.3, §4.4).
  constexpr std::size_t kFlags = 4, kTarget = 8, kOption = 24, kSize = 32;
  constexpr std::uint8_t kTargetLinkLayerAddress = 2;
  constexpr std::uint32_t kRouter = 0x80000000, kSolicited = 0x40000000, kOverride = 0x20000000;
  const DropReason reason = ReasonToIgnore(packet, snapshot);
  if (reason != DropReason::kNone) return Verdict::Drop(reason);
  const std::size_t l4 = wire::kEthernetSize + wire::ipv6::kSize;
  if (packet.headers.l4_offset != l4 || packet.head_size < l4 + kOption)
    return Verdict::Drop(DropReason::kMalformed);
  const wire::IpAddress asker = packet.headers.source;
  // Duplicate address detection: control gives out addresses, so there is nobody to object (RFC
  // 4862 §5.4).
  if (asker.is_unspecified()) return Verdict::Drop(DropReason::kNoSuchNeighbor);
  const wire::IpAddress target = wire::IpAddress::V6FromBytes(packet.head + l4 + kTarget);
  const std::optional<Neighbor> neighbor =
      target.is_v4() ? std::nullopt : FindNeighbor(snapshot, packet.ingress_port, target);
  if (!neighbor) return Verdict::Drop(DropReason::kNoSuchNeighbor);

  AnswerEthernet(packet, neighbor->mac);
  std::uint8_t* ip = packet.head + wire::kEthernetSize;
  wire::Store(ip + wire::ipv6::kPayloadLength, be16(kSize));
  std::copy_n(asker.mapped().begin(), 16, ip + wire::ipv6::kDestination);
  std::copy_n(target.mapped().begin(), 16, ip + wire::ipv6::kSource);
  std::uint8_t* icmp = packet.head + l4;
  icmp[wire::icmp::kType] = wire::icmp::kV6NeighborAdvertisement;
  wire::Store(icmp + kFlags, be32(kSolicited | kOverride | (neighbor->is_router ? kRouter : 0)));
  icmp[kOption] = kTargetLinkLayerAddress;
  icmp[kOption + 1] = 1;  // in units of 8 bytes
  CopyMac(icmp + kOption + 2, neighbor->mac);
  wire::Store(icmp + wire::icmp::kChecksum, std::uint16_t{0});
  const std::uint64_t sum = wire::PseudoHeaderSum(target, asker, wire::kProtocolIcmpv6, kSize) +
                            wire::SumBytes({icmp, kSize});
  wire::Store(icmp + wire::icmp::kChecksum, static_cast<std::uint16_t>(~wire::Fold(sum)));
  packet.head_size = static_cast<std::uint32_t>(l4 + kSize);
  packet.tail_size = 0;
  packet.vnet = {};
  return Verdict::Reply(packet.ingress_port);
}

}  // namespace taploom::slowpath
