// A translated frame has right checksums whenever it had them before, nothing but its headers
// changes, and translating it back restores it. Input: new source and destination address, new
// ports (12 bytes), then a frame.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "dataplane/rewrite/rewrite.h"
#include "dataplane/wire/byte_order.h"
#include "tests/support/packet_reader.h"

namespace {

using taploom::Packet;
using taploom::test::Frame;
namespace flow = taploom::flow;
namespace rewrite = taploom::rewrite;
namespace wire = taploom::wire;

constexpr std::size_t kChoices = 12;

void Require(bool holds) {
  if (!holds) std::abort();
}

// The frame as it leaves under `tuple`, its MACs untouched.
Frame Translated(const Frame& frame, const flow::FiveTuple& tuple) {
  std::array<std::uint8_t, Packet::kHeadCapacity> head{};
  std::copy(frame.bytes.begin(), frame.bytes.end(), head.begin());
  Packet packet;
  packet.head = head.data();
  packet.head_size = static_cast<std::uint32_t>(frame.bytes.size());
  packet.headers = wire::Parse(packet.head_bytes(), packet.size());
  flow::FlowAction action;
  rewrite::PrepareTranslation(flow::TupleOf(packet.headers), tuple, action);
  action.destination_mac = taploom::test::DestinationMacOf(frame);
  action.source_mac = taploom::test::SourceMacOf(frame);
  rewrite::Apply(packet, action, tuple);
  return {{head.begin(), head.begin() + packet.head_size}, {}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kChoices || size - kChoices > Packet::kHeadCapacity) return 0;
  const Frame frame{{data + kChoices, data + size}, {}};
  const wire::Headers headers = wire::Parse(frame.bytes, frame.bytes.size());
  if (headers.kind != wire::FrameKind::kIp || headers.family != wire::Family::kIpv4 ||
      !headers.has_transport)
    return 0;
  if (!taploom::test::ChecksumFault(frame).empty()) return 0;
  const flow::FiveTuple before = flow::TupleOf(headers);
  flow::FiveTuple after = before;
  after.source = wire::IpAddress::V4FromBytes(data);
  after.destination = wire::IpAddress::V4FromBytes(data + 4);
  // An identifier stays on the side that has one (wire/parse.h).
  const bool has_ports = headers.is_tcp() || headers.is_udp();
  if (has_ports || before.source_port != 0)
    after.source_port = wire::Load<wire::be16>(data + 8).value();
  if (has_ports || before.destination_port != 0)
    after.destination_port = wire::Load<wire::be16>(data + 10).value();

  const Frame out = Translated(frame, after);
  Require(taploom::test::ChecksumFault(out).empty());
  Require(taploom::test::PayloadOf(out) == taploom::test::PayloadOf(frame));
  Require(flow::TupleOf(wire::Parse(out.bytes, out.bytes.size())) == after);
  const Frame back = Translated(out, before);
  Require(taploom::test::ChecksumFault(back).empty());
  Require(flow::TupleOf(wire::Parse(back.bytes, back.bytes.size())) == before);
  return 0;
}
