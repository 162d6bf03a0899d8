#include "dataplane/flow/fragment_cache.h"

#include <gtest/gtest.h>

#include "tests/unit/flow/keys.h"

namespace taploom::flow {
namespace {

using std::chrono::seconds;

FlowKey WithoutPorts(FlowKey key) {
  key.tuple.source_port = key.tuple.destination_port = 0;
  return key;
}

TEST(FragmentCacheTest, LaterFragmentFindsThePortsOfItsFirst) {
  FragmentCache cache(1);
  cache.Remember(OriginalKey(5), 77, Tick());
  const auto ports = cache.Find(WithoutPorts(OriginalKey(5)), 77, Tick());
  ASSERT_TRUE(ports);
  EXPECT_EQ(ports->source, OriginalKey(5).tuple.source_port);
  EXPECT_EQ(ports->destination, 80);
}

TEST(FragmentCacheTest, AnotherDatagramIsUnknown) {
  FragmentCache cache(1);
  cache.Remember(OriginalKey(5), 77, Tick());
  EXPECT_FALSE(cache.Find(WithoutPorts(OriginalKey(5)), 78, Tick()));
  FlowKey other = WithoutPorts(OriginalKey(5));
  other.tuple.protocol = wire::kProtocolUdp;
  EXPECT_FALSE(cache.Find(other, 77, Tick()));
  other = WithoutPorts(OriginalKey(5));
  other.ingress_port = 9;
  EXPECT_FALSE(cache.Find(other, 77, Tick()))
      << "another sender's datagram with the same addresses";
}

TEST(FragmentCacheTest, ForgetsAfterThirtySeconds) {
  FragmentCache cache(1);
  cache.Remember(OriginalKey(5), 77, seconds(10));
  EXPECT_TRUE(cache.Find(OriginalKey(5), 77, seconds(40) - Tick(1)));
  EXPECT_FALSE(cache.Find(OriginalKey(5), 77, seconds(40)));
}

TEST(FragmentCacheTest, ReusedIdHasThePortsOfTheNewerDatagram) {
  FragmentCache cache(1);
  FlowKey newer = OriginalKey(5);
  newer.tuple.source_port = 9;
  cache.Remember(OriginalKey(5), 77, Tick());
  cache.Remember(newer, 77, seconds(1));
  EXPECT_EQ(cache.Find(newer, 77, seconds(2))->source, 9);
}

TEST(FragmentCacheTest, FloodPushesOutOldDatagramsAndNothingElse) {
  FragmentCache cache(1);
  constexpr std::uint32_t kFlood = 100'000;
  for (std::uint32_t id = 0; id < kFlood; ++id) cache.Remember(OriginalKey(5), id, Tick(id / 100));
  std::size_t found = 0;
  for (std::uint32_t id = 0; id < kFlood; ++id)
    found += cache.Find(OriginalKey(5), id, Tick(kFlood / 100)) ? 1 : 0;
  EXPECT_EQ(found, FragmentCache::kSets * FragmentCache::kWays);
  EXPECT_TRUE(cache.Find(OriginalKey(5), kFlood - 1, Tick(kFlood / 100)))
      << "the newest is among them";
}

}  // namespace
}  // namespace taploom::flow
