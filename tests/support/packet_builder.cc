#include "tests/support/packet_builder.h"

#include <tins/tins.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "dataplane/wire/ip_address.h"
#include "tests/support/full_checksum.h"

namespace taploom::test {
namespace {

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpv6 = 58;
constexpr std::size_t kEthernet = 14, kArp = 28;

bool IsV6(const std::string& address) { return address.find(':') != std::string::npos; }

// "10.0.0.1:80", "[2001:db8::1]:80", or a bare address.
std::pair<std::string, std::uint16_t> SplitEndpoint(const std::string& text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    const bool has_port = close + 1 < text.size();
    return {text.substr(1, close - 1),
            has_port ? static_cast<std::uint16_t>(std::stoul(text.substr(close + 2)))
                     : std::uint16_t{0}};
  }
  const auto colon = text.find(':');
  if (colon == std::string::npos || text.find(':', colon + 1) != std::string::npos)
    return {text, 0};
  return {text.substr(0, colon), static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

// libtins pads to the 60 bytes of a cable; a TAP carries what it is given.
std::vector<std::uint8_t> WithoutPadding(std::vector<std::uint8_t> bytes, std::size_t size) {
  bytes.resize(size);
  return bytes;
}

Tins::HWAddress<6> HardwareAddress(const wire::MacAddress& mac) {
  return Tins::HWAddress<6>(mac.bytes.data());
}

Tins::small_uint<12> TcpFlags(const std::string& letters) {
  std::uint16_t flags = 0;
  for (const char letter : letters) {
    switch (letter) {
      case 'F':
        flags |= Tins::TCP::FIN;
        break;
      case 'S':
        flags |= Tins::TCP::SYN;
        break;
      case 'R':
        flags |= Tins::TCP::RST;
        break;
      case 'P':
        flags |= Tins::TCP::PSH;
        break;
      case 'A':
        flags |= Tins::TCP::ACK;
        break;
      default:
        throw std::invalid_argument("TCP flag " + letters);
    }
  }
  return flags;
}

std::size_t ChecksumOffset(std::uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return 16;
    case kUdp:
      return 6;
    default:
      return 2;
  }
}

}  // namespace

PacketBuilder::PacketBuilder(std::uint8_t protocol, const std::string& source,
                             const std::string& destination)
    : protocol_(protocol) {
  std::tie(source_, source_port_) = SplitEndpoint(source);
  std::tie(destination_, destination_port_) = SplitEndpoint(destination);
}

PacketBuilder& PacketBuilder::From(const wire::MacAddress& mac) {
  source_mac_ = mac;
  return *this;
}
PacketBuilder& PacketBuilder::To(const wire::MacAddress& mac) {
  destination_mac_ = mac;
  return *this;
}
PacketBuilder& PacketBuilder::Flags(const std::string& letters) {
  flags_ = letters;
  return *this;
}
PacketBuilder& PacketBuilder::Sequence(std::uint32_t sequence, std::uint32_t acknowledgment) {
  sequence_ = sequence;
  acknowledgment_ = acknowledgment;
  return *this;
}
PacketBuilder& PacketBuilder::Icmp(std::uint8_t type, std::uint8_t code) {
  icmp_type_ = type;
  icmp_code_ = code;
  return *this;
}
PacketBuilder& PacketBuilder::Identifier(std::uint16_t identifier) {
  identifier_ = identifier;
  return *this;
}
PacketBuilder& PacketBuilder::Mtu(std::uint16_t mtu) {
  mtu_ = mtu;
  return *this;
}
PacketBuilder& PacketBuilder::Ttl(std::uint8_t ttl) {
  ttl_ = ttl;
  return *this;
}
PacketBuilder& PacketBuilder::DontFragment() {
  dont_fragment_ = true;
  return *this;
}
PacketBuilder& PacketBuilder::Payload(std::size_t bytes) {
  payload_.resize(bytes);
  for (std::size_t i = 0; i < bytes; ++i) payload_[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return *this;
}
PacketBuilder& PacketBuilder::Payload(std::vector<std::uint8_t> bytes) {
  payload_ = std::move(bytes);
  return *this;
}
PacketBuilder& PacketBuilder::Quoting(const std::vector<std::uint8_t>& frame, std::size_t size) {
  const std::size_t available = frame.size() - kEthernet;
  payload_.assign(
      frame.begin() + kEthernet,
      frame.begin() + static_cast<std::ptrdiff_t>(kEthernet + std::min(size, available)));
  return *this;
}
PacketBuilder& PacketBuilder::NoUdpChecksum() {
  udp_checksum_ = false;
  return *this;
}
PacketBuilder& PacketBuilder::Slice(std::size_t from, std::size_t size, std::uint16_t id) {
  slice_from_ = from;
  slice_size_ = size;
  ip_id_ = id;
  return *this;
}
PacketBuilder& PacketBuilder::PartialChecksum() {
  partial_ = true;
  return *this;
}
PacketBuilder& PacketBuilder::Gso(std::uint16_t size) {
  gso_size_ = size;
  partial_ = true;
  return *this;
}

std::vector<std::uint8_t> PacketBuilder::BuildBytes() const {
  Tins::EthernetII frame(HardwareAddress(destination_mac_.value_or(wire::MacAddress())),
                         HardwareAddress(source_mac_.value_or(wire::MacAddress())));
  std::unique_ptr<Tins::PDU> transport;
  switch (protocol_) {
    case kTcp: {
      auto tcp = std::make_unique<Tins::TCP>(destination_port_, source_port_);
      tcp->flags(TcpFlags(flags_));
      tcp->seq(sequence_);
      tcp->ack_seq(acknowledgment_);
      tcp->window(65'000);
      transport = std::move(tcp);
      break;
    }
    case kUdp:
      transport = std::make_unique<Tins::UDP>(destination_port_, source_port_);
      break;
    case kIcmp: {
      auto icmp = std::make_unique<Tins::ICMP>(static_cast<Tins::ICMP::Flags>(icmp_type_));
      icmp->code(icmp_code_);
      if (mtu_ != 0)
        icmp->mtu(mtu_);
      else
        icmp->id(identifier_);
      transport = std::move(icmp);
      break;
    }
    case kIcmpv6: {
      auto icmp = std::make_unique<Tins::ICMPv6>(static_cast<Tins::ICMPv6::Types>(icmp_type_));
      icmp->code(icmp_code_);
      if (mtu_ != 0)
        icmp->sequence(mtu_);
      else
        icmp->identifier(identifier_);
      transport = std::move(icmp);
      break;
    }
    default:
      break;
  }
  if (IsV6(source_)) {
    Tins::IPv6 ip(destination_, source_);
    ip.hop_limit(ttl_);
    ip.next_header(protocol_);
    frame /= ip;
  } else {
    Tins::IP ip(destination_, source_);
    ip.ttl(ttl_);
    ip.protocol(protocol_);
    ip.id(ip_id_);
    if (dont_fragment_) ip.flags(Tins::IP::DONT_FRAGMENT);
    frame /= ip;
  }
  if (transport) frame /= *transport;
  if (!payload_.empty())
    frame /= Tins::RawPDU(payload_.data(), static_cast<std::uint32_t>(payload_.size()));
  std::vector<std::uint8_t> bytes = frame.serialize();
  const std::size_t length_at = kEthernet + (IsV6(source_) ? 4 : 2);
  const std::size_t length = bytes[length_at] * 256u + bytes[length_at + 1];
  bytes = WithoutPadding(std::move(bytes), kEthernet + length + (IsV6(source_) ? 40 : 0));
  if (protocol_ == kUdp && !udp_checksum_)
    bytes[bytes.size() - payload_.size() - 2] = bytes[bytes.size() - payload_.size() - 1] = 0;
  return bytes;
}

Frame PacketBuilder::Build() const {
  Frame frame{BuildBytes(), {}};
  const std::size_t l3_header = IsV6(source_) ? 40 : 20;
  const std::size_t l4 = kEthernet + l3_header;
  if (slice_from_) {
    if (IsV6(source_)) throw std::invalid_argument("Slice is for IPv4");
    const std::size_t size = std::min(slice_size_, frame.bytes.size() - l4 - *slice_from_);
    const auto begin = frame.bytes.begin() + static_cast<std::ptrdiff_t>(l4 + *slice_from_);
    const std::vector<std::uint8_t> part(begin, begin + static_cast<std::ptrdiff_t>(size));
    const bool is_last = *slice_from_ + size == frame.bytes.size() - l4;
    frame.bytes.resize(l4);
    frame.bytes.insert(frame.bytes.end(), part.begin(), part.end());
    const auto store16 = [&](std::size_t at, std::size_t value) {
      frame.bytes[kEthernet + at] = static_cast<std::uint8_t>(value >> 8);
      frame.bytes[kEthernet + at + 1] = static_cast<std::uint8_t>(value);
    };
    store16(2, l3_header + size);
    store16(6, *slice_from_ / 8 | (is_last ? 0u : 0x2000u));
    store16(10, 0);
    store16(10, FullChecksum(std::span(frame.bytes).subspan(kEthernet, l3_header)));
  }
  if (partial_) {
    const std::size_t field = l4 + ChecksumOffset(protocol_);
    const std::uint16_t sum = PseudoHeaderSumOf(frame.bytes, protocol_, frame.bytes.size() - l4);
    frame.bytes[field] = static_cast<std::uint8_t>(sum >> 8);
    frame.bytes[field + 1] = static_cast<std::uint8_t>(sum);
    frame.vnet.flags = VnetHeader::kNeedsChecksum;
    frame.vnet.checksum_start = static_cast<std::uint16_t>(l4);
    frame.vnet.checksum_offset = static_cast<std::uint16_t>(ChecksumOffset(protocol_));
  }
  if (gso_size_ != 0) {
    const bool is_tcp = protocol_ == kTcp;
    frame.vnet.gso_type = !is_tcp         ? VnetHeader::kGsoUdpL4
                          : IsV6(source_) ? VnetHeader::kGsoTcp6
                                          : VnetHeader::kGsoTcp4;
    frame.vnet.gso_size = gso_size_;
    frame.vnet.header_length = static_cast<std::uint16_t>(l4 + (is_tcp ? 20 : 8));
  }
  return frame;
}

PacketBuilder Tcp(const std::string& source, const std::string& destination,
                  const std::string& flags) {
  return PacketBuilder(kTcp, source, destination).Flags(flags);
}
PacketBuilder Udp(const std::string& source, const std::string& destination) {
  return {kUdp, source, destination};
}
PacketBuilder Echo(const std::string& source, const std::string& destination,
                   std::uint16_t identifier) {
  const bool v6 = IsV6(source);
  return PacketBuilder(v6 ? kIcmpv6 : kIcmp, source, destination)
      .Icmp(v6 ? 128 : 8)
      .Identifier(identifier);
}
PacketBuilder EchoReply(const std::string& source, const std::string& destination,
                        std::uint16_t identifier) {
  const bool v6 = IsV6(source);
  return PacketBuilder(v6 ? kIcmpv6 : kIcmp, source, destination)
      .Icmp(v6 ? 129 : 0)
      .Identifier(identifier);
}
PacketBuilder IcmpError(const std::string& source, const std::string& destination,
                        std::uint8_t type, std::uint8_t code) {
  return PacketBuilder(IsV6(source) ? kIcmpv6 : kIcmp, source, destination).Icmp(type, code);
}

Frame ArpRequest(const wire::MacAddress& sender_mac, const std::string& sender,
                 const std::string& target) {
  Tins::EthernetII frame = Tins::ARP::make_arp_request(target, sender, HardwareAddress(sender_mac));
  return {WithoutPadding(frame.serialize(), kEthernet + kArp), {}};
}
Frame ArpReplyFrame(const wire::MacAddress& sender_mac, const std::string& sender,
                    const std::string& target) {
  Tins::EthernetII frame = Tins::ARP::make_arp_reply(
      target, sender, Tins::HWAddress<6>("ff:ff:ff:ff:ff:ff"), HardwareAddress(sender_mac));
  return {WithoutPadding(frame.serialize(), kEthernet + kArp), {}};
}

Frame NeighborSolicitation(const wire::MacAddress& sender_mac, const std::string& sender,
                           const std::string& target) {
  const auto address = wire::IpAddress::Parse(target);
  if (!address) throw std::invalid_argument(target);
  const auto& bytes = address->mapped();
  // RFC 4291 §2.7.1: the solicited-node group carries the address's last three bytes.
  std::array<std::uint8_t, 16> group = {0xff, 0x02, 0, 0, 0,    0,         0,         0,
                                        0,    0,    0, 1, 0xff, bytes[13], bytes[14], bytes[15]};
  const wire::MacAddress group_mac{{0x33, 0x33, 0xff, bytes[13], bytes[14], bytes[15]}};
  Tins::ICMPv6 solicitation(Tins::ICMPv6::NEIGHBOUR_SOLICIT);
  solicitation.target_addr(target);
  solicitation.source_link_layer_addr(HardwareAddress(sender_mac));
  Tins::IPv6 ip(wire::IpAddress::V6FromBytes(group.data()).ToString(), sender);
  ip.hop_limit(255);
  Tins::EthernetII frame =
      Tins::EthernetII(HardwareAddress(group_mac), HardwareAddress(sender_mac)) / ip / solicitation;
  return {frame.serialize(), {}};
}

}  // namespace taploom::test
