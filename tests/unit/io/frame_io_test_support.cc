#include "tests/unit/io/frame_io_test_support.h"

#include <algorithm>

namespace taploom::io {
namespace {

const Tins::HWAddress<6> kSourceMac("02:00:00:00:00:01");
const Tins::HWAddress<6> kDestinationMac("02:00:00:00:00:02");
constexpr std::uint16_t kSourcePort = 40'000, kDestinationPort = 443;
constexpr std::uint32_t kSequence = 0xfffffff0;  // wraps within the first segments

struct Layout {
  std::size_t l4 = 0, end = 0;
  std::uint8_t protocol = 0;
  std::vector<std::uint8_t> addresses;
};

// Knows the frames of this file only: no IPv6 extension headers.
Layout LayoutOf(const Bytes& frame) {
  Layout layout;
  if (frame[12] == 0x08) {
    layout.l4 = 14 + (frame[14] & 0xfu) * 4u;
    layout.end = 14 + frame[16] * 256u + frame[17];
    layout.protocol = frame[23];
    layout.addresses.assign(frame.begin() + 26, frame.begin() + 34);
  } else {
    layout.l4 = 14 + 40;
    layout.end = layout.l4 + frame[18] * 256u + frame[19];
    layout.protocol = frame[20];
    layout.addresses.assign(frame.begin() + 22, frame.begin() + 54);
  }
  return layout;
}

// libtins pads to Ethernet's minimum; a TAP does not.
Bytes WithoutPadding(Bytes frame) {
  frame.resize(LayoutOf(frame).end);
  return frame;
}

template <typename Ip>
Bytes Tcp(Ip ip, const Bytes& payload, std::uint16_t flags) {
  Tins::TCP tcp(kDestinationPort, kSourcePort);
  tcp.seq(kSequence);
  tcp.flags(flags);
  tcp.window(1000);
  tcp.timestamp(7, 9);
  Tins::EthernetII frame =
      Tins::EthernetII(kDestinationMac, kSourceMac) / ip / tcp / Tins::RawPDU(payload);
  return WithoutPadding(frame.serialize());
}

template <typename Ip>
Bytes Udp(Ip ip, const Bytes& payload) {
  Tins::EthernetII frame = Tins::EthernetII(kDestinationMac, kSourceMac) / ip /
                           Tins::UDP(kDestinationPort, kSourcePort) / Tins::RawPDU(payload);
  return WithoutPadding(frame.serialize());
}

std::uint16_t Sum(const Bytes& bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

Bytes PseudoHeader(const Layout& layout) {
  Bytes bytes = layout.addresses;
  const std::size_t size = layout.end - layout.l4;
  bytes.insert(bytes.end(), {0, 0, static_cast<std::uint8_t>(size >> 8),
                             static_cast<std::uint8_t>(size), 0, 0, 0, layout.protocol});
  return bytes;
}

}  // namespace

BufferedFrame::BufferedFrame(const Bytes& frame, VnetHeader vnet)
    : head_(Packet::kHeadCapacity), tail_(Packet::kTailCapacity) {
  const std::size_t head_size = std::min(frame.size(), Packet::kHeadCapacity);
  std::copy_n(frame.begin(), head_size, head_.begin());
  std::copy(frame.begin() + static_cast<std::ptrdiff_t>(head_size), frame.end(), tail_.begin());
  packet.head = head_.data();
  packet.head_size = static_cast<std::uint32_t>(head_size);
  packet.tail = tail_.data();
  packet.tail_size = static_cast<std::uint32_t>(frame.size() - head_size);
  packet.vnet = vnet;
}

Bytes BytesOf(const Packet& packet) {
  Bytes bytes(packet.head, packet.head + packet.head_size);
  bytes.insert(bytes.end(), packet.tail, packet.tail + packet.tail_size);
  return bytes;
}

Bytes Pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::uint8_t>(i * 7 + (i >> 8) * 13);
  return bytes;
}

Tins::IP TestIp() {
  Tins::IP ip("10.0.2.20", "10.0.1.10");
  ip.id(0x1234);
  ip.ttl(64);
  return ip;
}
Tins::IPv6 TestIpv6() {
  Tins::IPv6 ip("fd00::2:20", "fd00::1:10");
  ip.hop_limit(64);
  return ip;
}

Bytes TcpFrame(Tins::IP ip, const Bytes& payload, std::uint16_t flags) {
  return Tcp(ip, payload, flags);
}
Bytes TcpFrame(Tins::IPv6 ip, const Bytes& payload, std::uint16_t flags) {
  return Tcp(ip, payload, flags);
}
Bytes UdpFrame(Tins::IP ip, const Bytes& payload) { return Udp(ip, payload); }
Bytes UdpFrame(Tins::IPv6 ip, const Bytes& payload) { return Udp(ip, payload); }

VnetHeader MakeChecksumPartial(Bytes& frame) {
  const Layout layout = LayoutOf(frame);
  const std::uint16_t sum = Sum(PseudoHeader(layout));
  VnetHeader vnet;
  vnet.flags = VnetHeader::kNeedsChecksum;
  vnet.checksum_start = static_cast<std::uint16_t>(layout.l4);
  vnet.checksum_offset = layout.protocol == 6 ? 16 : 6;
  frame[layout.l4 + vnet.checksum_offset] = static_cast<std::uint8_t>(sum >> 8);
  frame[layout.l4 + vnet.checksum_offset + 1] = static_cast<std::uint8_t>(sum);
  return vnet;
}

bool HasRightL4Checksum(const Bytes& frame) {
  const Layout layout = LayoutOf(frame);
  Bytes covered = PseudoHeader(layout);
  covered.insert(covered.end(), frame.begin() + static_cast<std::ptrdiff_t>(layout.l4),
                 frame.begin() + static_cast<std::ptrdiff_t>(layout.end));
  return Sum(covered) == 0xffff;
}

}  // namespace taploom::io
