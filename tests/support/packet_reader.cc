#include "tests/support/packet_reader.h"

#include <fmt/format.h>
#include <tins/tins.h>

#include <span>

#include "dataplane/wire/ip_address.h"
#include "tests/support/full_checksum.h"

namespace taploom::test {
namespace {

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpv6 = 58;
constexpr std::size_t kEthernet = 14;
using Bytes = std::span<const std::uint8_t>;

std::uint16_t Read16(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] * 256 + bytes[at + 1]);
}

// The IP layer of one packet. A quoted packet may be cut short, which libtins refuses to read, so
// this is read by hand for both and libtins' reading is compared where it has one.
struct Ip {
  bool valid = false, v4 = true;
  std::string source, destination;
  std::uint8_t protocol = 0, ttl = 0;
  std::size_t header_size = 0, total_size = 0;
  bool dont_fragment = false, more_fragments = false;
  std::size_t fragment_offset = 0;  // bytes
  bool is_fragment() const { return more_fragments || fragment_offset != 0; }
};

Ip ReadIp(Bytes packet) {
  Ip ip;
  if (packet.size() >= 20 && packet[0] >> 4 == 4) {
    ip.header_size = packet[0] % 16 * 4u;
    ip.total_size = Read16(packet, 2);
    ip.protocol = packet[9];
    ip.ttl = packet[8];
    ip.dont_fragment = (packet[6] & 0x40) != 0;
    ip.more_fragments = (packet[6] & 0x20) != 0;
    ip.fragment_offset = Read16(packet, 6) % 8192 * 8u;
    ip.source = wire::IpAddress::V4FromBytes(packet.data() + 12).ToString();
    ip.destination = wire::IpAddress::V4FromBytes(packet.data() + 16).ToString();
    ip.valid = ip.header_size >= 20 && ip.header_size <= packet.size();
  } else if (packet.size() >= 40 && packet[0] >> 4 == 6) {
    ip.v4 = false;
    ip.header_size = 40;
    ip.total_size = 40u + Read16(packet, 4);
    ip.protocol = packet[6];
    ip.ttl = packet[7];
    ip.source = wire::IpAddress::V6FromBytes(packet.data() + 8).ToString();
    ip.destination = wire::IpAddress::V6FromBytes(packet.data() + 24).ToString();
    ip.valid = true;
    std::size_t at = 40;
    while (ip.protocol == 0 || ip.protocol == 43 || ip.protocol == 44 || ip.protocol == 60) {
      if (at + 8 > packet.size()) break;
      if (ip.protocol == 44) {
        ip.more_fragments = (packet[at + 3] & 1) != 0;
        ip.fragment_offset = Read16(packet, at + 2) & ~7u;
      }
      const std::size_t size = ip.protocol == 44 ? 8u : 8u + 8u * packet[at + 1];
      ip.protocol = packet[at];
      at += size;
      if (ip.fragment_offset != 0) break;
    }
    ip.header_size = at;
    ip.valid = at <= packet.size();
  }
  return ip;
}

