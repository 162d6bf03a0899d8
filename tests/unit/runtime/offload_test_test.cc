// The judge of kernels, held against kernels made for the purpose: one that does everything right,
// and others that each do one thing wrong.
#include "control/netns/offload_test.h"

#include <gtest/gtest.h>
#include <linux/if_tun.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

#include "dataplane/io/finish_checksum.h"
#include "dataplane/io/segment.h"
#include "dataplane/packet.h"

namespace taploom::netns {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Does what a device whose reader wants `bits` does, by the dataplane's own segmenter.
class GoodKernel : public OffloadRoad {
 public:
  bool LeaveToReader(unsigned device_bits) override {
    bits_ = device_bits;
    return true;
  }

  int Send(std::span<const std::uint8_t> message) override {
    Bytes bytes(message.begin(), message.end());
    Packet packet;
    std::memcpy(&packet.vnet, bytes.data(), sizeof packet.vnet);
    packet.head = bytes.data() + sizeof packet.vnet;
    const std::size_t size = bytes.size() - sizeof packet.vnet;
    packet.head_size = static_cast<std::uint32_t>(std::min(size, Packet::kHeadCapacity));
    packet.tail = packet.head + packet.head_size;
    packet.tail_size = static_cast<std::uint32_t>(size - packet.head_size);
    if (packet.vnet.is_gso() && (bits_ & ~unsigned{TUN_F_CSUM}) == 0) {
      io::Segmenter segmenter(packet);
      EXPECT_TRUE(segmenter.valid());
      Packet segment;
      while (segmenter.Next(segment)) Deliver(segment);
      return 0;
    }
    if (packet.vnet.needs_checksum() && (bits_ & TUN_F_CSUM) == 0) {
      EXPECT_TRUE(io::FinishChecksum(packet));
    }
    Deliver(packet);
    return 0;
  }

  Bytes Receive() override {
    if (queue_.empty()) return {};
    Bytes message = queue_.front();
    queue_.pop_front();
    return message;
  }

 protected:
  virtual void Deliver(const Packet& packet) {
    Bytes message(sizeof packet.vnet);
    std::memcpy(message.data(), &packet.vnet, sizeof packet.vnet);
    message.insert(message.end(), packet.head, packet.head + packet.head_size);
    message.insert(message.end(), packet.tail, packet.tail + packet.tail_size);
    queue_.push_back(std::move(message));
  }

