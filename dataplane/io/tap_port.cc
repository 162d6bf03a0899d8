#include "dataplane/io/tap_port.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/io/segment.h"

namespace taploom::io {
std::size_t TapPort::Receive(std::span<Packet> packets) {
  std::size_t count = 0;
  while (count < packets.size()) {
    Packet& packet = packets[count];
    const iovec parts[] = {{&packet.vnet, sizeof packet.vnet},
                           {packet.head, Packet::kHeadCapacity},
                           {packet.tail, Packet::kTailCapacity}};
    const ssize_t read = ::readv(queue_.get(), parts, 3);
    if (read < 0) break;  // nothing more; a device that is gone shows in epoll
    if (read == 0) break;
    const std::size_t size =
        static_cast<std::size_t>(read) -
        std::min<std::size_t>(static_cast<std::size_t>(read), sizeof packet.vnet);
    packet.head_size = static_cast<std::uint32_t>(std::min(size, Packet::kHeadCapacity));
    packet.tail_size = static_cast<std::uint32_t>(size - packet.head_size);
    ++count;
  }
  return count;
}

int TapPort::Write(const Packet& packet) {
  const iovec parts[] = {{const_cast<VnetHeader*>(&packet.vnet), sizeof packet.vnet},
                         {packet.head, packet.head_size},
                         {packet.tail, packet.tail_size}};
  return ::writev(queue_.get(), parts, packet.tail_size == 0 ? 2 : 3) < 0 ? errno : 0;
}

SendResult TapPort::Send(const Packet& packet) {
  if (!packet.vnet.is_gso()) return SendResultOf(Write(packet));

  const std::uint8_t gso_type = KindOf(packet.vnet);
  if (gso_type >= 32) return SendResult::kFailed;
  if (refuses(gso_type)) return SendSegments(packet);

  const int error = Write(packet);
  if (error != EINVAL) return SendResultOf(error);
  // Only a frame that is cut and taken proves that the kernel is to blame: a sender's malformed
  // superframe, which the kernel is right to refuse, must not slow down everyone else's.
  const SendResult result = SendSegments(packet);
  if (result == SendResult::kSent)
    refused_gso_types_.store(refused_gso_types() | 1u << gso_type, std::memory_order_relaxed);
  return result;
}

SendResult TapPort::SendSegments(const Packet& packet) {
  Segmenter segmenter(packet);
  if (!segmenter.valid()) return SendResult::kFailed;
  Packet segment;
  while (segmenter.Next(segment)) {
    const SendResult result = SendResultOf(Write(segment));
    if (result != SendResult::kSent) return result;
  }
  segmented_count_.store(segmented_count() + 1, std::memory_order_relaxed);
  return SendResult::kSent;
}

}  // namespace taploom::io
