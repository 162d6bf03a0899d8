#include "control/netns/offload_probe.h"

#include <algorithm>
#include <cstring>

#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"
#include "dataplane/wire/parse.h"
#include "dataplane/wire/vnet_header.h"

namespace taploom::netns {
namespace {

namespace ipv4 = wire::ipv4;
namespace ipv6 = wire::ipv6;
namespace tcp = wire::tcp;
namespace udp = wire::udp;
using wire::be16;
using wire::be32;
using wire::Family;
using wire::IpAddress;
using wire::Load;
using wire::Store;
using wire::VnetHeader;

constexpr std::uint16_t kSourcePort = 40'000, kFirstDestinationPort = 50'000;
constexpr std::uint32_t kSequence = 0xffff'f000;  // wraps within the first superframe

// Bytes that differ from their neighbours at every distance that a wrong offset is likely to have.
std::vector<std::uint8_t> Pattern(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  std::uint32_t state = 0x9e37'79b9;
  for (std::uint8_t& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    byte = static_cast<std::uint8_t>(state);
  }
  return bytes;
}

void StoreIpHeader(std::uint8_t* l3, Family family, std::uint8_t protocol, std::size_t l4_size) {
  const ProbeAddresses addresses = ProbeAddresses::Of(family);
  const auto source = addresses.source.bytes(), destination = addresses.destination.bytes();
  if (family == Family::kIpv6) {
    l3[0] = 0x60;
    Store(l3 + ipv6::kPayloadLength, be16(static_cast<std::uint16_t>(l4_size)));
    l3[ipv6::kNextHeader] = protocol;
    l3[ipv6::kHopLimit] = 64;
    std::memcpy(l3 + ipv6::kSource, source.data(), source.size());
    std::memcpy(l3 + ipv6::kDestination, destination.data(), destination.size());
    return;
  }
  l3[ipv4::kVersionAndSize] = 0x45;
  Store(l3 + ipv4::kTotalLength, be16(static_cast<std::uint16_t>(ipv4::kMinSize + l4_size)));
  Store(l3 + ipv4::kFragment, be16(ipv4::kDontFragment));
  l3[ipv4::kTtl] = 64;
  l3[ipv4::kProtocol] = protocol;
  std::memcpy(l3 + ipv4::kSource, source.data(), source.size());
  std::memcpy(l3 + ipv4::kDestination, destination.data(), destination.size());
  Store(l3 + ipv4::kChecksum, wire::InternetChecksum({l3, ipv4::kMinSize}));
}

void StoreTransportHeader(std::uint8_t* l4, std::uint8_t protocol, std::uint16_t destination_port,
                          std::size_t l4_size) {
  // The ports are the first four bytes of both.
  Store(l4 + tcp::kSourcePort, be16(kSourcePort));
  Store(l4 + tcp::kDestinationPort, be16(destination_port));
  if (protocol == wire::kProtocolUdp) {
    Store(l4 + udp::kLength, be16(static_cast<std::uint16_t>(l4_size)));
    return;
  }
  Store(l4 + tcp::kSequence, be32(kSequence));
  l4[tcp::kDataOffset] = 5 << 4;
  l4[tcp::kFlags] = wire::kTcpAck;
  Store(l4 + tcp::kWindow, be16(1000));
}

std::size_t ChecksumOffsetOf(std::uint8_t protocol) {
  return protocol == wire::kProtocolUdp ? udp::kChecksum : tcp::kChecksum;
}

std::uint8_t GsoTypeOf(Family family, std::uint8_t protocol) {
  if (protocol == wire::kProtocolUdp) return VnetHeader::kGsoUdpL4;
  return family == Family::kIpv4 ? VnetHeader::kGsoTcp4 : VnetHeader::kGsoTcp6;
}

}  // namespace

ProbeAddresses ProbeAddresses::Of(Family family) {
  const bool v4 = family == Family::kIpv4;
  return {.near_mac = {{2, 0, 0, 0, 0, 1}},
          .far_mac = {{2, 0, 0, 0, 0, 2}},
          .near_router = *IpAddress::Parse(v4 ? "192.0.2.1" : "2001:db8:1::1"),
          .far_router = *IpAddress::Parse(v4 ? "198.51.100.1" : "2001:db8:2::1"),
          .source = *IpAddress::Parse(v4 ? "192.0.2.2" : "2001:db8:1::2"),
          .destination = *IpAddress::Parse(v4 ? "198.51.100.2" : "2001:db8:2::2")};
}

OffloadProbe::OffloadProbe(Family family, std::uint8_t protocol, Work work,
                           std::size_t payload_size, std::uint16_t number)
    : family_(family),
      protocol_(protocol),
      destination_port_(static_cast<std::uint16_t>(kFirstDestinationPort + number)),
      payload_(Pattern(payload_size)) {
  const ProbeAddresses addresses = ProbeAddresses::Of(family);
  const std::size_t l4 =
      wire::kEthernetSize + (family == Family::kIpv4 ? ipv4::kMinSize : ipv6::kSize);
  const std::size_t l4_header = protocol == wire::kProtocolUdp ? udp::kSize : tcp::kMinSize;
  const std::size_t l4_size = l4_header + payload_size;
  message_.resize(sizeof(VnetHeader) + l4 + l4_size);  // zeros: nothing is left undone
  std::uint8_t* const frame = message_.data() + sizeof(VnetHeader);

  std::memcpy(frame, addresses.near_mac.bytes.data(), 6);
  const std::uint8_t sender[] = {2, 0, 0, 0, 0, 3};
  std::memcpy(frame + 6, sender, 6);
  Store(frame + 12, be16(family == Family::kIpv4 ? wire::kEtherTypeIpv4 : wire::kEtherTypeIpv6));
  StoreIpHeader(frame + wire::kEthernetSize, family, protocol, l4_size);
  StoreTransportHeader(frame + l4, protocol, destination_port_, l4_size);
  std::copy(payload_.begin(), payload_.end(), frame + l4 + l4_header);

  const std::uint64_t pseudo_header = wire::PseudoHeaderSum(
      addresses.source, addresses.destination, protocol, static_cast<std::uint32_t>(l4_size));
  std::uint8_t* const checksum = frame + l4 + ChecksumOffsetOf(protocol);
  if (work == Work::kNone) {
    const auto full = static_cast<std::uint16_t>(
        ~wire::Fold(pseudo_header + wire::SumBytes({frame + l4, l4_size})));
    Store(checksum, full == 0 ? std::uint16_t{0xffff} : full);
    return;
  }
  Store(checksum, wire::Fold(pseudo_header));
  VnetHeader vnet;
  vnet.flags = VnetHeader::kNeedsChecksum;
  vnet.checksum_start = static_cast<std::uint16_t>(l4);
  vnet.checksum_offset = static_cast<std::uint16_t>(ChecksumOffsetOf(protocol));
  if (work != Work::kChecksum) {
    vnet.gso_type = GsoTypeOf(family, protocol);
    vnet.gso_size = static_cast<std::uint16_t>(kSegmentSize);
    vnet.header_length = static_cast<std::uint16_t>(l4 + l4_header);
  }
  Store(message_.data(), vnet);
}

bool OffloadProbe::Take(std::span<const std::uint8_t> message) {
  if (message.size() <= sizeof(VnetHeader)) return true;
  const std::span<const std::uint8_t> frame = message.subspan(sizeof(VnetHeader));
  const wire::Headers headers = wire::Parse(frame, frame.size());
  if (headers.kind != wire::FrameKind::kIp || headers.family != family_ ||
      headers.protocol != protocol_ || !headers.has_transport ||
      headers.destination_port != destination_port_) {
    return true;  // the kernel's own, as router solicitations, or another probe's
  }
  const ProbeAddresses addresses = ProbeAddresses::Of(family_);
  if (headers.source != addresses.source || headers.destination != addresses.destination ||
      headers.source_port != kSourcePort || headers.is_fragment) {
    return false;
  }

  const std::size_t header_size =
      headers.l4_offset + (headers.is_tcp() ? headers.tcp_header_size : udp::kSize);
  const std::size_t end = headers.l3_offset + headers.l3_size;
  if (end < header_size) return false;
  const std::span<const std::uint8_t> data = frame.subspan(header_size, end - header_size);
  if (headers.is_tcp() &&
      headers.tcp_sequence != static_cast<std::uint32_t>(kSequence + arrived_)) {
    return false;
  }
  if (data.size() > payload_.size() - arrived_ ||
      !std::equal(data.begin(), data.end(),
                  payload_.begin() + static_cast<std::ptrdiff_t>(arrived_))) {
    return false;
  }
  arrived_ += data.size();

  const std::span<const std::uint8_t> l4 =
      frame.subspan(headers.l4_offset, end - headers.l4_offset);
  const std::uint64_t pseudo_header = wire::PseudoHeaderSum(
      headers.source, headers.destination, protocol_, static_cast<std::uint32_t>(l4.size()));
  if (Load<VnetHeader>(message.data()).needs_checksum())
    return Load<std::uint16_t>(l4.data() + ChecksumOffsetOf(protocol_)) ==
           wire::Fold(pseudo_header);
  return wire::Fold(pseudo_header + wire::SumBytes(l4)) == 0xffff;
}

}  // namespace taploom::netns
