#include "dataplane/io/link_layer.h"

#include <pcap/pcap.h>

#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/parse.h"

namespace taploom::io {
namespace {

using Kind = NetworkLayer::Kind;

// https://www.tcpdump.org/linktypes.html; pcap files may hold a system's own DLT number for raw IP.
enum LinkType : int {
  kNull = 0,
  kEthernet = 1,
  kPpp = 9,
  kRawOfMostSystems = 12,
  kRawOfOpenBsd = 14,
  kPppSerial = 50,
  kRaw = 101,
  kCiscoHdlc = 104,
  kLoop = 108,
  kLinuxCooked = 113,
  kIpv4 = 228,
  kIpv6 = 229,
  kLinuxCooked2 = 276,
};

constexpr std::uint16_t kTagVlan = 0x8100, kTagService = 0x88a8, kTagOldService = 0x9100;
constexpr std::uint16_t kPppIpv4 = 0x0021, kPppIpv6 = 0x0057;

std::uint16_t Get16(std::span<const std::uint8_t> frame, std::size_t offset) {
  return wire::Load<wire::be16>(frame.data() + offset).value();
}

NetworkLayer CutShort(std::size_t offset) { return {Kind::kCutShort, offset}; }

// What stands behind an EtherType at `type_offset`, tags skipped.
NetworkLayer BehindEtherType(std::span<const std::uint8_t> frame, std::size_t type_offset,
                             std::size_t offset) {
  if (frame.size() < offset) return CutShort(offset);
  std::uint16_t type = Get16(frame, type_offset);
  while (type == kTagVlan || type == kTagService || type == kTagOldService) {
    if (frame.size() < offset + 4) return CutShort(offset);
    type = Get16(frame, offset + 2);
    offset += 4;
  }
  const bool is_ip = type == wire::kEtherTypeIpv4 || type == wire::kEtherTypeIpv6;
  return {is_ip ? Kind::kIp : Kind::kOther, offset, type};
}

// Links that carry nothing but IP, or tell the family in a way that depends on the system that
// recorded: the packet's own version is more certain.
NetworkLayer ByVersion(std::span<const std::uint8_t> frame, std::size_t offset) {
  if (frame.size() <= offset) return CutShort(offset);
  const int version = frame[offset] >> 4;
  if (version == 4) return {Kind::kIp, offset, wire::kEtherTypeIpv4};
  if (version == 6) return {Kind::kIp, offset, wire::kEtherTypeIpv6};
  return {Kind::kOther, offset, 0};
}

NetworkLayer BehindPpp(std::span<const std::uint8_t> frame) {
  std::size_t offset = 0;
  if (frame.size() >= 2 && frame[0] == 0xff && frame[1] == 0x03) offset = 2;  // RFC 1662 §3.1
  if (frame.size() < offset + 2) return CutShort(offset);
  const std::uint16_t protocol = Get16(frame, offset);
  offset += 2;
  if (protocol == kPppIpv4) return {Kind::kIp, offset, wire::kEtherTypeIpv4};
  if (protocol == kPppIpv6) return {Kind::kIp, offset, wire::kEtherTypeIpv6};
  return {Kind::kOther, offset, 0};
}

}  // namespace

NetworkLayer FindNetworkLayer(int link_type, std::span<const std::uint8_t> frame) {
  switch (link_type) {
    case kEthernet: {
      NetworkLayer layer = BehindEtherType(frame, wire::kEthernetSize - 2, wire::kEthernetSize);
      layer.is_ethernet = layer.kind != Kind::kCutShort;
      return layer;
    }
    case kLinuxCooked:
      return BehindEtherType(frame, 14, 16);
    case kLinuxCooked2:
      return BehindEtherType(frame, 0, 20);
    case kCiscoHdlc:
      return BehindEtherType(frame, 2, 4);
    case kNull:
    case kLoop:
      return ByVersion(frame, 4);
    case kRaw:
    case kRawOfMostSystems:
    case kRawOfOpenBsd:
    case kIpv4:
    case kIpv6:
      return ByVersion(frame, 0);
    case kPpp:
    case kPppSerial:
      return BehindPpp(frame);
    default:
      return {};
  }
}

std::string LinkTypeText(int link_type) {
  const char* name = pcap_datalink_val_to_name(link_type);
  return std::string(name == nullptr ? "unknown" : name) + " (" + std::to_string(link_type) + ")";
}

}  // namespace taploom::io
