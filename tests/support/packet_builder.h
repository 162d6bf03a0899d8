// PacketBuilder: frames for tests, said in one line and made by libtins.
//
//   Tcp("10.0.1.10:4000", "198.51.100.7:80").Flags("S")
//   Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(3000).Slice(0, 1480)
//   Echo("10.0.1.10", "198.51.100.7", 7)
//   IcmpError("10.0.0.1", "10.0.1.10", 3, 4).Quoting(frame.bytes, 28)
#ifndef TAPLOOM_TESTS_SUPPORT_PACKET_BUILDER_H_
#define TAPLOOM_TESTS_SUPPORT_PACKET_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/wire/mac_address.h"
#include "tests/support/frame.h"

namespace taploom::test {

class PacketBuilder {
 public:
  // `protocol`: IP protocol number. Ports are taken from "address:port" ("[v6]:port").
  PacketBuilder(std::uint8_t protocol, const std::string& source, const std::string& destination);

  PacketBuilder& From(const wire::MacAddress& mac);
  PacketBuilder& To(const wire::MacAddress& mac);

  PacketBuilder& Flags(const std::string& letters);  // of "SAFRP"
  PacketBuilder& Sequence(std::uint32_t sequence, std::uint32_t acknowledgment = 0);
  PacketBuilder& Icmp(std::uint8_t type, std::uint8_t code = 0);
  PacketBuilder& Identifier(std::uint16_t identifier);
  PacketBuilder& Mtu(std::uint16_t mtu);  // of an ICMP error
  PacketBuilder& Ttl(std::uint8_t ttl);
  PacketBuilder& DontFragment();
  PacketBuilder& Payload(std::size_t bytes);  // filled with a pattern that depends on the position
  PacketBuilder& Payload(std::vector<std::uint8_t> bytes);
  // An ICMP error's payload: the IP packet of `frame`, as if it had come back, cut after `size`
  // bytes.
  PacketBuilder& Quoting(const std::vector<std::uint8_t>& frame, std::size_t size = SIZE_MAX);
  PacketBuilder& NoUdpChecksum();
  // IP payload bytes [from, from + size) as a fragment of the datagram; `id` tells datagrams apart.
  PacketBuilder& Slice(std::size_t from, std::size_t size, std::uint16_t id = 1);
  // The frame still needs its transport checksum, as a sender with checksum offload leaves it.
  PacketBuilder& PartialChecksum();
  // A superframe of segments with `size` bytes of payload; implies PartialChecksum.
  PacketBuilder& Gso(std::uint16_t size);

  Frame Build() const;

  bool has_destination_mac() const { return destination_mac_.has_value(); }
  bool has_source_mac() const { return source_mac_.has_value(); }
  const std::string& destination() const { return destination_; }

 private:
  std::vector<std::uint8_t> BuildBytes() const;

  std::uint8_t protocol_;
  std::string source_, destination_;
  std::uint16_t source_port_ = 0, destination_port_ = 0;
  std::optional<wire::MacAddress> source_mac_, destination_mac_;
  std::string flags_ = "S";
  std::uint32_t sequence_ = 1000, acknowledgment_ = 0;
  std::uint8_t icmp_type_ = 8, icmp_code_ = 0;
  std::uint16_t identifier_ = 0, mtu_ = 0;
  std::uint8_t ttl_ = 64;
  bool dont_fragment_ = false, udp_checksum_ = true, partial_ = false;
  std::uint16_t gso_size_ = 0;
  std::vector<std::uint8_t> payload_;
  std::optional<std::size_t> slice_from_;
  std::size_t slice_size_ = 0;
  std::uint16_t ip_id_ = 0;
};

PacketBuilder Tcp(const std::string& source, const std::string& destination,
                  const std::string& flags = "S");
PacketBuilder Udp(const std::string& source, const std::string& destination);
// An echo request or reply, of either family.
PacketBuilder Echo(const std::string& source, const std::string& destination,
                   std::uint16_t identifier = 7);
PacketBuilder EchoReply(const std::string& source, const std::string& destination,
                        std::uint16_t identifier = 7);
PacketBuilder IcmpError(const std::string& source, const std::string& destination,
                        std::uint8_t type, std::uint8_t code);

// Who has `target`? Tell `sender`.
Frame ArpRequest(const wire::MacAddress& sender_mac, const std::string& sender,
                 const std::string& target);
Frame ArpReplyFrame(const wire::MacAddress& sender_mac, const std::string& sender,
                    const std::string& target);
Frame NeighborSolicitation(const wire::MacAddress& sender_mac, const std::string& sender,
                           const std::string& target);

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_PACKET_BUILDER_H_
