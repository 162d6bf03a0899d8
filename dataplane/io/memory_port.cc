#include "dataplane/io/memory_port.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace taploom::io {

void MemoryPort::Deliver(Frame frame) {
  assert(frame.bytes.size() <= Packet::kHeadCapacity + Packet::kTailCapacity);
  to_receive_.push_back(std::move(frame));
}

std::vector<MemoryPort::Frame> MemoryPort::TakeSent() { return std::exchange(sent_, {}); }

std::size_t MemoryPort::Receive(std::span<Packet> packets) {
  const std::size_t count = std::min(packets.size(), to_receive_.size());
  for (Packet& packet : packets.first(count)) {
    const Frame& frame = to_receive_.front();
    const std::size_t head_size = std::min(frame.bytes.size(), Packet::kHeadCapacity);
    std::copy_n(frame.bytes.begin(), head_size, packet.head);
    std::copy(frame.bytes.begin() + static_cast<std::ptrdiff_t>(head_size), frame.bytes.end(),
              packet.tail);
    packet.head_size = static_cast<std::uint32_t>(head_size);
    packet.tail_size = static_cast<std::uint32_t>(frame.bytes.size() - head_size);
    packet.vnet = frame.vnet;
    to_receive_.pop_front();
  }
  return count;
}

SendResult MemoryPort::Send(const Packet& packet) {
  if (sent_.size() >= capacity_) return SendResult::kFull;
  Frame frame{packet.vnet, {packet.head, packet.head + packet.head_size}};
  frame.bytes.insert(frame.bytes.end(), packet.tail, packet.tail + packet.tail_size);
  sent_.push_back(std::move(frame));
  return SendResult::kSent;
}

}  // namespace taploom::io
