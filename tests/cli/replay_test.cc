// `replay` as a user runs it: the captures in pcaps/ against the verdicts beside them, what tshark
// says of the files it writes, and what it says of files that are broken.
//
// TAPLOOM_UPDATE_VERDICTS=1 in the environment writes the verdicts anew instead of comparing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/run_program.h"
#include "tests/support/temp_folder.h"

namespace taploom::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

namespace fs = std::filesystem;

const fs::path kPcaps = TAPLOOM_SOURCE "/pcaps";
const std::string kThreeTier = TAPLOOM_SOURCE "/examples/three-tier/topology.yaml";

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool IsCapture(const fs::path& path) {
  const std::string name = path.filename();
  return name.ends_with(".pcap") || name.ends_with(".pcapng") || name.ends_with(".pcap.gz");
}

// Beside the captures, or the example of that name.
std::string TopologyOf(const fs::path& folder) {
  const fs::path own = folder / "topology.yaml";
  return fs::exists(own) ? own.string()
                         : std::string(TAPLOOM_SOURCE "/examples/") + folder.filename().string() +
                               "/topology.yaml";
}

std::vector<fs::path> Captures() {
  std::vector<fs::path> captures;
  for (const auto& entry : fs::recursive_directory_iterator(kPcaps)) {
    if (entry.is_regular_file() && IsCapture(entry.path())) captures.push_back(entry.path());
  }
  std::sort(captures.begin(), captures.end());
  return captures;
}

// The first line in which two texts differ, for a message.
std::string FirstDifference(const std::string& left, const std::string& right) {
  std::istringstream left_lines(left), right_lines(right);
  std::string left_line, right_line;
  while (true) {
    const bool has_left = static_cast<bool>(std::getline(left_lines, left_line));
    const bool has_right = static_cast<bool>(std::getline(right_lines, right_line));
    if (!has_left && !has_right) return "";
    if (!has_left || !has_right || left_line != right_line)
      return "expected " + (has_left ? left_line : "the end") + "\n     got " +
             (has_right ? right_line : "the end");
  }
}

class ReplayCli : public ::testing::Test {
 protected:
  const test::TempFolder folder_;
};

TEST_F(ReplayCli, EveryCaptureOfOursGetsTheVerdictsBesideIt) {
  const bool updates = std::getenv("TAPLOOM_UPDATE_VERDICTS") != nullptr;
  ASSERT_GE(Captures().size(), 7u);
  for (const fs::path& capture : Captures()) {
    const Outcome outcome =
        Taploom({"replay", capture, "-f", TopologyOf(capture.parent_path()), "--verdicts", "-"});
    EXPECT_EQ(outcome.exit_code, 0) << capture << outcome.err;
    const fs::path golden = capture.string() + ".verdicts";
    if (updates) std::ofstream(golden, std::ios::binary) << outcome.out;
    const std::string expected = ReadFile(golden);
    EXPECT_FALSE(expected.empty()) << golden << " is not there";
    EXPECT_TRUE(outcome.out == expected) << capture << "\n"
                                         << FirstDifference(expected, outcome.out);
  }
}

// The verdicts beside a capture of a whole fabric are those that the fabric gave: its comments say
// so.
TEST_F(ReplayCli, CapturesOfAFabricGetTheVerdictsThatItGave) {
  std::size_t dropped = 0;
  for (const fs::path& capture : Captures()) {
    if (capture.extension() != ".pcapng") continue;
    const Outcome recorded =
        RunProgram({"tshark", "-n", "-r", capture, "-Y", "frame.packet_flags_direction == 1", "-T",
                    "fields", "-e", "frame.comment"});
    std::vector<std::string> given, replayed;
    std::istringstream comments(recorded.out), verdicts(ReadFile(capture.string() + ".verdicts"));
    for (std::string line; std::getline(comments, line);) {
      const bool is_drop = line.starts_with("DROP ");
      given.push_back(is_drop ? line.substr(5, line.find(' ', 5) - 5) : "");
      dropped += is_drop ? 1 : 0;
    }
    for (std::string line; std::getline(verdicts, line);) {
      const std::string key = "\"reason\":\"";
      const auto begin = line.find(key);
      const auto end = line.find('"', begin + key.size());
      replayed.push_back(begin == std::string::npos
                             ? ""
                             : line.substr(begin + key.size(), end - begin - key.size()));
    }
    EXPECT_FALSE(given.empty()) << capture << recorded.err;
    EXPECT_EQ(given, replayed) << capture;
  }
  EXPECT_GT(dropped, 20u);
}

