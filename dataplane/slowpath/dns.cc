#include "dataplane/slowpath/dns.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "dataplane/slowpath/neighbor.h"
#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"

namespace taploom::slowpath {
namespace {

using wire::be16;
using wire::be32;

// RFC 1035 §4.1.1
constexpr std::size_t kHeaderSize = 12, kFlags = 2, kQuestions = 4, kAnswers = 6, kAuthorities = 8,
                      kAdditionals = 10;
constexpr std::uint16_t kResponse = 0x8000, kOpcodeMask = 0x7800, kAuthoritative = 0x0400,
                        kRecursionDesired = 0x0100, kRecursionAvailable = 0x0080;
constexpr std::uint16_t kNoError = 0, kFormatError = 1, kNameError = 3, kNotImplemented = 4;
constexpr std::uint16_t kTypeA = 1, kTypeAaaa = 28, kClassIn = 1;
constexpr std::size_t kMaxName = 255;
constexpr std::uint16_t kNameInQuestion = 0xc000 | kHeaderSize;  // a compression pointer
constexpr std::uint32_t kTimeToLiveSeconds = 60;                 // AWS's for names of its own
// As many records as fit into 512 bytes (RFC 1035 §2.3.4) behind the longest question.
constexpr std::size_t kMaxRecords = 8;

constexpr std::uint32_t kResolverV4 = 0xa9fea9fd;  // 169.254.169.253

// fd00:ec2::253
wire::IpAddress ResolverV6() {
  std::uint8_t bytes[16] = {0xfd, 0x00, 0x0e, 0xc2};
  bytes[14] = 0x02;
  bytes[15] = 0x53;
  return wire::IpAddress::V6FromBytes(bytes);
}

struct QuestionSection {
  std::array<char, kMaxName + 1> name;  // lower case, dotted, without the final dot
  std::size_t name_size = 0;
  std::uint16_t type = 0;
  std::size_t size = 0;  // bytes in the message

