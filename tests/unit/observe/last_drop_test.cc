// What one thread writes on every drop, another reads at any time.
#include "dataplane/observe/last_drop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "dataplane/observe/rule_hits.h"

namespace taploom::observe {
namespace {

DroppedPacket PacketNumber(std::uint16_t number) {
  DroppedPacket packet;
  packet.tuple = {
      wire::IpAddress::V4(number), wire::IpAddress::V4(0xffff0000u + number), number, number, 6, 0};
  packet.reason = DropReason::kNoRoute;
  packet.tcp_flags = static_cast<std::uint8_t>(number);
  return packet;
}

TEST(LastDrop, IsNoneBeforeTheFirst) { EXPECT_FALSE(LastDrop().Read().has_value()); }

TEST(LastDrop, IsTheLastOneAsItWas) {
  LastDrop last;
  last.Record(PacketNumber(1));
  last.Record(PacketNumber(2));
  const auto read = last.Read();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->tuple, PacketNumber(2).tuple);
  EXPECT_EQ(read->reason, DropReason::kNoRoute);
  EXPECT_EQ(read->tcp_flags, 2);
}

TEST(LastDrop, IsNeverHalfOfOneAndHalfOfAnother) {
  LastDrop last;
  last.Record(PacketNumber(0));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint32_t i = 0; i < 300'000; ++i)
      last.Record(PacketNumber(static_cast<std::uint16_t>(i)));
    done = true;
  });
  while (!done) {
    const auto read = last.Read();
    if (!read) continue;
    EXPECT_EQ(read->tuple, PacketNumber(read->tuple.source_port).tuple);
    EXPECT_EQ(read->tcp_flags, static_cast<std::uint8_t>(read->tuple.source_port));
  }
  writer.join();
}

std::uint64_t HitsOf(const RuleHits& hits, std::uint64_t wanted) {
  std::uint64_t found = 0;
  hits.ForEach([&](std::uint64_t digest, std::uint64_t connections) {
    if (digest == wanted) found += connections;
  });
  return found;
}

TEST(RuleHits, CountsEachRuleAlsoWhenTheirPlacesCollide) {
  RuleHits hits;
  const std::uint64_t first = 5, second = 5 + RuleHits::kSlots;
  hits.Add(first);
  hits.Add(second);
  hits.Add(second);
  hits.Add(0);
  EXPECT_EQ(HitsOf(hits, first), 1u);
  EXPECT_EQ(HitsOf(hits, second), 2u);
  EXPECT_EQ(HitsOf(hits, 0), 0u);
}

}  // namespace
}  // namespace taploom::observe