TEST_F(ReplayCli, TsharkReadsWhatIsWrittenAndTwoRunsWriteTheSame) {
  for (const fs::path& capture : Captures()) {
    const std::string name = capture.filename();
    const fs::path first = folder_ / (name + ".1"), second = folder_ / (name + ".2");
    const std::string topology = TopologyOf(capture.parent_path());
    ASSERT_EQ(Taploom({"replay", capture, "-f", topology, "--out", first}).exit_code, 0) << capture;
    ASSERT_EQ(Taploom({"replay", capture, "-f", topology, "--out", second}).exit_code, 0);
    for (const auto& entry : fs::directory_iterator(first)) {
      const fs::path file = entry.path();
      EXPECT_TRUE(ReadFile(file) == ReadFile(second / file.filename())) << file;
      // Checksums are looked at; frames that were malformed when they were recorded stay so, and so
      // do quotes of a packet whose checksum its receiver had not finished.
      const bool is_malformed = capture.string().find("malformed") != std::string::npos;
      const Outcome read = RunProgram(
          {"sh", "-c",
           "tshark -n -r \"$0\" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE "
           "-o udp.check_checksum:TRUE -Y '" +
               std::string(is_malformed ? "frame.number == 0"
                                        : "_ws.malformed || ip.checksum.status == \"Bad\" || "
                                          "tcp.checksum.status == \"Bad\" || "
                                          "(udp.checksum.status == \"Bad\" && !icmp)") +
               "' 2>&1 | grep -v 'Running as user'",
           file});
      EXPECT_THAT(read.out, IsEmpty()) << file;
    }
  }
}

TEST_F(ReplayCli, ExitsHoldTheTranslatedPackets) {
  const fs::path out = folder_ / "out";
  ASSERT_EQ(
      Taploom({"replay", kPcaps / "three-tier/6-web-1-to-nat.pcap", "-f", kThreeTier, "--out", out})
          .exit_code,
      0);
  const auto tshark = [&](const char* file, const std::vector<std::string>& words,
                          const char* count = "2") {
    std::vector<std::string> argv = {"tshark", "-n", "-r", out / file, "-c", count};
    argv.insert(argv.end(), words.begin(), words.end());
    return RunProgram(argv).out;
  };
  EXPECT_EQ(tshark("api.pcapng", {"-T", "fields", "-e", "frame.interface_name", "-e", "ip.src",
                                  "-e", "ip.dst", "-e", "ip.ttl"}),
            "api\t203.0.113.10\t5.6.7.8\t62\napi\t203.0.113.10\t5.6.7.8\t62\n");
  // The same packet where it entered, at each gateway, and where it left.
  EXPECT_EQ(tshark("fabric.pcapng",
                   {"-T", "fields", "-e", "frame.packet_id", "-e", "frame.interface_name", "-e",
                    "frame.packet_flags_direction", "-e", "ip.src"},
                   "6"),
            "1\tweb-1\t0x00000001\t10.0.2.50\n"
            "1\tnat-a\t0x00000001\t10.0.2.50\n1\tnat-a\t0x00000002\t10.0.1.4\n"
            "1\tigw\t0x00000001\t10.0.1.4\n1\tigw\t0x00000002\t203.0.113.10\n"
            "1\tapi\t0x00000002\t203.0.113.10\n");
}