  std::string_view name_view() const { return {name.data(), name_size}; }
};

char ToLower(std::uint8_t byte) {
  return static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}

// RFC 1035 §4.1.2. Questions have no reason to use compression, so a pointer is a format error.
std::optional<QuestionSection> ReadQuestion(std::span<const std::uint8_t> bytes) {
  QuestionSection question;
  std::size_t at = 0;
  while (true) {
    if (at >= bytes.size()) return std::nullopt;
    const std::size_t label = bytes[at++];
    if (label == 0) break;
    if (label > 63 || at + label > bytes.size() || question.name_size + label + 1 > kMaxName)
      return std::nullopt;
    if (question.name_size != 0) question.name[question.name_size++] = '.';
    for (std::size_t i = 0; i < label; ++i)
      question.name[question.name_size++] = ToLower(bytes[at + i]);
    at += label;
  }
  if (at + 4 > bytes.size()) return std::nullopt;
  question.type = wire::Load<be16>(bytes.data() + at).value();
  if (wire::Load<be16>(bytes.data() + at + 2).value() != kClassIn) return std::nullopt;
  question.size = at + 4;
  return question;
}

std::size_t WriteRecord(std::uint8_t* at, const wire::IpAddress& address) {
  const auto data = address.bytes();
  wire::Store(at, be16(kNameInQuestion));
  wire::Store(at + 2, be16(address.is_v4() ? kTypeA : kTypeAaaa));
  wire::Store(at + 4, be16(kClassIn));
  wire::Store(at + 6, be32(kTimeToLiveSeconds));
  wire::Store(at + 10, be16(static_cast<std::uint16_t>(data.size())));
  std::memcpy(at + 12, data.data(), data.size());
  return 12 + data.size();
}

void SwapBytes(std::uint8_t* left, std::uint8_t* right, std::size_t count) {
  std::swap_ranges(left, left + count, right);
}

// The datagram goes back the way it came, with `payload_size` bytes in it.
Verdict SendBack(Packet& packet, std::size_t payload_size) {
  const bool v4 = packet.headers.family == wire::Family::kIpv4;
  std::uint8_t* ip = packet.head + packet.headers.l3_offset;
  std::uint8_t* udp = packet.head + packet.headers.l4_offset;
  const std::size_t udp_size = wire::udp::kSize + payload_size;
  wire::TurnEthernetRound(packet.head);
  SwapBytes(udp + wire::udp::kSourcePort, udp + wire::udp::kDestinationPort, 2);
  const std::size_t l3_header = packet.headers.l4_offset - packet.headers.l3_offset;
  if (v4) {
    SwapBytes(ip + wire::ipv4::kSource, ip + wire::ipv4::kDestination, 4);
    wire::Store(ip + wire::ipv4::kTotalLength,
                be16(static_cast<std::uint16_t>(l3_header + udp_size)));
    ip[wire::ipv4::kTtl] = 64;
    wire::Store(ip + wire::ipv4::kChecksum, std::uint16_t{0});
    wire::Store(ip + wire::ipv4::kChecksum, wire::InternetChecksum({ip, l3_header}));
  } else {
    SwapBytes(ip + wire::ipv6::kSource, ip + wire::ipv6::kDestination, 16);
    wire::Store(ip + wire::ipv6::kPayloadLength,
                be16(static_cast<std::uint16_t>(l3_header - wire::ipv6::kSize + udp_size)));
    ip[wire::ipv6::kHopLimit] = 64;
  }
  wire::Store(udp + wire::udp::kLength, be16(static_cast<std::uint16_t>(udp_size)));
  wire::Store(udp + wire::udp::kChecksum, std::uint16_t{0});
  const std::uint16_t checksum = static_cast<std::uint16_t>(
      ~wire::Fold(wire::PseudoHeaderSum(packet.headers.destination, packet.headers.source,
                                        wire::kProtocolUdp, static_cast<std::uint32_t>(udp_size)) +
                  wire::SumBytes({udp, udp_size})));
  wire::Store(udp + wire::udp::kChecksum, checksum == 0 ? std::uint16_t{0xffff} : checksum);
  packet.head_size = static_cast<std::uint32_t>(packet.headers.l4_offset + udp_size);
  packet.tail_size = 0;
  packet.vnet = {};
  return Verdict::Reply(packet.ingress_port);
}

}  // namespace

const tables::NameTable& NamesFor(const tables::Snapshot& snapshot, tables::PortId port) {
  const tables::PortOwner owner = snapshot.OwnerOf(port);
  return owner.eni.exists() ? snapshot[snapshot[owner.eni].vpc].names : snapshot.internet_names;
}

bool IsResolver(const tables::Snapshot& snapshot, tables::PortId port,
                const wire::IpAddress& address) {
  const tables::PortOwner owner = snapshot.OwnerOf(port);
  if (owner.internet_host.exists()) return address == wire::IpAddress::V4(kInternetRouterV4);
  if (!owner.eni.exists()) return false;
  const tables::Vpc& vpc = snapshot[snapshot[owner.eni].vpc];
  return address == wire::IpAddress::V4(kResolverV4) || address == ResolverV6() ||
         (!vpc.cidrs.empty() && address == vpc.cidrs.front().address.Plus(2));
}

Verdict AnswerDns(Packet& packet, const tables::NameTable& names) {
  std::uint8_t* message = packet.head + packet.headers.l4_offset + wire::udp::kSize;
  const std::size_t room = packet.head_size - packet.headers.l4_offset - wire::udp::kSize;
  const std::size_t datagram =
      wire::Load<be16>(packet.head + packet.headers.l4_offset + wire::udp::kLength).value();
  if (datagram < wire::udp::kSize + kHeaderSize || datagram - wire::udp::kSize > room)
    return Verdict::Drop(DropReason::kMalformed);
  const std::size_t size = datagram - wire::udp::kSize;

  const std::uint16_t flags = wire::Load<be16>(message + kFlags).value();
  if ((flags & kResponse) != 0)
    return Verdict::Drop(DropReason::kMalformed);  // never answer an answer
  std::uint16_t result = kNoError;
  std::size_t end = kHeaderSize;
  std::uint16_t answers = 0;
  std::optional<QuestionSection> question;
  if ((flags & kOpcodeMask) != 0) {
    result = kNotImplemented;
  } else if (wire::Load<be16>(message + kQuestions).value() == 1) {
    question = ReadQuestion({message + kHeaderSize, size - kHeaderSize});
  }
  if (question) {
    end += question->size;
    const auto found = names.find(question->name_view());
    if (found == names.end()) {
      result = kNameError;
    } else {
      for (const wire::IpAddress& address : found->second) {
        const bool wanted = question->type == (address.is_v4() ? kTypeA : kTypeAaaa);
        if (!wanted || answers == kMaxRecords) continue;
        end += WriteRecord(message + end, address);
        ++answers;
      }
    }
  } else if (result == kNoError) {
    result = kFormatError;
  }
  wire::Store(
      message + kFlags,
      be16(static_cast<std::uint16_t>(kResponse | (flags & (kOpcodeMask | kRecursionDesired)) |
                                      kAuthoritative | kRecursionAvailable | result)));
  wire::Store(message + kQuestions, be16(question ? 1 : 0));
  wire::Store(message + kAnswers, be16(answers));
  wire::Store(message + kAuthorities, be16(0));
  wire::Store(message + kAdditionals, be16(0));
  return SendBack(packet, end);
}

}  // namespace taploom::slowpath
