#include "dataplane/replay/frame_buffer.h"

#include <algorithm>

#include "dataplane/io/finish_checksum.h"
#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"

namespace taploom::replay {
namespace {

using Kind = io::NetworkLayer::Kind;

constexpr std::size_t kCapacity = Packet::kHeadCapacity + Packet::kTailCapacity;

// A TCP packet larger than any MTU of a VPC was a superframe when it was recorded, of a sender with
// segmentation offload. Its segments' size is not in the file; those of an Ethernet always pass.
constexpr std::uint32_t kLargestInVpc = 9001;  // vpc-semantics §8
constexpr std::uint32_t kSegmentPacket = 1500;

}  // namespace

void FrameBuffer::Put(std::size_t offset, std::span<const std::uint8_t> bytes) {
  const std::size_t in_head =
      offset < head_.size() ? std::min(bytes.size(), head_.size() - offset) : 0;
  std::copy_n(bytes.begin(), in_head, head_.begin() + static_cast<std::ptrdiff_t>(offset));
  const std::size_t tail_offset = offset < head_.size() ? 0 : offset - head_.size();
  std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(in_head), bytes.end(),
            tail_.begin() + static_cast<std::ptrdiff_t>(tail_offset));
}

io::NetworkLayer FrameBuffer::Load(const io::CapturedFrame& frame, bool as_recorded) {
  io::NetworkLayer layer = io::FindNetworkLayer(frame.link_type, frame.bytes);
  if (as_recorded && layer.is_ethernet && layer.offset > wire::kEthernetSize) {
    layer = {Kind::kOther, wire::kEthernetSize,
             wire::Load<wire::be16>(frame.bytes.data() + wire::ethernet::kType).value(), true};
  }
  const bool has_frame =
      layer.kind == Kind::kIp || (layer.kind == Kind::kOther && layer.is_ethernet);
  if (!has_frame) return layer;

  std::fill_n(head_.begin(), wire::kEthernetSize, std::uint8_t{0});
  if (layer.is_ethernet) Put(0, frame.bytes.first(wire::ethernet::kType));
  wire::Store(head_.data() + wire::ethernet::kType, wire::be16(layer.ether_type));
  const std::span<const std::uint8_t> network = frame.bytes.subspan(layer.offset);
  const std::size_t recorded = std::min(network.size(), kCapacity - wire::kEthernetSize);
  const std::size_t whole = std::clamp<std::size_t>(frame.original_size - layer.offset, recorded,
                                                    kCapacity - wire::kEthernetSize);
  Put(wire::kEthernetSize, network.first(recorded));
  for (std::size_t at = recorded; at < whole;) {  // what was cut off
    static constexpr std::uint8_t kZeros[512] = {};
    const std::size_t count = std::min(whole - at, sizeof kZeros);
    Put(wire::kEthernetSize + at, std::span(kZeros).first(count));
    at += count;
  }
  is_cut_short_ = frame.original_size > frame.bytes.size();
  recorded_size_ = static_cast<std::uint32_t>(wire::kEthernetSize + recorded);

  const std::size_t size = wire::kEthernetSize + whole;
  packet_ = Packet();
  packet_.head = head_.data();
  packet_.head_size = static_cast<std::uint32_t>(std::min(size, head_.size()));
  packet_.tail = tail_.data();
  packet_.tail_size = static_cast<std::uint32_t>(size - packet_.head_size);
  packet_.headers = wire::Parse(packet_.head_bytes(), packet_.size());
  FinishChecksum();
  MarkSuperframe();
  return layer;
}

// With checksum offload the field holds the pseudo-header's sum when the frame is recorded. One
// finished checksum in 65,536 happens to equal it; finishing it again gives the same number,
// because the sum that is added is then zero.
void FrameBuffer::FinishChecksum() {
  const wire::Headers& headers = packet_.headers;
  if (headers.kind != wire::FrameKind::kIp || headers.is_fragment || is_cut_short_) return;
  if (!headers.is_tcp() && !headers.is_udp()) return;
  const std::size_t field = headers.is_tcp() ? wire::tcp::kChecksum : wire::udp::kChecksum;
  const std::uint32_t l4_size = headers.l3_size - (headers.l4_offset - headers.l3_offset);
  const std::uint16_t partial = wire::Fold(
      wire::PseudoHeaderSum(headers.source, headers.destination, headers.protocol, l4_size));
  if (wire::Load<std::uint16_t>(packet_.head + headers.l4_offset + field) != partial) return;
  // Ethernet padding is not part of the sum, so the frame ends with the packet meanwhile.
  const std::uint32_t padding = packet_.size() - headers.l3_offset - headers.l3_size;
  const std::uint32_t tail_padding = std::min(padding, packet_.tail_size);
  packet_.tail_size -= tail_padding;
  packet_.head_size -= padding - tail_padding;
  packet_.vnet.flags = VnetHeader::kNeedsChecksum;
  packet_.vnet.checksum_start = headers.l4_offset;
  packet_.vnet.checksum_offset = static_cast<std::uint16_t>(field);
  if (!io::FinishChecksum(packet_)) packet_.vnet = VnetHeader();
  packet_.tail_size += tail_padding;
  packet_.head_size += padding - tail_padding;
}

void FrameBuffer::MarkSuperframe() {
  const wire::Headers& headers = packet_.headers;
  if (headers.kind != wire::FrameKind::kIp || !headers.is_tcp() || headers.is_fragment) return;
  if (headers.l3_size <= kLargestInVpc) return;
  const std::uint32_t headers_size =
      headers.l4_offset - headers.l3_offset + std::uint32_t{headers.tcp_header_size};
  packet_.vnet.gso_type =
      headers.family == wire::Family::kIpv4 ? VnetHeader::kGsoTcp4 : VnetHeader::kGsoTcp6;
  packet_.vnet.gso_size = static_cast<std::uint16_t>(kSegmentPacket - headers_size);
  packet_.vnet.header_length = static_cast<std::uint16_t>(headers.l3_offset + headers_size);
}

}  // namespace taploom::replay
