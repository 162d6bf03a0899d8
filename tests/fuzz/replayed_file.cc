#include "tests/fuzz/replayed_file.h"

#include <gtest/gtest.h>
#include <tins/tins.h>

#include <string>
#include <utility>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/io/pcap_source.h"
#include "dataplane/replay/internet.h"
#include "dataplane/replay/replayer.h"
#include "dataplane/replay/verdict_line.h"
#include "dataplane/tables/compile.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"
#include "tests/support/full_checksum.h"

namespace taploom::test {
namespace {

// 0xffff when the transport checksum of the frame is right (RFC 1071 §1), computed in full.
std::uint16_t TransportSum(const Packet& packet, const wire::Headers& headers) {
  std::vector<std::uint8_t> frame(packet.head, packet.head + packet.head_size);
  frame.insert(frame.end(), packet.tail, packet.tail + packet.tail_size);
  const std::size_t l4_size = headers.l3_size - (headers.l4_offset - headers.l3_offset);
  const bool has_pseudo_header = headers.protocol != wire::kProtocolIcmp;
  return FullSum(std::span(frame).subspan(headers.l4_offset, l4_size),
                 has_pseudo_header ? PseudoHeaderSumOf(frame, headers.protocol, l4_size) : 0);
}

bool HasChecksum(const Packet& packet, const wire::Headers& headers) {
  if (headers.kind != wire::FrameKind::kIp || headers.is_fragment || !headers.has_transport)
    return false;
  const bool is_udp_without = headers.is_udp() && packet.head[headers.l4_offset + 6] == 0 &&
                              packet.head[headers.l4_offset + 7] == 0;
  return !is_udp_without;
}

// Whether libtins, which is somebody else's parser, reads the frame as IP. It also looks into TCP
// and IP options, which a network does not.
bool IsReadByTins(const Packet& packet) {
  std::vector<std::uint8_t> frame(packet.head, packet.head + packet.head_size);
  frame.insert(frame.end(), packet.tail, packet.tail + packet.tail_size);
  try {
    const Tins::EthernetII read(frame.data(), static_cast<std::uint32_t>(frame.size()));
    return read.find_pdu<Tins::IP>() != nullptr || read.find_pdu<Tins::IPv6>() != nullptr;
  } catch (const Tins::exception_base&) {
    return false;
  }
}

void CheckDelivered(const Packet& left, const io::CapturedFrame& frame, bool is_cut_short,
                    replay::FrameBuffer& original) {
  const wire::Headers headers = wire::Parse({left.head, left.head_size}, left.size());
  ASSERT_EQ(headers.kind, wire::FrameKind::kIp);
  original.Load(frame);
  EXPECT_TRUE(IsReadByTins(left) || !IsReadByTins(original.packet()));
  if (is_cut_short || !HasChecksum(left, headers)) return;
  const bool was_right = TransportSum(original.packet(), original.packet().headers) == 0xffff;
  EXPECT_EQ(TransportSum(left, headers) == 0xffff, was_right);
}

bool ReplayFile(const std::filesystem::path& path,
                const std::shared_ptr<const tables::Snapshot>& snapshot,
                replay::Replayer::Options options, ReplayedTotals& totals) {
  std::string error;
  const auto source = io::OpenCapture(path, error);
  if (source == nullptr) return false;
  options.listens = true;
  replay::Replayer replayer(snapshot, std::move(options));
  replay::FrameBuffer original;
  io::CapturedFrame frame;
  std::string line;
  while (source->Next(frame)) {
    if (!replayer.Replay(frame)) continue;
    line.clear();
    replay::AppendVerdictLine(replayer, line);
    EXPECT_EQ(line.back(), '\n');
    const replay::ReplayedPacket& packet = replayer.last();
    SCOPED_TRACE(path.string() + " packet " + std::to_string(packet.number));
    if (packet.is_delivered()) CheckDelivered(*packet.packet, frame, packet.is_cut_short, original);
  }
  const replay::ReplayTotals& sums = replayer.totals();
  EXPECT_EQ(sums.delivered + sums.answered + sums.dropped() + sums.skipped(), sums.packets) << path;
  totals.packets += sums.packets;
  totals.delivered += sums.delivered;
  return true;
}

}  // namespace

std::shared_ptr<const tables::Snapshot> OnTheInternet(const HostileFabric& fabric) {
  config::FabricConfig config = fabric.config();
  config.set_generation(1);
  replay::AddInternet(config);
  tables::CompileResult compiled = tables::Compile(config);
  EXPECT_EQ(compiled.error, "");
  return compiled.snapshot;
}

bool ReplayInEveryWay(const std::filesystem::path& path, HostileFabric& fabric,
                      const std::shared_ptr<const tables::Snapshot>& snapshot,
                      ReplayedTotals& totals) {
  replay::PrefixMap everything;
  EXPECT_EQ(everything.Add("0.0.0.0/1=10.0.1.10/1"), "");
  replay::PrefixMap outside;
  for (const char* pair : {"10.0.0.0/8=20.0.0.0/8", "172.16.0.0/12=21.16.0.0/12",
                           "192.168.0.0/16=22.168.0.0/16", "127.0.0.0/8=23.0.0.0/8"}) {
    EXPECT_EQ(outside.Add(pair), "");
  }
  if (!ReplayFile(path, snapshot, {}, totals)) return false;
  ReplayFile(path, snapshot, {.map = outside}, totals);
  ReplayFile(path, snapshot, {.in_port = fabric.port("attacker"), .keeps_entering_frames = true},
             totals);
  ReplayFile(path, snapshot, {.in_port = fabric.port("outside"), .map = everything}, totals);
  ++totals.files;
  return true;
}

}  // namespace taploom::test