TEST_F(ReplayCli, ErrorsAndDropsAreSeenAtTheGatewaysThatTheyCameTo) {
  const fs::path out = folder_ / "out";
  ASSERT_EQ(Taploom({"replay", kPcaps / "programs/icmp-errors.pcapng", "-f",
                     kPcaps / "programs/topology.yaml", "--out", out})
                .exit_code,
            0);
  const auto at_gateways = [&](int packet) {
    return RunProgram({"tshark", "-n", "-r", out / "fabric.pcapng", "-Y",
                       "(frame.interface_name == nat || frame.interface_name == igw) && "
                       "frame.packet_id == " +
                           std::to_string(packet),
                       "-T", "fields", "-e", "frame.interface_name", "-e",
                       "frame.packet_flags_direction", "-e", "ip.dst", "-e", "udp.srcport"})
        .out;
  };
  // A port unreachable, with the datagram it quotes.
  EXPECT_EQ(at_gateways(4),
            "igw\t0x00000001\t203.0.113.10,198.51.100.7\t45912\n"
            "igw\t0x00000002\t10.0.1.4,198.51.100.7\t45912\n"
            "nat\t0x00000001\t10.0.1.4,198.51.100.7\t45912\n"
            "nat\t0x00000002\t10.0.2.10,198.51.100.7\t59843\n");
  // Too old for the first router, and too big for the internet.
  EXPECT_EQ(at_gateways(5), "nat\t0x00000001\t198.51.100.7\t\n");
  EXPECT_EQ(at_gateways(6),
            "nat\t0x00000001\t198.51.100.7\t\nnat\t0x00000002\t198.51.100.7\t\n"
            "igw\t0x00000001\t198.51.100.7\t\n");
}

TEST_F(ReplayCli, SeveralCapturesAreReplayedInTheOrderOfTime) {
  const Outcome outcome =
      Taploom({"replay", kPcaps / "three-tier/6-web-1-to-nat.pcap",
               kPcaps / "three-tier/1-client.pcap", "-f", kThreeTier, "-o", "json"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("\"packets\": 31"));
}

TEST_F(ReplayCli, ABrokenFileIsReplayedUpToThere) {
  const std::string cut = folder_ / "cut.pcap";
  std::ofstream(cut, std::ios::binary)
      << ReadFile(kPcaps / "three-tier/6-web-1-to-nat.pcap").substr(0, 400);
  const Outcome outcome = Taploom({"replay", cut, "-f", kThreeTier});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.out, StartsWith("3 packets: 3 delivered"));
  EXPECT_THAT(outcome.err, HasSubstr("taploom: " + cut + " is broken at byte 286: "));
  EXPECT_THAT(outcome.err, HasSubstr("; the 3 packets before it were replayed"));
}

// A security group is tried against a flow log before anybody applies it.
TEST_F(ReplayCli, AgainstAnotherTopologySaysWhatChanges) {
  const std::string log = folder_ / "flow.log", other = folder_ / "other.yaml";
  std::ofstream(log) << "2 1 eni-1 10.0.2.50 10.0.3.200 40000 3306 6 20 4249 1418530010 1418530070 "
                        "ACCEPT OK\n"
                        "2 1 eni-1 10.0.3.200 10.0.2.50 3306 40000 6 20 4249 1418530010 1418530070 "
                        "ACCEPT OK\n"
                        "2 1 eni-1 10.0.2.50 5.6.7.8 41000 443 6 20 4249 1418530011 1418530070 "
                        "ACCEPT OK\n";
  std::string text = ReadFile(kThreeTier);
  const std::string old_rule = "ports: 3306, from: sg:web", new_rule = "ports: 3306, from: sg:alb";
  ASSERT_NE(text.find(old_rule), std::string::npos);
  text.replace(text.find(old_rule), old_rule.size(), new_rule);
  std::ofstream(other) << text;

  const Outcome same = Taploom({"replay", log, "-f", kThreeTier, "--against", kThreeTier});
  EXPECT_EQ(same.exit_code, 0);
  EXPECT_EQ(same.out, "nothing changes for the 3 packets\n");
  const Outcome changed = Taploom({"replay", log, "-f", kThreeTier, "--against", other});
  EXPECT_EQ(changed.exit_code, 1) << changed.err;
  EXPECT_THAT(changed.out, StartsWith("1 flow newly dropped\n  before  web sgr-"));
  EXPECT_THAT(changed.out,
              HasSubstr("\n  after   SG_INGRESS_DENIED at security group ingress db-1\n"
                        "    tcp 10.0.2.50:40000 > 10.0.3.200:3306, 2 packets from "
                        "number 1\n"));
  const Outcome allowed = Taploom({"replay", log, "-f", other, "--against", kThreeTier});
  EXPECT_EQ(allowed.exit_code, 1);
  EXPECT_THAT(allowed.out, StartsWith("1 flow newly allowed\n"));
}

