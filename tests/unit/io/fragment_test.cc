#include "dataplane/io/fragment.h"

#include <gtest/gtest.h>
#include <tins/ip_reassembler.h>

#include <memory>
#include <vector>

#include "tests/unit/io/frame_io_test_support.h"

namespace taploom::io {
namespace {

constexpr std::size_t kEthernetSize = 14;

std::vector<Bytes> Fragments(Packet& packet, std::size_t mtu) {
  Fragmenter fragmenter(packet, mtu);
  std::vector<Bytes> fragments;
  Packet fragment;
  while (fragmenter.Next(fragment)) fragments.push_back(BytesOf(fragment));
  return fragments;
}

Tins::IP IpOf(const Bytes& frame) {
  return Tins::EthernetII(frame.data(), static_cast<std::uint32_t>(frame.size()))
      .rfind_pdu<Tins::IP>();
}

// The header checksum of `frame` is the one libtins computes.
bool HasRightHeaderChecksum(const Bytes& frame) {
  Tins::EthernetII parsed(frame.data(), static_cast<std::uint32_t>(frame.size()));
  const std::uint16_t written = parsed.rfind_pdu<Tins::IP>().checksum();
  parsed.serialize();
  return parsed.rfind_pdu<Tins::IP>().checksum() == written;
}

TEST(Fragmenter, FragmentsReassembleToTheOriginal) {
  for (const std::size_t mtu : {68u, 576u, 1280u, 1499u, 1500u, 9001u}) {
    for (const std::size_t size : {1u, 1473u, 2007u, 2500u, 9001u, 65'000u}) {
      const Bytes original = UdpFrame(TestIp(), Pattern(size));
      BufferedFrame frame(original);

      Tins::IPv4Reassembler reassembler;
      std::unique_ptr<Tins::EthernetII> whole;  // assigning one to another leaks in libtins 4
      auto status = Tins::IPv4Reassembler::NOT_FRAGMENTED;
      const std::vector<Bytes> fragments = Fragments(frame.packet, mtu);
      for (const Bytes& fragment : fragments) {
        ASSERT_LE(fragment.size(), kEthernetSize + mtu);
        ASSERT_TRUE(HasRightHeaderChecksum(fragment)) << mtu << " " << size;
        whole = std::make_unique<Tins::EthernetII>(fragment.data(),
                                                   static_cast<std::uint32_t>(fragment.size()));
        status = reassembler.process(*whole);
      }
      EXPECT_EQ(status, fragments.size() == 1 ? Tins::IPv4Reassembler::NOT_FRAGMENTED
                                              : Tins::IPv4Reassembler::REASSEMBLED);
      EXPECT_EQ(whole->rfind_pdu<Tins::RawPDU>().payload(), Pattern(size)) << mtu << " " << size;
      EXPECT_EQ(fragments.size(),
                size + 8 + 20 <= mtu ? 1 : (size + 8 - 1) / ((mtu - 20) / 8 * 8) + 1)
          << mtu << " " << size;
    }
  }
}

TEST(Fragmenter, OffsetsAreInUnitsOfEightAndMoreFragmentsIsOnAllButTheLast) {
  BufferedFrame frame(UdpFrame(TestIp(), Pattern(3000)));
  const std::vector<Bytes> fragments = Fragments(frame.packet, 1500);
  ASSERT_EQ(fragments.size(), 3u);
  EXPECT_EQ(IpOf(fragments[0]).fragment_offset(), 0);
  EXPECT_EQ(IpOf(fragments[1]).fragment_offset(), 185);
  EXPECT_EQ(IpOf(fragments[2]).fragment_offset(), 370);
  EXPECT_EQ(IpOf(fragments[0]).flags(), Tins::IP::MORE_FRAGMENTS);
  EXPECT_EQ(IpOf(fragments[1]).flags(), Tins::IP::MORE_FRAGMENTS);
  EXPECT_EQ(IpOf(fragments[2]).flags(), Tins::IP::Flags(0));
  for (const Bytes& fragment : fragments) EXPECT_EQ(IpOf(fragment).id(), 0x1234);
}

TEST(Fragmenter, APacketThatFitsIsSentAsItIs) {
  const Bytes original = UdpFrame(TestIp(), Pattern(1472));
  BufferedFrame frame(original);
  EXPECT_EQ(Fragments(frame.packet, 1500), std::vector<Bytes>{original});
}

TEST(Fragmenter, AFragmentIsCutFurtherAndKeepsItsPlace) {
  Tins::IP ip = TestIp();
  ip.fragment_offset(185);
  ip.flags(Tins::IP::MORE_FRAGMENTS);
  BufferedFrame frame(UdpFrame(ip, Pattern(1472)));  // 1480 bytes of the datagram, from byte 1480

  const std::vector<Bytes> fragments = Fragments(frame.packet, 1000);

  ASSERT_EQ(fragments.size(), 2u);
  EXPECT_EQ(IpOf(fragments[0]).fragment_offset(), 185);
  EXPECT_EQ(IpOf(fragments[1]).fragment_offset(), 185 + 976 / 8);
  EXPECT_EQ(IpOf(fragments[1]).flags(), Tins::IP::MORE_FRAGMENTS);
}

TEST(Fragmenter, OptionsAreCopiedWhenTheirCopyBitSaysSo) {
  const Bytes record_route = {7, 7, 4, 0, 0, 0, 0};  // copy bit clear: first fragment only
  const Bytes security = {0x82, 11, 0xab, 0xcd, 0xef, 1,
                          2,    3,  4,    5,    6};  // copy bit set: every fragment
  Bytes options = record_route;
  options.push_back(1);  // no operation
  options.insert(options.end(), security.begin(), security.end());
  options.push_back(0);  // end of options
  Bytes original = UdpFrame(TestIp(), Pattern(1992));
  original.insert(original.begin() + 34, options.begin(), options.end());
  original[14] = 0x4a;
  original[17] = static_cast<std::uint8_t>(original[17] + options.size());  // 2020 + 20: no carry
  BufferedFrame frame(original);

  const std::vector<Bytes> fragments = Fragments(frame.packet, 1500);

  ASSERT_EQ(fragments.size(), 2u);
  EXPECT_EQ(fragments[0][14], 0x4a);
  EXPECT_EQ(Bytes(fragments[0].begin() + 34, fragments[0].begin() + 54), options);
  Bytes padded_security = security;
  padded_security.push_back(0);
  EXPECT_EQ(fragments[1][14], 0x48);
  EXPECT_EQ(Bytes(fragments[1].begin() + 34, fragments[1].begin() + 46), padded_security);
  EXPECT_EQ(fragments[0].size() - 54 + fragments[1].size() - 46, 2000u);
}

TEST(Fragmenter, BrokenOptionsAreNotReadPastTheHeader) {
  Bytes original = UdpFrame(TestIp(), Pattern(1600));
  original[14] = 0x46;  // the first four bytes of UDP are now options
  original[34] = 0x82;
  original[35] = 200;
  BufferedFrame frame(original);
  const std::vector<Bytes> fragments = Fragments(frame.packet, 1500);
  ASSERT_EQ(fragments.size(), 2u);
  EXPECT_EQ(fragments[1][14], 0x45);
}

TEST(Fragmenter, APartialChecksumIsFinishedFirst) {
  const Bytes whole = UdpFrame(TestIp(), Pattern(5000));
  Bytes partial = whole;
  const VnetHeader vnet = MakeChecksumPartial(partial);
  BufferedFrame frame(partial, vnet);
  Fragmenter fragmenter(frame.packet, 1500);

  Packet fragment;
  ASSERT_TRUE(fragmenter.Next(fragment));

  EXPECT_EQ(Bytes(fragment.head + 40, fragment.head + 42),
            Bytes(whole.begin() + 40, whole.begin() + 42));
  EXPECT_EQ(fragment.vnet.flags, 0);
}

TEST(Fragmenter, EthernetPaddingIsLeftBehind) {
  Bytes padded = UdpFrame(TestIp(), Pattern(2));
  const std::size_t size = padded.size();
  padded.resize(60);
  BufferedFrame frame(padded);
  const std::vector<Bytes> fragments = Fragments(frame.packet, 1500);
  ASSERT_EQ(fragments.size(), 1u);
  EXPECT_EQ(fragments[0].size(), size);
}

TEST(Fragmenter, RefusesWhatCannotBeCut) {
  Tins::IP dont_fragment = TestIp();
  dont_fragment.flags(Tins::IP::DONT_FRAGMENT);
  Bytes short_header = UdpFrame(TestIp(), Pattern(2000));
  short_header[14] = 0x44;
  Bytes beyond_frame = UdpFrame(TestIp(), Pattern(2000));
  beyond_frame[16] = 0xff;
  struct {
    const char* why;
    Bytes frame;
    std::size_t mtu;
  } const kRows[] = {
      {"DF is set", UdpFrame(dont_fragment, Pattern(2000)), 1500},
      {"IPv6 routers do not fragment", UdpFrame(TestIpv6(), Pattern(2000)), 1500},
      {"header length below 20", short_header, 1500},
      {"total length beyond the frame", beyond_frame, 1500},
      {"no room for 8 bytes", UdpFrame(TestIp(), Pattern(2000)), 27},
      {"no IP header", Bytes(20), 1500},
  };
  for (const auto& row : kRows) {
    BufferedFrame frame(row.frame);
    Fragmenter fragmenter(frame.packet, row.mtu);
    Packet fragment;
    EXPECT_FALSE(fragmenter.valid()) << row.why;
    EXPECT_FALSE(fragmenter.Next(fragment)) << row.why;
  }
}

}  // namespace
}  // namespace taploom::io
