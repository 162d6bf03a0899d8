// GatewayPassage: what a decision says of a packet at one gateway, as it stands in memory that the
// dataplane shares with a reader (capture_ring.h).
#ifndef TAPLOOM_DATAPLANE_OBSERVE_GATEWAY_PASSAGE_H_
#define TAPLOOM_DATAPLANE_OBSERVE_GATEWAY_PASSAGE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "dataplane/flow/five_tuple.h"

namespace taploom::observe {

struct GatewayPassage {
  std::array<char, 24> gateway{};  // its id, zeros behind it
  // As the packet left; and of an ICMP error, what it then quoted.
  flow::FiveTuple after, quoted;
  std::uint8_t ttl_decrement = 0;
  std::uint8_t has_left = 0;  // else its way ended here
  std::uint8_t has_quoted = 0;
  std::uint8_t spare = 0;

  std::string_view id() const {
    return {gateway.data(), static_cast<std::size_t>(
                                std::find(gateway.begin(), gateway.end(), '\0') - gateway.begin())};
  }
};
static_assert(sizeof(GatewayPassage) == 104 && std::is_trivially_copyable_v<GatewayPassage>);

// More gateways than any walk visits.
inline constexpr std::size_t kMostPassages = 8;

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_GATEWAY_PASSAGE_H_