struct Mistake {
  std::vector<std::string> words;
  std::string said;
};

TEST_F(ReplayCli, SaysWhatIsWrong) {
  const std::string capture = kPcaps / "three-tier/7-api.pcap";
  const Mistake mistakes[] = {
      {{}, "replay needs CAPTURE..."},
      {{capture}, "replay needs a topology (-f FILE) or a running fabric (--live NAME)"},
      {{"absent.pcap", "-f", kThreeTier}, "cannot read absent.pcap: No such file or directory"},
      {{kThreeTier, "-f", kThreeTier}, "topology.yaml is no capture file: unknown file format"},
      {{capture, "-f", kThreeTier, "--in", "web1"},
       "--in: no instance, interface or internet host is called \"web1\"; did you mean \"web-1\"?"},
      {{capture, "-f", kThreeTier, "--map", "10.0.0.0/8"},
       "--map: \"10.0.0.0/8\" maps nothing; expected OLD=NEW, two CIDRs or addresses"},
      {{capture, "-f", kThreeTier, "-o", "xml"}, "-o takes table or json"},
      {{capture, "-f", kThreeTier, "--verdicts", "/none/v"},
       "cannot write /none/v: No such file or directory"},
      {{capture, "-f", "absent.yaml"}, "cannot read absent.yaml"},
      {{capture, "-f", kThreeTier, "--against", "absent.yaml"}, "cannot read absent.yaml"},
      {{capture, "-f", kThreeTier, "--against", kThreeTier, "--out", "x"},
       "--against prints what differs; leave --verdicts, --out and --bench away"},
      {{capture, "-f", kThreeTier, "--bench", "--verdicts", "-"},
       "--bench writes nothing; leave --verdicts and --out away"},
      {{capture, "-f", kThreeTier, "--loop", "2"},
       "--rate, --speed, --topspeed and --loop are for --live; offline, time is the capture's"},
      {{capture, "--live", "x", "-f", kThreeTier}, "--live asks the running fabric; leave --file"},
      {{capture, "--live", "x", "--rate", "1", "--topspeed"},
       "only one of --rate, --speed and --topspeed can hold"},
      {{capture, "--live", "x", "--speed", "0"}, "--speed is \"0\", expected a number above 0"},
      {{capture, "--live", "x", "--loop", "-1"}, "--loop is \"-1\", expected a number from 1 on"},
      {{capture, "--live", "none-of-that-name"}, "no fabric \"none-of-that-name\""},
  };
  for (const Mistake& mistake : mistakes) {
    std::vector<std::string> words = {"replay"};
    words.insert(words.end(), mistake.words.begin(), mistake.words.end());
    const Outcome outcome = Taploom(words);
    EXPECT_EQ(outcome.exit_code, 2) << mistake.said;
    EXPECT_THAT(outcome.err, HasSubstr(mistake.said));
    EXPECT_THAT(outcome.out, IsEmpty()) << mistake.said;
  }
}

}  // namespace
}  // namespace taploom::testing
