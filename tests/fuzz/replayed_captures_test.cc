// Foreign captures through the replayer: whatever a file holds, every packet ends as forwarded or
// as a counted drop, and what is forwarded parses again with checksums that are as right as they
// came. The folder of captures is named by TAPLOOM_SHARED_PCAPS; those of pcaps/ are always read.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "dataplane/io/pcap_source.h"
#include "dataplane/replay/replayer.h"
#include "dataplane/replay/verdict_line.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"
#include "tests/fuzz/hostile_fabric.h"
#include "tests/support/full_checksum.h"

namespace taploom::test {
namespace {

namespace fs = std::filesystem;

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

struct Totals {
  std::uint64_t files = 0, packets = 0, delivered = 0;
};

void ReplayFile(const fs::path& path, const std::shared_ptr<const tables::Snapshot>& snapshot,
                const replay::Replayer::Options& options, Totals& totals) {
  std::string error;
  const auto source = io::OpenCapture(path, error);
  if (source == nullptr) return;  // README files and what libpcap does not open
  ++totals.files;
  replay::Replayer replayer(snapshot, options);
  replay::FrameBuffer original;
  io::CapturedFrame frame;
  std::string line;
  while (source->Next(frame)) {
    if (!replayer.Replay(frame)) continue;
    line.clear();
    replay::AppendVerdictLine(replayer, line);
    ASSERT_EQ(line.back(), '\n');
    const replay::ReplayedPacket& packet = replayer.last();
    if (!packet.is_delivered()) continue;
    const Packet& left = *packet.packet;
    const wire::Headers headers = wire::Parse({left.head, left.head_size}, left.size());
    ASSERT_EQ(headers.kind, wire::FrameKind::kIp) << path << " packet " << packet.number;
    original.Load(frame);
    if (packet.is_cut_short || !HasChecksum(left, headers)) continue;
    const bool was_right = TransportSum(original.packet(), original.packet().headers) == 0xffff;
    ASSERT_EQ(TransportSum(left, headers) == 0xffff, was_right)
        << path << " packet " << packet.number;
  }
  const replay::ReplayTotals& sums = replayer.totals();
  ASSERT_EQ(sums.delivered + sums.answered + sums.dropped() + sums.skipped(), sums.packets) << path;
  totals.packets += sums.packets;
  totals.delivered += sums.delivered;
}

TEST(ReplayedCaptures, EveryPacketIsForwardedOrACountedDrop) {
  HostileFabric fabric;
  const auto snapshot = fabric.Build();
  replay::PrefixMap everything;
  ASSERT_EQ(everything.Add("0.0.0.0/1=10.0.1.10/1"), "");
  std::vector<fs::path> folders = {TAPLOOM_PCAPS};
  const char* shared = std::getenv("TAPLOOM_SHARED_PCAPS");
  if (shared != nullptr) folders.emplace_back(shared);
  Totals totals;
  for (const fs::path& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      // By its addresses; all of it at a port that may send anything; and at an internet host.
      ReplayFile(entry.path(), snapshot, {.listens = true}, totals);
      ReplayFile(
          entry.path(), snapshot,
          {.in_port = fabric.port("attacker"), .listens = true, .keeps_entering_frames = true},
          totals);
      ReplayFile(entry.path(), snapshot,
                 {.in_port = fabric.port("outside"), .map = everything, .listens = true}, totals);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GE(totals.files, 15u * 3);
  EXPECT_GT(totals.delivered, 20u) << "nearly everything was dropped: the test shows little";
  RecordProperty("files", std::to_string(totals.files / 3));
  RecordProperty("packets", std::to_string(totals.packets));
  RecordProperty("delivered", std::to_string(totals.delivered));
  if (shared == nullptr)
    std::puts("TAPLOOM_SHARED_PCAPS names no folder of captures: only pcaps/ was replayed");
}

}  // namespace
}  // namespace taploom::test