std::string EndpointText(const std::string& address, std::uint16_t port) {
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

std::string FlagsText(std::uint8_t flags) {
  std::string text;
  if ((flags & 0x02) != 0) text += 'S';
  if ((flags & 0x10) != 0) text += 'A';
  if ((flags & 0x01) != 0) text += 'F';
  if ((flags & 0x04) != 0) text += 'R';
  if ((flags & 0x08) != 0) text += 'P';
  return text;
}

bool IsIcmpError(const Ip& ip, std::uint8_t type) {
  return ip.v4 ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12
               : type >= 1 && type < 128;
}

std::string DescribePacket(Bytes packet, bool quoted);

std::string DescribeIcmp(const Ip& ip, Bytes l4, bool quoted) {
  const std::uint8_t type = l4[0];
  const std::string ends = fmt::format("{} > {}", ip.source, ip.destination);
  if (type == (ip.v4 ? 8 : 128)) return fmt::format("echo {} id {}", ends, Read16(l4, 4));
  if (type == (ip.v4 ? 0 : 129)) return fmt::format("echo-reply {} id {}", ends, Read16(l4, 4));
  std::string text = fmt::format("{} {}/{} {}", ip.v4 ? "icmp" : "icmpv6", type, l4[1], ends);
  if (!IsIcmpError(ip, type) || quoted) return text;
  if (const auto mtu = Read16(l4, 6); mtu != 0) text += fmt::format(" mtu {}", mtu);
  return text + " quoting [" + DescribePacket(l4.subspan(8), true) + "]";
}

std::string DescribePacket(Bytes packet, bool quoted) {
  const Ip ip = ReadIp(packet);
  if (!ip.valid) return "not IP";
  const Bytes l4 = packet.subspan(ip.header_size);
  std::string text;
  const bool has_transport = ip.fragment_offset == 0;
  if (has_transport && ip.protocol == kTcp && l4.size() >= 4) {
    text = fmt::format("tcp {} > {}", EndpointText(ip.source, Read16(l4, 0)),
                       EndpointText(ip.destination, Read16(l4, 2)));
    if (!quoted) text += " " + FlagsText(l4[13]);
  } else if (has_transport && ip.protocol == kUdp && l4.size() >= 4) {
    text = fmt::format("udp {} > {}", EndpointText(ip.source, Read16(l4, 0)),
                       EndpointText(ip.destination, Read16(l4, 2)));
  } else if (has_transport && (ip.protocol == kIcmp || ip.protocol == kIcmpv6) && l4.size() >= 8) {
    text = DescribeIcmp(ip, l4, quoted);
  } else {
    text = fmt::format("protocol {} {} > {}", ip.protocol, ip.source, ip.destination);
  }
  if (ip.is_fragment())
    text += fmt::format(" part {}+{}{}", ip.fragment_offset, ip.total_size - ip.header_size,
                        ip.more_fragments ? "" : " last");
  if (!quoted && ip.ttl != 64) text += fmt::format(" ttl {}", ip.ttl);
  if (quoted && ip.v4 && FullSum(packet.first(ip.header_size)) != 0xffff)
    text += " BAD QUOTED IP CHECKSUM";
  return text;
}

std::string DescribeArp(const Frame& frame) {
  const Tins::EthernetII ethernet(frame.bytes.data(),
                                  static_cast<std::uint32_t>(frame.bytes.size()));
  const auto& arp = ethernet.rfind_pdu<Tins::ARP>();
  if (arp.opcode() == Tins::ARP::REPLY) {
    return fmt::format("arp {} is-at {} tell {}", arp.sender_ip_addr().to_string(),
                       arp.sender_hw_addr().to_string(), arp.target_ip_addr().to_string());
  }
  return fmt::format("arp who-has {} tell {}", arp.target_ip_addr().to_string(),
                     arp.sender_ip_addr().to_string());
}

std::string DescribeAdvertisement(const Frame& frame) {
  const Tins::EthernetII ethernet(frame.bytes.data(),
                                  static_cast<std::uint32_t>(frame.bytes.size()));
  const auto& icmp = ethernet.rfind_pdu<Tins::ICMPv6>();
  return fmt::format("nd {} is-at {}{}{}{}", icmp.target_addr().to_string(),
                     icmp.target_link_layer_addr().to_string(), icmp.router() ? " router" : "",
                     icmp.solicited() ? " solicited" : "", icmp.override() ? " override" : "");
}

// libtins reads the frame again and must see the same addresses.
std::string Disagreement(const Frame& frame, const Ip& ip) {
  try {
    const Tins::EthernetII ethernet(frame.bytes.data(),
                                    static_cast<std::uint32_t>(frame.bytes.size()));
    if (const auto* v4 = ethernet.find_pdu<Tins::IP>(); v4 != nullptr) {
      return v4->src_addr().to_string() == ip.source && v4->dst_addr().to_string() == ip.destination
                 ? ""
                 : " LIBTINS DISAGREES";
    }
    if (const auto* v6 = ethernet.find_pdu<Tins::IPv6>(); v6 != nullptr) {
      return wire::IpAddress::Parse(v6->src_addr().to_string())->ToString() == ip.source
                 ? ""
                 : " LIBTINS DISAGREES";
    }
  } catch (const Tins::exception_base& exception) {
    return fmt::format(" LIBTINS REFUSES: {}", exception.what());
  }
  return " LIBTINS SEES NO IP";
}

}  // namespace

