// Real captures into the pipeline: whatever machines have really sent gets a verdict and is
// counted. The folder of captures is named by TAPLOOM_SHARED_PCAPS; without it the test is skipped.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/fuzz/hostile_fabric.h"
#include "tests/support/fabric_fixture.h"

namespace taploom::test {
namespace {

constexpr int kEthernetLink = 1;  // LINKTYPE_ETHERNET, as libpcap names it DLT_EN10MB
constexpr std::size_t kLargest = Packet::kHeadCapacity + Packet::kTailCapacity;

struct CloseCapture {
  void operator()(pcap_t* capture) const { pcap_close(capture); }
};
using Capture = std::unique_ptr<pcap_t, CloseCapture>;

// Null when the file is no capture of Ethernet frames.
Capture Open(const std::filesystem::path& path) {
  char error[PCAP_ERRBUF_SIZE];
  Capture capture(pcap_open_offline(path.c_str(), error));
  return capture && pcap_datalink(capture.get()) == kEthernetLink ? std::move(capture) : nullptr;
}

TEST(Captures, EveryFrameGetsAVerdictAndIsCounted) {
  const char* folder = std::getenv("TAPLOOM_SHARED_PCAPS");
  if (folder == nullptr) GTEST_SKIP() << "TAPLOOM_SHARED_PCAPS names no folder of captures";
  HostileFabric fabric;
  Bench bench({.capacity = 4096, .capacity_per_port = 3000, .seed = 1});
  bench.Publish(fabric.Build());
  const std::uint16_t attacker = fabric.port("attacker");
  std::uint64_t frames = 0, dropped = 0, files = 0, not_ethernet = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const Capture capture = Open(entry.path());
    if (!capture) {
      ++not_ethernet;
      continue;
    }
    ++files;
    SCOPED_TRACE(entry.path().filename().string());
    pcap_pkthdr* header = nullptr;
    const u_char* bytes = nullptr;
    while (pcap_next_ex(capture.get(), &header, &bytes) == 1) {
      Frame frame{{bytes, bytes + std::min<std::size_t>(header->caplen, kLargest)}, {}};
      for (const bool is_addressed :
           {false, true}) {  // as it was, and as if the attacker had sent it to its router
        if (is_addressed && frame.bytes.size() >= 12) {
          const auto router = fabric.router_mac("attacker").bytes;
          const auto sender = fabric.mac("attacker").bytes;
          std::copy(router.begin(), router.end(), frame.bytes.begin());
          std::copy(sender.begin(), sender.end(), frame.bytes.begin() + 6);
        }
        const Outcome outcome = bench.Process(frame, attacker);
        const bool is_drop = outcome.verdict.kind == Verdict::Kind::kDrop;
        ASSERT_EQ(outcome.verdict.drop_reason == DropReason::kNone && is_drop, false)
            << "frame " << frames;
        ASSERT_TRUE(is_drop ||
                    fabric.name_of(outcome.verdict.port).find("port ") == std::string::npos)
            << "frame " << frames;
        dropped += outcome.verdict.drop_reason != DropReason::kNone ? 1 : 0;
        ++frames;
      }
      bench.Advance(std::chrono::milliseconds(1));
      bench.Expire();
    }
  }
  std::uint64_t counted = 0;
  for (const observe::Counter& counter : bench.counters().port(attacker).drops)
    counted += counter.value();
  EXPECT_EQ(bench.counters().port(attacker).received_packets.value(), frames);
  EXPECT_EQ(counted, dropped);
  EXPECT_GT(files, 0u) << "no capture of Ethernet frames among the files";
  RecordProperty("frames", std::to_string(frames));
  RecordProperty("files", std::to_string(files));
  RecordProperty("files_not_ethernet", std::to_string(not_ethernet));
}

}  // namespace
}  // namespace taploom::test
