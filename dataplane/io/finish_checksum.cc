#include "dataplane/io/finish_checksum.h"

#include <cassert>

#include "dataplane/io/frame_slice.h"
#include "dataplane/wire/byte_order.h"

namespace taploom::io {

bool FinishChecksum(Packet& packet) {
  if (!packet.vnet.needs_checksum()) return true;
  assert(!packet.vnet.is_gso());

  const std::size_t start = packet.vnet.checksum_start;
  const std::size_t field = start + packet.vnet.checksum_offset;
  if (start > packet.size() || field + 2 > packet.head_size) return false;

  auto checksum = static_cast<std::uint16_t>(~SumOf(SliceOf(packet, start, packet.size() - start)));
  // A UDP checksum of zero means "none" (RFC 768); for the others 0xffff is the same number.
  if (checksum == 0) checksum = 0xffff;
  wire::Store(packet.head + field, checksum);

  packet.vnet.flags &= static_cast<std::uint8_t>(~VnetHeader::kNeedsChecksum);
  packet.vnet.checksum_start = packet.vnet.checksum_offset = 0;
  return true;
}

}  // namespace taploom::io