  unsigned bits_ = 0;
  std::deque<Bytes> queue_;
};

void ExpectStates(const Offloads& offloads, std::array<OffloadState, kOffloadCount> states) {
  for (const Offload each : kAllOffloads) {
    EXPECT_EQ(ToString(offloads[each].state), ToString(states[static_cast<std::size_t>(each)]))
        << ToString(each) << ": " << offloads[each].detail;
  }
}

constexpr OffloadState kWorks = OffloadState::kWorks;

TEST(OffloadTest, AKernelThatDoesEverythingRightMayDoEverything) {
  GoodKernel kernel;
  const Offloads offloads = TestOffloads(kernel);
  ExpectStates(offloads, {kWorks, kWorks, kWorks, kWorks, kWorks});
  EXPECT_EQ(offloads.device_bits(), 0x7fu & ~0x10u) << "all bits but that of UFO, which is gone";
  EXPECT_EQ(offloads.superframes_to_cut(), 0u);
}

TEST(OffloadTest, AnOlderKernelHasNoSegmentationOfUdp) {
  class OlderKernel : public GoodKernel {
    bool LeaveToReader(unsigned device_bits) override {
      return (device_bits & 0x60) == 0 && GoodKernel::LeaveToReader(device_bits);
    }
  } kernel;
  const Offloads offloads = TestOffloads(kernel);
  ExpectStates(offloads, {kWorks, kWorks, kWorks, OffloadState::kAbsent, OffloadState::kAbsent});
  EXPECT_EQ(offloads.device_bits(), unsigned{TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN});
}

TEST(OffloadTest, SuperframesThatTheKernelRefusesAreReceivedWholeAndCut) {
  // As Linux 6.6.44 did when the last segment was short.
  class Refusing : public GoodKernel {
    int Send(std::span<const std::uint8_t> message) override {
      return message[1] == VnetHeader::kGsoTcp4 ? EINVAL : GoodKernel::Send(message);
    }
  } kernel;
  const Offloads offloads = TestOffloads(kernel);
  ExpectStates(offloads, {kWorks, OffloadState::kRefused, kWorks, kWorks, kWorks});
  EXPECT_EQ(offloads.superframes_to_cut(), 1u << VnetHeader::kGsoTcp4);
  EXPECT_TRUE(offloads.IsLeftToDevice(Offload::kTso4));
}

TEST(OffloadTest, OneByteThatChangesInASegmentIsFoundAndSendersSegmentThemselves) {
  // As UDP segmentation did in kernels of 2026: every checksum is right, for the wrong bytes.
  class Corrupting : public GoodKernel {
    void Deliver(const Packet& packet) override {
      if (packet.head[23] == wire::kProtocolUdp && packet.size() > 1000 && !packet.vnet.is_gso()) {
        std::swap_ranges(packet.head + 700, packet.head + 702, packet.head + 702);
      }
      GoodKernel::Deliver(packet);
    }
  } kernel;
  const Offloads offloads = TestOffloads(kernel);
  ExpectStates(offloads, {kWorks, kWorks, kWorks, OffloadState::kCorrupts, kWorks});
  EXPECT_EQ(offloads[Offload::kUso4].detail, "bytes arrived changed, done by the kernel");
  EXPECT_FALSE(offloads.IsLeftToDevice(Offload::kUso6)) << "the kernel has one switch for both";
  EXPECT_EQ(offloads.superframes_to_cut(), 1u << VnetHeader::kGsoUdpL4);
}

TEST(OffloadTest, ASegmentThatIsLostIsFound) {
  class Losing : public GoodKernel {
    void Deliver(const Packet& packet) override {
      if (packet.vnet.gso_type != VnetHeader::kGsoTcp6) GoodKernel::Deliver(packet);
    }
  } kernel;
  const Offloads offloads = TestOffloads(kernel);
  ExpectStates(offloads, {kWorks, kWorks, OffloadState::kCorrupts, kWorks, kWorks});
  EXPECT_EQ(offloads[Offload::kTso6].detail, "bytes were lost, left to the reader");
}

TEST(OffloadTest, WithoutChecksumsThatAreFinishedNothingIsLeftToTheDevice) {
  class Forgetful : public GoodKernel {
    int Send(std::span<const std::uint8_t> message) override {
      if (bits_ != 0) return GoodKernel::Send(message);
      Bytes bytes(message.begin(), message.end());
      bytes[0] = 0;  // "nothing is left to do"
      queue_.push_back(std::move(bytes));
      return 0;
    }
  } kernel;
  const Offloads offloads = TestOffloads(kernel);
  EXPECT_EQ(offloads[Offload::kChecksum].state, OffloadState::kCorrupts);
  EXPECT_EQ(offloads.device_bits(), 0u);
  EXPECT_NE(offloads.superframes_to_cut() & 1u << VnetHeader::kGsoTcp4, 0u);
}

TEST(OffloadTest, WhereNoFramePassesNothingIsClaimed) {
  class Closed : public GoodKernel {
    void Deliver(const Packet&) override {}
  } kernel;
  const Offloads offloads = TestOffloads(kernel);
  ExpectStates(offloads, {OffloadState::kUntested, OffloadState::kUntested, OffloadState::kUntested,
                          OffloadState::kUntested, OffloadState::kUntested});
  EXPECT_EQ(offloads.superframes_to_cut(), 0u);
  EXPECT_EQ(offloads[Offload::kTso4].detail, "no frame passes the pair of TAPs");
}

TEST(OffloadTest, WithoutIpv6TheRestIsTested) {
  class OldWorld : public GoodKernel {
    void Deliver(const Packet& packet) override {
      if (packet.head[12] == 0x08) GoodKernel::Deliver(packet);
    }
  } kernel;
  ExpectStates(TestOffloads(kernel),
               {kWorks, kWorks, OffloadState::kUntested, kWorks, OffloadState::kUntested});
}

}  // namespace
}  // namespace taploom::netns
