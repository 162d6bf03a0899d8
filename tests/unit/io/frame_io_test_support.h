// What the io tests share: frames made by libtins, laid out as the dataplane holds them, and read
// back by libtins.
#ifndef TAPLOOM_TESTS_UNIT_IO_FRAME_IO_TEST_SUPPORT_H_
#define TAPLOOM_TESTS_UNIT_IO_FRAME_IO_TEST_SUPPORT_H_

#include <tins/tins.h>

#include <cstdint>
#include <vector>

#include "dataplane/packet.h"

namespace taploom::io {

using Bytes = std::vector<std::uint8_t>;

// A frame in buffers of the sizes the dataplane promises: what does not fit in the head is in the
// tail.
class BufferedFrame {
 public:
  explicit BufferedFrame(const Bytes& frame, VnetHeader vnet = {});
  BufferedFrame(const BufferedFrame&) = delete;
  BufferedFrame& operator=(const BufferedFrame&) = delete;

  Packet packet;

 private:
  Bytes head_, tail_;
};

// Head and tail as one.
Bytes BytesOf(const Packet& packet);

// `size` bytes that differ from their neighbours, so that a wrong offset shows.
Bytes Pattern(std::size_t size);

// Frames with right checksums. The IPv4 header has DF clear and id 0x1234.
Bytes TcpFrame(Tins::IP ip, const Bytes& payload, std::uint16_t flags = Tins::TCP::ACK);
Bytes TcpFrame(Tins::IPv6 ip, const Bytes& payload, std::uint16_t flags = Tins::TCP::ACK);
Bytes UdpFrame(Tins::IP ip, const Bytes& payload);
Bytes UdpFrame(Tins::IPv6 ip, const Bytes& payload);
Tins::IP TestIp();
Tins::IPv6 TestIpv6();

// Puts the pseudo-header's sum where the L4 checksum is, as a sender with checksum offload does,
// and returns the vnet header that says so. The frame must be one of the above.
VnetHeader MakeChecksumPartial(Bytes& frame);

// The L4 checksum of an unfragmented IPv4 or IPv6 frame is right, recomputed by hand over the
// pseudo-header and the data.
bool HasRightL4Checksum(const Bytes& frame);

}  // namespace taploom::io

#endif  // TAPLOOM_TESTS_UNIT_IO_FRAME_IO_TEST_SUPPORT_H_
