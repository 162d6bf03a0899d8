#include "dataplane/flow/five_tuple.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/flow/keys.h"

namespace taploom::flow {
namespace {

TEST(FiveTuple, ReversedTwiceIsItself) {
  const FiveTuple tuple = OriginalKey(7).tuple;
  EXPECT_EQ(tuple.Reversed().Reversed(), tuple);
  EXPECT_NE(tuple.Reversed(), tuple);
}

TEST(FiveTuple, ReplyHasTheReversedTupleOfItsRequest) {
  wire::Headers request;
  request.protocol = wire::kProtocolIcmp;
  request.icmp_type = wire::icmp::kEcho;
  request.source = wire::IpAddress::V4(0x0a000001);
  request.destination = wire::IpAddress::V4(0x0a000002);
  request.source_port = 77;
  wire::Headers reply = request;
  std::swap(reply.source, reply.destination);
  reply.icmp_type = wire::icmp::kEchoReply;
  std::swap(reply.source_port, reply.destination_port);
  EXPECT_EQ(TupleOf(reply), TupleOf(request).Reversed());
}

TEST(FiveTuple, IcmpTypesAreKeptApart) {
  wire::Headers echo;
  echo.protocol = wire::kProtocolIcmp;
  echo.icmp_type = wire::icmp::kEcho;
  wire::Headers timestamp = echo;
  timestamp.icmp_type = wire::icmp::kTimestamp;
  EXPECT_NE(TupleOf(echo), TupleOf(timestamp));
}

TEST(FlowKeyHash, EveryByteOfTheKeyCounts) {
  for (const FlowKey& key : {OriginalKey(3), OriginalKeyV6(3)}) {
    for (std::size_t i = 0; i < sizeof key; ++i) {
      FlowKey other = key;
      reinterpret_cast<std::uint8_t*>(&other)[i] ^= 1;
      EXPECT_NE(Hash(other, 1), Hash(key, 1)) << "byte " << i;
    }
    EXPECT_NE(Hash(key, 1), Hash(key, 2)) << "the seed counts too";
  }
}

TEST(FlowKeyHash, NeighbouringPortsSpread) {
  std::set<std::uint64_t> low_bits, high_bits;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    low_bits.insert(Hash(OriginalKey(n), 1) % 4096);
    high_bits.insert(Hash(OriginalKey(n), 1) >> 52);
  }
  // 1000 balls into 4096 bins occupy 887 on average, with a deviation of about 10.
  EXPECT_GT(low_bits.size(), 830u);
  EXPECT_GT(high_bits.size(), 830u);
}

}  // namespace
}  // namespace taploom::flow
