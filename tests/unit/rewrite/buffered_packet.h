#ifndef TAPLOOM_TESTS_UNIT_REWRITE_BUFFERED_PACKET_H_
#define TAPLOOM_TESTS_UNIT_REWRITE_BUFFERED_PACKET_H_

#include <algorithm>
#include <array>
#include <vector>

#include "dataplane/packet.h"
#include "tests/support/frame.h"

namespace taploom::rewrite {

// A parsed Packet with buffers of its own, and the way back to a Frame.
class BufferedPacket {
 public:
  explicit BufferedPacket(const test::Frame& frame) : tail_(Packet::kTailCapacity) {
    const std::size_t head_size = std::min(frame.bytes.size(), head_.size());
    std::copy_n(frame.bytes.begin(), head_size, head_.begin());
    std::copy(frame.bytes.begin() + static_cast<std::ptrdiff_t>(head_size), frame.bytes.end(),
              tail_.begin());
    packet.head = head_.data();
    packet.head_size = static_cast<std::uint32_t>(head_size);
    packet.tail = tail_.data();
    packet.tail_size = static_cast<std::uint32_t>(frame.bytes.size() - head_size);
    packet.vnet = frame.vnet;
    packet.headers = wire::Parse(packet.head_bytes(), packet.size());
  }
  BufferedPacket(const BufferedPacket&) = delete;

  test::Frame frame() const {
    test::Frame result{{packet.head, packet.head + packet.head_size}, packet.vnet};
    result.bytes.insert(result.bytes.end(), packet.tail, packet.tail + packet.tail_size);
    return result;
  }

  Packet packet;

 private:
  std::array<std::uint8_t, Packet::kHeadCapacity> head_{};
  std::vector<std::uint8_t> tail_;
};

}  // namespace taploom::rewrite

#endif  // TAPLOOM_TESTS_UNIT_REWRITE_BUFFERED_PACKET_H_
