#include "dataplane/tables/lpm.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace taploom::tables {
namespace {

using Text = std::pair<std::string_view, std::uint32_t>;

Lpm Table(const std::vector<Text>& routes) {
  std::vector<Lpm::Entry> entries;
  for (const auto& [prefix, value] : routes) {
    entries.push_back({wire::IpPrefix::Parse(prefix).value(), value});
  }
  return Lpm(entries);
}

std::uint32_t Find(const Lpm& lpm, std::string_view address) {
  return lpm.Find(wire::IpAddress::Parse(address).value());
}

TEST(Lpm, AnEmptyTableFindsNothing) {
  const Lpm lpm;
  EXPECT_EQ(Find(lpm, "0.0.0.0"), Lpm::kNotFound);
  EXPECT_EQ(Find(lpm, "10.0.0.1"), Lpm::kNotFound);
  EXPECT_EQ(Find(lpm, "::"), Lpm::kNotFound);
  EXPECT_EQ(lpm.memory_bytes(), 0u);
}

TEST(Lpm, TheLongestPrefixWins) {
  const Lpm lpm =
      Table({{"0.0.0.0/0", 1}, {"10.0.0.0/16", 2}, {"10.0.2.0/24", 3}, {"10.0.2.50/32", 4}});
  EXPECT_EQ(Find(lpm, "10.0.2.50"), 4u);
  EXPECT_EQ(Find(lpm, "10.0.2.49"), 3u);
  EXPECT_EQ(Find(lpm, "10.0.2.51"), 3u);
  EXPECT_EQ(Find(lpm, "10.0.3.50"), 2u);
  EXPECT_EQ(Find(lpm, "10.1.0.0"), 1u);
  EXPECT_EQ(Find(lpm, "255.255.255.255"), 1u);
}

TEST(Lpm, AnAddressOutsideEveryPrefixIsNotFound) {
  const Lpm lpm = Table({{"10.0.0.0/16", 7}});
  EXPECT_EQ(Find(lpm, "9.255.255.255"), Lpm::kNotFound);
  EXPECT_EQ(Find(lpm, "10.0.0.0"), 7u);
  EXPECT_EQ(Find(lpm, "10.0.255.255"), 7u);
  EXPECT_EQ(Find(lpm, "10.1.0.0"), Lpm::kNotFound);
}

TEST(Lpm, EachFamilyHasItsOwnDefaultRoute) {
  const Lpm only_v4 = Table({{"0.0.0.0/0", 4}});
  EXPECT_EQ(Find(only_v4, "192.0.2.1"), 4u);
  EXPECT_EQ(Find(only_v4, "2001:db8::1"), Lpm::kNotFound);

  const Lpm only_v6 = Table({{"::/0", 6}});
  EXPECT_EQ(Find(only_v6, "192.0.2.1"), Lpm::kNotFound);
  EXPECT_EQ(Find(only_v6, "::"), 6u);
  EXPECT_EQ(Find(only_v6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 6u);
}

TEST(Lpm, HostRoutesAtBothEndsOfTheAddressSpace) {
  const Lpm lpm = Table({{"0.0.0.0/32", 1},
                         {"255.255.255.255/32", 2},
                         {"::/128", 3},
                         {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 4}});
  EXPECT_EQ(Find(lpm, "0.0.0.0"), 1u);
  EXPECT_EQ(Find(lpm, "0.0.0.1"), Lpm::kNotFound);
  EXPECT_EQ(Find(lpm, "255.255.255.255"), 2u);
  EXPECT_EQ(Find(lpm, "255.255.255.254"), Lpm::kNotFound);
  EXPECT_EQ(Find(lpm, "::"), 3u);
  EXPECT_EQ(Find(lpm, "::1"), Lpm::kNotFound);
  EXPECT_EQ(Find(lpm, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 4u);
  EXPECT_EQ(Find(lpm, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), Lpm::kNotFound);
}

// Prefixes of every length around one address, each with its length as value: an address that
// differs from it first in bit n is in those of length 0..n.
TEST(Lpm, EveryLengthOfIpv4) {
  const wire::IpAddress address = wire::IpAddress::Parse("172.31.85.170").value();
  std::vector<Lpm::Entry> entries;
  for (std::uint8_t length = 0; length <= 32; ++length) {
    entries.push_back({wire::IpPrefix::Of(address, length), length});
  }
  const Lpm lpm(entries);
  EXPECT_EQ(lpm.Find(address), 32u);
  for (unsigned bit = 0; bit < 32; ++bit) {
    const std::uint32_t differing = address.v4_host_order() ^ (0x80000000u >> bit);
    EXPECT_EQ(lpm.Find(wire::IpAddress::V4(differing)), bit);
  }
}

TEST(Lpm, EveryLengthOfIpv6) {
  const wire::IpAddress address = wire::IpAddress::Parse("2001:db8:85a3::8a2e:370:7334").value();
  std::vector<Lpm::Entry> entries;
  for (std::uint8_t length = 0; length <= 128; ++length) {
    entries.push_back({wire::IpPrefix::Of(address, length), length});
  }
  const Lpm lpm(entries);
  EXPECT_EQ(lpm.Find(address), 128u);
  for (unsigned bit = 0; bit < 128; ++bit) {
    auto bytes = address.mapped();
    bytes[bit / 8] ^= static_cast<std::uint8_t>(0x80u >> bit % 8);
    EXPECT_EQ(lpm.Find(wire::IpAddress::V6FromBytes(bytes.data())), bit);
  }
}

TEST(Lpm, OfEqualPrefixesTheLaterWins) {
  const Lpm lpm = Table({{"10.0.0.0/8", 1}, {"10.0.0.0/8", 2}, {"10.0.0.0/9", 3}});
  EXPECT_EQ(Find(lpm, "10.128.0.0"), 2u);
  EXPECT_EQ(Find(lpm, "10.0.0.0"), 3u);
}

TEST(Lpm, AMoreSpecificRouteWithTheSameValueChangesNothing) {
  const Lpm lpm =
      Table({{"10.0.0.0/8", 1}, {"10.1.0.0/16", 2}, {"10.1.1.0/24", 1}, {"10.2.0.0/16", 1}});
  EXPECT_EQ(Find(lpm, "10.1.1.1"), 1u);
  EXPECT_EQ(Find(lpm, "10.1.2.1"), 2u);
  EXPECT_EQ(Find(lpm, "10.2.0.1"), 1u);
  EXPECT_EQ(Find(lpm, "11.0.0.0"), Lpm::kNotFound);
}

// Values around the limits of a 16-bit run, and the largest there may be.
TEST(Lpm, ValuesOfEverySize) {
  for (const std::uint32_t value :
       {0u, 0x7fffu, 0x8000u, 0xffffu, 0x10000u, 0x7ffffffeu, Lpm::kLargestValue}) {
    EXPECT_EQ(Find(Table({{"0.0.0.0/0", value}}), "192.0.2.1"), value);
    const Lpm lpm = Table({{"0.0.0.0/0", value}, {"10.0.0.0/24", 1}, {"2001:db8::/32", value}});
    EXPECT_EQ(Find(lpm, "192.0.2.1"), value);
    EXPECT_EQ(Find(lpm, "10.0.0.1"), 1u);
    EXPECT_EQ(Find(lpm, "10.0.1.1"), value);
    EXPECT_EQ(Find(lpm, "2001:db8::1"), value);
    EXPECT_EQ(Find(lpm, "2001:db9::1"), Lpm::kNotFound);
  }
}

// How wide the root table is depends on the number of routes; what it answers must not.
TEST(Lpm, LargeTablesKeepShortAndLongPrefixesApart) {
  for (const std::uint32_t count : {30u, 31u, 8'190u, 8'191u, 150'000u}) {
    std::vector<Lpm::Entry> entries;
    entries.push_back({wire::IpPrefix::Parse("0.0.0.0/0").value(), Lpm::kLargestValue});
    entries.push_back({wire::IpPrefix::Parse("16.0.0.0/4").value(), 0x7ffffffeu});
    for (std::uint32_t i = 0; i < count; ++i) {
      entries.push_back({{wire::IpAddress::V4(0x10000000u + i * 256), 24}, i});
    }
    const Lpm lpm(entries);
    EXPECT_EQ(Find(lpm, "192.0.2.1"), Lpm::kLargestValue);
    EXPECT_EQ(Find(lpm, "31.0.0.0"), 0x7ffffffeu);
    for (std::uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ(lpm.Find(wire::IpAddress::V4(0x10000000u + i * 256 + i % 256)), i);
    }
    EXPECT_EQ(lpm.Find(wire::IpAddress::V4(0x10000000u + count * 256)), 0x7ffffffeu);
  }
}

TEST(Lpm, LargeTablesWithoutADefaultRouteHaveGaps) {
  for (const std::uint32_t count : {512u, 32'768u}) {
    std::vector<Lpm::Entry> entries;
    for (std::uint32_t i = 0; i < count; ++i) {
      entries.push_back({{wire::IpAddress::V4(0x0a000000u + i * 512), 24}, i});
    }
    const Lpm lpm(entries);
    EXPECT_EQ(Find(lpm, "9.255.255.255"), Lpm::kNotFound);
    EXPECT_EQ(Find(lpm, "10.0.0.0"), 0u);
    EXPECT_EQ(Find(lpm, "10.0.1.0"), Lpm::kNotFound);
    EXPECT_EQ(Find(lpm, "10.0.2.0"), 1u);
    EXPECT_EQ(Find(lpm, "255.255.255.255"), Lpm::kNotFound);
  }
}

// Up to eight runs are listed in a node, more are counted in a bitmap. Two runs a prefix, since
// gaps lie in between, and one of the prefixes is the node's very last slot.
TEST(Lpm, HoweverManyRunsANodeHas) {
  for (std::uint32_t count = 1; count < 20; ++count) {
    std::vector<Lpm::Entry> entries{{wire::IpPrefix::Parse("10.255.255.0/24").value(), 99}};
    for (std::uint32_t i = 0; i < count; ++i)
      entries.push_back({{wire::IpAddress::V4(0x0a000000u + i * 512), 24}, i});
    const Lpm lpm(entries);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t first = 0x0a000000u + i * 512;
      EXPECT_EQ(lpm.Find(wire::IpAddress::V4(first - 1)), Lpm::kNotFound);
      EXPECT_EQ(lpm.Find(wire::IpAddress::V4(first)), i);
      EXPECT_EQ(lpm.Find(wire::IpAddress::V4(first + 255)), i);
      EXPECT_EQ(lpm.Find(wire::IpAddress::V4(first + 256)), Lpm::kNotFound);
    }
    EXPECT_EQ(Find(lpm, "10.255.254.255"), Lpm::kNotFound);
    EXPECT_EQ(Find(lpm, "10.255.255.0"), 99u);
    EXPECT_EQ(Find(lpm, "10.255.255.255"), 99u);
    EXPECT_EQ(Find(lpm, "11.0.0.0"), Lpm::kNotFound);
  }
}

// The bits that all routes share are compared once, however many they are.
TEST(Lpm, ManyHostsInOneSubnet) {
  const wire::IpAddress subnet = wire::IpAddress::Parse("2001:db8:1234:1a00::").value();
  std::vector<Lpm::Entry> entries{{wire::IpPrefix::Parse("::/0").value(), 7}};
  for (std::uint32_t i = 1; i < 1'000; ++i)
    entries.push_back({wire::IpPrefix::Host(subnet.Plus(i * 2)), 100 + i});
  const Lpm lpm(entries);
  for (std::uint32_t i = 1; i < 1'000; ++i) {
    EXPECT_EQ(lpm.Find(subnet.Plus(i * 2 - 1)), 7u);
    EXPECT_EQ(lpm.Find(subnet.Plus(i * 2)), 100 + i);
  }
  EXPECT_EQ(Find(lpm, "2001:db8:1234:19ff::2"), 7u);
  EXPECT_EQ(Find(lpm, "2001:db8:1234:1a01::2"), 7u);
  EXPECT_EQ(Find(lpm, "::2"), 7u);
  EXPECT_EQ(Find(lpm, "ffff::2"), 7u);
}

// The route table of a subnet in a dual-stack VPC.
TEST(Lpm, AVpcRouteTableFitsInAFewCacheLines) {
  const Lpm v4 = Table({{"10.0.0.0/16", 0}, {"0.0.0.0/0", 1}});
  EXPECT_LE(v4.memory_bytes(), 2u * 64);
  EXPECT_LE(Table({{"10.0.0.0/24", 0}}).memory_bytes(), 2u * 64);
  const Lpm both =
      Table({{"10.0.0.0/16", 0}, {"0.0.0.0/0", 1}, {"2001:db8:1234:1a00::/56", 2}, {"::/0", 3}});
  EXPECT_LE(both.memory_bytes(), 8u * 64);
}

}  // namespace
}  // namespace taploom::tables
