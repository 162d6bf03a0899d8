// Lpm gives the same answers as LinearLpm and, where there are too many for that, PrefixesByLength.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <vector>

#include "dataplane/tables/lpm.h"
#include "tests/reference/linear_lpm.h"
#include "tests/reference/prefixes_by_length.h"
#include "tests/reference/random_source.h"
#include "tests/reference/table_shapes.h"
#include "tests/support/test_scale.h"

namespace taploom::reference {
namespace {

using tables::Lpm;

// How the values of a table are drawn decides how it is stored.
enum class Values { kFew, kSixteenBit, kThirtyOneBit };

std::uint32_t Value(RandomSource& random, Values values) {
  switch (values) {
    case Values::kFew:
      return static_cast<std::uint32_t>(random.Between(0, 3));
    case Values::kSixteenBit:
      return static_cast<std::uint32_t>(random.Between(0, 0xffff));
    case Values::kThirtyOneBit:
      return static_cast<std::uint32_t>(random.Between(0, Lpm::kLargestValue));
  }
  return 0;
}

// Prefixes of both families, clustered around a few addresses each.
std::vector<Lpm::Entry> RandomTable(RandomSource& random, std::size_t count, Values values) {
  std::vector<wire::IpAddress> centres;
  for (std::size_t i = 0; i < 1 + count / 50; ++i) {
    centres.push_back(random.Address(random.OneOf<wire::Family>(kFamilies)));
  }
  // Large random tables would all have a default route, and no gaps.
  const unsigned shortest_lengths[] = {0, 9, 20};
  const unsigned shortest = random.OneOf<unsigned>(shortest_lengths);
  std::vector<Lpm::Entry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    const bool repeats = !entries.empty() && random.OneIn(20);
    const wire::IpPrefix prefix =
        repeats ? random.OneOf<Lpm::Entry>(entries).prefix
                : random.PrefixNear(random.OneOf<wire::IpAddress>(centres), shortest);
    entries.push_back({prefix, Value(random, values)});
  }
  return entries;
}

// Many at once are answered as one at a time.
void ExpectBulkAgrees(const Lpm& lpm, const std::vector<wire::IpAddress>& asked) {
  std::vector<std::uint32_t> v4;
  std::vector<wire::IpAddress> v6;
  for (const wire::IpAddress& address : asked) {
    if (address.is_v4()) {
      v4.push_back(address.v4_host_order());
    } else {
      v6.push_back(address);
    }
  }
  std::vector<std::uint32_t> values(asked.size());
  lpm.FindBulkV4(v4, values);
  for (std::size_t i = 0; i < v4.size(); ++i) {
    const auto address = wire::IpAddress::V4(v4[i]);
    ASSERT_EQ(values[i], lpm.Find(address)) << address.ToString() << ", TAPLOOM_SEED=" << Seed();
  }
  lpm.FindBulkV6(v6, values);
  for (std::size_t i = 0; i < v6.size(); ++i)
    ASSERT_EQ(values[i], lpm.Find(v6[i])) << v6[i].ToString() << ", TAPLOOM_SEED=" << Seed();
}

void ExpectSameAnswers(const std::vector<Lpm::Entry>& entries, RandomSource& random,
                       std::size_t query_count) {
  const Lpm lpm(entries);
  const LinearLpm reference(entries);
  std::vector<wire::IpAddress> asked;
  for (std::size_t i = 0; i < query_count; ++i) {
    const bool anywhere = entries.empty() || random.OneIn(8);
    const wire::IpAddress address =
        anywhere ? random.Address(random.OneOf<wire::Family>(kFamilies))
                 : random.AddressAround(random.OneOf<Lpm::Entry>(entries).prefix);
    ASSERT_EQ(lpm.Find(address), reference.Find(address))
        << address.ToString() << " among " << entries.size()
        << " prefixes, TAPLOOM_SEED=" << Seed();
    asked.push_back(address);
  }
  ExpectBulkAgrees(lpm, asked);
}

TEST(LpmReference, SmallTablesAnswerAlike) {
  RandomSource random(Seed());
  for (int round = 0; round < 2'000 * test::TestScale(); ++round) {
    const std::size_t count = random.Between(0, 20);
    const auto values = static_cast<Values>(random.Between(0, 2));
    ExpectSameAnswers(RandomTable(random, count, values), random, 60);
    if (HasFatalFailure()) return;
  }
}

TEST(LpmReference, MediumTablesAnswerAlike) {
  RandomSource random(Seed() + 1);
  for (int round = 0; round < 30 * test::TestScale(); ++round) {
    const std::size_t count = random.Between(400, 3'000);
    const auto values = static_cast<Values>(random.Between(0, 2));
    ExpectSameAnswers(RandomTable(random, count, values), random, 500);
    if (HasFatalFailure()) return;
  }
}

TEST(LpmReference, LargeTablesAnswerAlike) {
  RandomSource random(Seed() + 2);
  for (const Values values : {Values::kFew, Values::kSixteenBit, Values::kThirtyOneBit}) {
    ExpectSameAnswers(RandomTable(random, 100'000, values), random, 150);
    if (HasFatalFailure()) return;
  }
}

TEST(LpmReference, TheOrderOfEntriesDoesNotMatter) {
  RandomSource random(Seed() + 3);
  std::vector<Lpm::Entry> entries = RandomTable(random, 1'000, Values::kThirtyOneBit);
  // Equal prefixes are the exception (the later wins), so keep one of each.
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.prefix < b.prefix; });
  entries.erase(std::unique(entries.begin(), entries.end(),
                            [](const auto& a, const auto& b) { return a.prefix == b.prefix; }),
                entries.end());
  const Lpm forwards(entries);
  std::reverse(entries.begin(), entries.end());
  const Lpm backwards(entries);
  for (const Lpm::Entry& entry : entries) {
    const wire::IpAddress address = random.AddressAround(entry.prefix);
    ASSERT_EQ(forwards.Find(address), backwards.Find(address))
        << address.ToString() << ", TAPLOOM_SEED=" << Seed();
  }
}

// A sanitizer makes every step twenty times as slow.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

void ExpectSameAnswers(TableShape shape, wire::Family family, std::size_t query_count,
                       RandomSource& random) {
  const std::vector<Lpm::Entry> entries = RandomTableOf(shape, family, random);
  const Lpm lpm(entries);
  const PrefixesByLength reference(entries);
  std::vector<wire::IpAddress> asked;
  asked.reserve(query_count);
  for (std::size_t i = 0; i < query_count; ++i) {
    const wire::IpAddress address =
        entries.empty() || random.OneIn(8)
            ? random.Address(family)
            : random.AddressAround(random.OneOf<Lpm::Entry>(entries).prefix);
    const std::uint32_t found = lpm.Find(address);
    if (found != reference.Find(address)) {
      FAIL() << address.ToString() << ": " << found << " instead of " << reference.Find(address)
             << " among " << entries.size() << " prefixes of shape " << static_cast<int>(shape)
             << ", TAPLOOM_SEED=" << Seed();
    }
    asked.push_back(address);
  }
  ExpectBulkAgrees(lpm, asked);
}

TEST(LpmReference, TenMillionLookupsInTablesOfManyShapes) {
  RandomSource random(Seed() + 4);
  std::size_t wanted = std::size_t{10'000'000} * static_cast<std::size_t>(test::TestScale());
  if (kIsSanitized) {
    wanted /= 20;
    std::cout << "under a sanitizer: " << wanted << " lookups only\n";
  }
  constexpr std::size_t kPerSmallTable = 2'000, kPerLargeTable = 100'000;
  std::size_t compared = 0, table_count = 0;
  while (compared < wanted) {
    for (const wire::Family family : kFamilies) {
      for (int i = 0; i < 20; ++i) {
        for (const TableShape shape : kSmallShapes) {
          ExpectSameAnswers(shape, family, kPerSmallTable, random);
          if (HasFatalFailure()) return;
          compared += kPerSmallTable;
          ++table_count;
        }
      }
      ExpectSameAnswers(TableShape::kInternet, family, kPerLargeTable, random);
      if (HasFatalFailure()) return;
      compared += kPerLargeTable;
      ++table_count;
    }
  }
  std::cout << compared << " lookups in " << table_count << " tables\n";
}

}  // namespace
}  // namespace taploom::reference