std::string ChecksumFault(const Frame& frame) {
  const Bytes packet = Bytes(frame.bytes).subspan(kEthernet);
  const Ip ip = ReadIp(packet);
  if (!ip.valid || ip.total_size > packet.size()) return " NOT IP";
  if (ip.v4 && FullSum(packet.first(ip.header_size)) != 0xffff) return " BAD IP CHECKSUM";
  const bool has_checksum = ip.protocol == kTcp || ip.protocol == kUdp ||
                            (ip.protocol == kIcmp && ip.v4) || (ip.protocol == kIcmpv6 && !ip.v4);
  if (ip.is_fragment() || !has_checksum) return "";
  const Bytes l4 = packet.subspan(ip.header_size, ip.total_size - ip.header_size);
  const std::uint16_t pseudo = ip.protocol == kIcmp
                                   ? std::uint16_t{0}
                                   : PseudoHeaderSumOf(frame.bytes, ip.protocol, l4.size());
  if (frame.vnet.needs_checksum()) {
    const std::size_t field = kEthernet + ip.header_size + frame.vnet.checksum_offset;
    return Read16(frame.bytes, field) == pseudo ? "" : " BAD PARTIAL CHECKSUM";
  }
  if (ip.protocol == kUdp && Read16(l4, 6) == 0) return "";
  return FullSum(l4, pseudo) == 0xffff ? "" : " BAD TRANSPORT CHECKSUM";
}

std::string Describe(const Frame& frame) {
  if (frame.bytes.size() < kEthernet) return "no frame";
  const std::uint16_t type = Read16(frame.bytes, 12);
  if (type == 0x0806) return DescribeArp(frame);
  if (type != 0x0800 && type != 0x86dd) return fmt::format("ethertype {:04x}", type);
  const Bytes packet = Bytes(frame.bytes).subspan(kEthernet);
  const Ip ip = ReadIp(packet);
  if (!ip.valid) return "not IP";
  const bool advertises =
      ip.protocol == kIcmpv6 && packet.size() > ip.header_size && packet[ip.header_size] == 136;
  const std::string text =
      advertises ? DescribeAdvertisement(frame) : DescribePacket(packet, false);
  return text + ChecksumFault(frame) + Disagreement(frame, ip);
}

std::vector<std::uint8_t> PayloadOf(const Frame& frame) {
  const Bytes packet = Bytes(frame.bytes).subspan(kEthernet);
  const Ip ip = ReadIp(packet);
  std::size_t at = ip.header_size;
  if (!ip.is_fragment() || ip.fragment_offset == 0) {
    switch (ip.protocol) {
      case kTcp:
        at += packet[at + 12] / 16 * 4u;
        break;
      case kUdp:
      case kIcmp:
      case kIcmpv6:
        at += 8;
        break;
      default:
        break;
    }
  }
  const auto payload = packet.subspan(at, ip.total_size - at);
  return {payload.begin(), payload.end()};
}

wire::MacAddress SourceMacOf(const Frame& frame) {
  return wire::MacAddress::FromBytes(frame.bytes.data() + 6);
}
wire::MacAddress DestinationMacOf(const Frame& frame) {
  return wire::MacAddress::FromBytes(frame.bytes.data());
}

std::uint16_t SourcePortOf(const Frame& frame) {
  const Bytes packet = Bytes(frame.bytes).subspan(kEthernet);
  const Ip ip = ReadIp(packet);
  const bool has_ports = ip.protocol == kTcp || ip.protocol == kUdp;
  return Read16(packet, ip.header_size + (has_ports ? 0 : 4));
}

}  // namespace taploom::test
