// PackedKey and KeyView: a flow key as the connection table stores, hashes and compares it.
//
// All of an IPv4 key is in 16 bytes, so that a connection's first cache line holds both of its
// keys. IPv6 addresses are looked at where they lie.
#ifndef TAPLOOM_DATAPLANE_FLOW_KEY_VIEW_H_
#define TAPLOOM_DATAPLANE_FLOW_KEY_VIEW_H_

#include <cstdint>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/parse.h"

namespace taploom::flow {

struct PackedKey {
  std::uint64_t addresses = 0;  // source and, above it, destination: IPv4 addresses in memory
                                // order, or the last four bytes of IPv6 addresses
  std::uint64_t ends = 0;  // from the lowest bit: source port 16, destination port 16, protocol 8,
                           // ICMP query 8, ingress port 16

  static PackedKey Of(const wire::IpAddress& source, const wire::IpAddress& destination,
                      std::uint64_t ends) {
    return {LastWord(source) | LastWord(destination) << 32, ends};
  }
  static std::uint64_t Ends(std::uint16_t source_port, std::uint16_t destination_port,
                            std::uint8_t protocol, std::uint8_t icmp_query,
                            std::uint16_t ingress_port) {
    return source_port | std::uint64_t{destination_port} << 16 | std::uint64_t{protocol} << 32 |
           std::uint64_t{icmp_query} << 40 | std::uint64_t{ingress_port} << 48;
  }

  wire::be32 v4_source() const { return Raw(addresses); }
  wire::be32 v4_destination() const { return Raw(addresses >> 32); }
  std::uint16_t source_port() const { return static_cast<std::uint16_t>(ends); }
  std::uint16_t destination_port() const { return static_cast<std::uint16_t>(ends >> 16); }
  std::uint8_t protocol() const { return static_cast<std::uint8_t>(ends >> 32); }
  std::uint8_t icmp_query() const { return static_cast<std::uint8_t>(ends >> 40); }
  std::uint16_t ingress_port() const { return static_cast<std::uint16_t>(ends >> 48); }

  // Without a branch between the words.
  friend bool operator==(const PackedKey& a, const PackedKey& b) {
    return ((a.addresses ^ b.addresses) | (a.ends ^ b.ends)) == 0;
  }

 private:
  static std::uint64_t LastWord(const wire::IpAddress& address) { return address.v4().raw(); }
  static wire::be32 Raw(std::uint64_t bits) {
    return wire::be32::FromRaw(static_cast<std::uint32_t>(bits));
  }
};
static_assert(sizeof(PackedKey) == 16);

// A key and, for IPv6, where its addresses lie; whoever owns them must outlive the view.
struct KeyView {
  PackedKey packed;
  const wire::IpAddress* v6_source = nullptr;  // both null: IPv4
  const wire::IpAddress* v6_destination = nullptr;

  KeyView() = default;
  KeyView(const PackedKey& key, const wire::IpAddress* source, const wire::IpAddress* destination)
      : packed(key), v6_source(source), v6_destination(destination) {}
  explicit KeyView(const FlowKey& key)
      : packed(PackedKey::Of(
            key.tuple.source, key.tuple.destination,
            PackedKey::Ends(key.tuple.source_port, key.tuple.destination_port, key.tuple.protocol,
                            key.tuple.icmp_query, key.ingress_port))) {
    if (!key.tuple.source.is_v4() || !key.tuple.destination.is_v4())
      Point(key.tuple.source, key.tuple.destination);
  }
  // Of a packet whose headers name its flow.
  KeyView(const wire::Headers& headers, std::uint16_t ingress_port)
      : packed(PackedKey::Of(
            headers.source, headers.destination,
            PackedKey::Ends(headers.source_port, headers.destination_port, headers.protocol,
                            QueryTypeOf(headers.protocol, headers.icmp_type), ingress_port))) {
    if (headers.family == wire::Family::kIpv6) Point(headers.source, headers.destination);
  }

  bool is_v6() const { return v6_source != nullptr; }

 private:
  void Point(const wire::IpAddress& source, const wire::IpAddress& destination) {
    v6_source = &source;
    v6_destination = &destination;
  }
};

// 64 well mixed bits. `seed` is drawn at boot, so that nobody outside can aim at one bucket.
// Multiply-and-fold (the construction of wyhash).
inline std::uint64_t Hash(const KeyView& key, std::uint64_t seed) {
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  constexpr std::uint64_t kA = 0xa0761d6478bd642full, kB = 0xe7037ed1a0b428dbull,
                          kC = 0x8ebc6af09c88c6e3ull;
  std::uint64_t mixed = mix(key.packed.addresses ^ kA ^ seed, key.packed.ends ^ kB);
  if (key.is_v6()) {
    const auto word = [](const wire::IpAddress& address, std::size_t at) {
      return wire::Load<std::uint64_t>(address.mapped().data() + at);
    };
    mixed ^= mix(word(*key.v6_source, 0) ^ kC ^ seed, word(*key.v6_source, 8) ^ kB) ^
             mix(word(*key.v6_destination, 0) ^ kB ^ seed, word(*key.v6_destination, 8) ^ kA);
  }
  return mix(mixed ^ kB, seed ^ kC);
}
inline std::uint64_t Hash(const FlowKey& key, std::uint64_t seed) {
  return Hash(KeyView(key), seed);
}

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_KEY_VIEW_H_
