// The captures of tcpdump's own tests: crashes that others found, and every protocol there is. Run
// by tcpdump_corpus.py, which fetches them and names their folder.
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/io/pcap_source.h"
#include "tests/fuzz/replayed_file.h"

namespace taploom::test {
namespace {

namespace fs = std::filesystem;

// How many packets libpcap reads, up to where the file ends or breaks; nothing when it does not
// open it.
std::optional<std::uint64_t> PacketsOfLibpcap(const fs::path& path) {
  char error[PCAP_ERRBUF_SIZE];
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> capture(
      pcap_open_offline(path.c_str(), error), &pcap_close);
  if (capture == nullptr) return std::nullopt;
  std::uint64_t count = 0;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  while (pcap_next_ex(capture.get(), &header, &bytes) == 1) ++count;
  return count;
}

std::uint64_t PacketsOfOurs(const fs::path& path, std::string& error) {
  const auto source = io::OpenCapture(path, error);
  if (source == nullptr) return 0;
  std::uint64_t count = 0;
  io::CapturedFrame frame;
  while (source->Next(frame)) ++count;
  error = source->error();
  return count;
}

std::vector<fs::path> Captures() {
  const char* folder = std::getenv("TAPLOOM_TCPDUMP_CORPUS");
  std::vector<fs::path> captures;
  for (const auto& entry : fs::directory_iterator(folder == nullptr ? "/dev/null" : folder))
    captures.push_back(entry.path());
  std::sort(captures.begin(), captures.end());
  return captures;
}

TEST(TcpdumpCorpus, EveryPacketThatLibpcapReadsIsRead) {
  std::size_t opened = 0;
  for (const fs::path& capture : Captures()) {
    const auto expected = PacketsOfLibpcap(capture);
    if (!expected) continue;
    ++opened;
    std::string error;
    const std::uint64_t packets = PacketsOfOurs(capture, error);
    EXPECT_GE(packets, *expected) << capture << ": " << error;
  }
  EXPECT_GT(opened, 500u);
  std::printf("libpcap opens %zu captures\n", opened);
}

TEST(TcpdumpCorpus, EveryPacketIsForwardedOrACountedDrop) {
  HostileFabric fabric;
  const auto snapshot = OnTheInternet(fabric);
  ReplayedTotals totals;
  for (const fs::path& capture : Captures()) {
    const bool replayed = ReplayInEveryWay(capture, fabric, snapshot, totals);
    EXPECT_TRUE(replayed || !PacketsOfLibpcap(capture)) << capture;
  }
  EXPECT_GT(totals.files, 500u);
  EXPECT_GT(totals.delivered, 1000u);
  std::printf("%llu captures, %llu packets in four ways, %llu forwarded\n",
              static_cast<unsigned long long>(totals.files),
              static_cast<unsigned long long>(totals.packets),
              static_cast<unsigned long long>(totals.delivered));
}

}  // namespace
}  // namespace taploom::test
