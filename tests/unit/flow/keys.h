#ifndef TAPLOOM_TESTS_UNIT_FLOW_KEYS_H_
#define TAPLOOM_TESTS_UNIT_FLOW_KEYS_H_

#include <array>
#include <cstdint>
#include <cstdlib>
#include <random>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/flow/key_view.h"

namespace taploom::flow {

// The n-th TCP key from port 1 to port 2, and the key of its replies.
inline FlowKey OriginalKey(std::uint32_t n) {
  FlowKey key;
  key.tuple.source = wire::IpAddress::V4(0x0a000000 + n / 60'000);
  key.tuple.destination = wire::IpAddress::V4(0x0a010001);
  key.tuple.source_port = static_cast<std::uint16_t>(1024 + n % 60'000);
  key.tuple.destination_port = 80;
  key.tuple.protocol = wire::kProtocolTcp;
  key.ingress_port = 1;
  return key;
}
inline FlowKey ReplyKey(std::uint32_t n) { return {OriginalKey(n).tuple.Reversed(), 2}; }

// The same with IPv6 addresses that end in the bytes of the IPv4 ones.
inline FlowKey OriginalKeyV6(std::uint32_t n) {
  const auto v6 = [](const wire::IpAddress& v4) {
    std::array<std::uint8_t, 16> bytes = v4.mapped();
    bytes[0] = 0x20;
    bytes[1] = 0x01;
    return wire::IpAddress::V6FromBytes(bytes.data());
  };
  FlowKey key = OriginalKey(n);
  key.tuple.source = v6(key.tuple.source);
  key.tuple.destination = v6(key.tuple.destination);
  return key;
}

// TAPLOOM_SEED, or a fresh one; tests print it when they fail.
inline std::uint64_t TestSeed() {
  const char* text = std::getenv("TAPLOOM_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
}

}  // namespace taploom::flow

#endif  // TAPLOOM_TESTS_UNIT_FLOW_KEYS_H_
