#include "dataplane/wire/ip_address.h"

#include <gtest/gtest.h>

namespace taploom::wire {
namespace {

IpAddress Address(const char* text) { return *IpAddress::Parse(text); }
IpPrefix Prefix(const char* text) { return *IpPrefix::Parse(text); }

TEST(IpAddressTest, TextRoundTrips) {
  for (const char* text :
       {"0.0.0.0", "10.0.1.10", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1"}) {
    EXPECT_EQ(Address(text).ToString(), text);
  }
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", "10.0.0", "10.0.0.256", "10.0.0.1/8", " 10.0.0.1", "2001:db8:::1", "a", "1.2.3.4.5"}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
}

TEST(IpAddressTest, FamiliesDoNotMix) {
  EXPECT_TRUE(Address("0.0.0.0").is_v4());
  EXPECT_FALSE(Address("::").is_v4());
  EXPECT_NE(Address("0.0.0.0"), Address("::"));
  EXPECT_EQ(Address("10.0.0.1").bytes().size(), 4u);
  EXPECT_EQ(Address("::1").bytes().size(), 16u);
}

TEST(IpAddressTest, Kinds) {
  EXPECT_TRUE(Address("224.0.0.0").is_multicast());
  EXPECT_TRUE(Address("239.255.255.255").is_multicast());
  EXPECT_FALSE(Address("223.255.255.255").is_multicast());
  EXPECT_FALSE(Address("240.0.0.0").is_multicast());
  EXPECT_TRUE(Address("ff02::1").is_multicast());
  EXPECT_TRUE(Address("169.254.0.1").is_link_local());
  EXPECT_TRUE(Address("febf::1").is_link_local());
  EXPECT_FALSE(Address("fec0::1").is_link_local());
  EXPECT_TRUE(Address("255.255.255.255").is_v4_broadcast());
  EXPECT_TRUE(Address("0.0.0.0").is_unspecified());
  EXPECT_TRUE(Address("::").is_unspecified());
}

TEST(IpAddressTest, PlusCarries) {
  EXPECT_EQ(Address("10.0.0.255").Plus(1), Address("10.0.1.0"));
  EXPECT_EQ(Address("255.255.255.255").Plus(1), Address("0.0.0.0"));
  EXPECT_EQ(Address("2001:db8::ffff:ffff").Plus(2), Address("2001:db8::1:0:1"));
}

TEST(IpPrefixTest, HostBitsAreCleared) {
  EXPECT_EQ(Prefix("10.1.2.3/16").ToString(), "10.1.0.0/16");
  EXPECT_EQ(Prefix("10.1.2.255/25").ToString(), "10.1.2.128/25");
  EXPECT_EQ(Prefix("2001:db8::ff/127").ToString(), "2001:db8::fe/127");
}

TEST(IpPrefixTest, BordersBelongToIt) {
  const IpPrefix prefix = Prefix("10.0.1.64/26");
  EXPECT_FALSE(prefix.Contains(Address("10.0.1.63")));
  EXPECT_TRUE(prefix.Contains(Address("10.0.1.64")));
  EXPECT_TRUE(prefix.Contains(Address("10.0.1.127")));
  EXPECT_FALSE(prefix.Contains(Address("10.0.1.128")));
  EXPECT_EQ(prefix.last(), Address("10.0.1.127"));
}

TEST(IpPrefixTest, EverythingOfOneFamilyContainsNothingOfTheOther) {
  EXPECT_TRUE(Prefix("0.0.0.0/0").Contains(Address("255.1.2.3")));
  EXPECT_FALSE(Prefix("0.0.0.0/0").Contains(Address("::1")));
  EXPECT_TRUE(Prefix("::/0").Contains(Address("::1")));
  EXPECT_FALSE(Prefix("::/0").Contains(Address("1.2.3.4")));
}

TEST(IpPrefixTest, AnAddressWithOneBitFlippedIsInsideExactlyWhenTheBitIsAHostBit) {
  for (const char* text : {"10.77.203.165", "2001:db8:9a3c:55f0:1234:8765:0fed:cba9"}) {
    const IpAddress address = Address(text);
    const unsigned bits = address.is_v4() ? 32 : 128;
    for (unsigned length = 0; length <= bits; ++length) {
      const IpPrefix prefix = IpPrefix::Of(address, static_cast<std::uint8_t>(length));
      EXPECT_TRUE(prefix.Contains(address)) << prefix.ToString();
      for (unsigned bit = 0; bit < bits; ++bit) {
        auto bytes = address.mapped();
        bytes[(128 - bits + bit) / 8] ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
        EXPECT_EQ(prefix.Contains(IpAddress::V6FromBytes(bytes.data())), bit >= length)
            << prefix.ToString() << ", bit " << bit;
      }
    }
  }
}

TEST(IpPrefixTest, RefusesLengthsOfTheOtherFamilyAndRubbish) {
  for (const char* text : {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                           "10.0.0.0", "/8", "10.0.0.0/ 8"}) {
    EXPECT_FALSE(IpPrefix::Parse(text)) << text;
  }
}

TEST(IpPrefixTest, OverlapMeansOneContainsTheOther) {
  EXPECT_TRUE(Prefix("10.0.0.0/8").Overlaps(Prefix("10.1.0.0/16")));
  EXPECT_TRUE(Prefix("10.1.0.0/16").Overlaps(Prefix("10.0.0.0/8")));
  EXPECT_FALSE(Prefix("10.0.0.0/16").Overlaps(Prefix("10.1.0.0/16")));
}

}  // namespace
}  // namespace taploom::wire
