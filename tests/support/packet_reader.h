// Reading frames back, for people and for assertions: libtins as the second opinion about what the
// dataplane sends.
#ifndef TAPLOOM_TESTS_SUPPORT_PACKET_READER_H_
#define TAPLOOM_TESTS_SUPPORT_PACKET_READER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/wire/mac_address.h"
#include "tests/support/frame.h"

namespace taploom::test {

// One line that says everything a test compares:
//
//   "tcp 10.0.1.10:4000 > 198.51.100.7:80 SA"            TTL 64 is not mentioned, any other is: "…
//   ttl 63" "echo 10.0.1.10 > 198.51.100.7 id 7", "echo-reply …" "icmp 3/4 10.0.0.1 > 10.0.1.10 mtu
//   1500 quoting [tcp 10.0.1.10:4000 > 198.51.100.7:80]" "udp 10.0.1.10:4000 > 198.51.100.7:53 part
//   0+1480"   a fragment and the bytes of the datagram it holds "arp 10.0.0.1 is-at
//   0a:00:00:00:00:01", "nd 2001:db8::1 is-at …"
//
// Whatever is wrong is appended: " BAD IP CHECKSUM", " BAD TRANSPORT CHECKSUM", " BAD QUOTED IP
// CHECKSUM".
std::string Describe(const Frame& frame);

// What stands behind the transport header (for fragments and unknown protocols: behind the IP
// header).
std::vector<std::uint8_t> PayloadOf(const Frame& frame);
wire::MacAddress SourceMacOf(const Frame& frame);
wire::MacAddress DestinationMacOf(const Frame& frame);
std::uint16_t SourcePortOf(const Frame& frame);  // of TCP and UDP, or the identifier of an echo

// "" when every checksum of the frame is right in full: IP header, transport (unless a fragment, or
// a UDP checksum of 0); a frame that still needs its checksum must hold exactly the pseudo-header's
// sum.
std::string ChecksumFault(const Frame& frame);

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_PACKET_READER_H_
