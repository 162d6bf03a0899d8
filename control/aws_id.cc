#include "control/aws_id.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

namespace taploom::control {
namespace {

// FNV-1a, then the finalizer of MurmurHash3, which spreads a change in the last character over all
// bits. Ids must never change between versions, so std::hash and absl::Hash, which promise nothing,
// are out.
std::uint64_t StableHash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 0x100000001b3u;
  }
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdu;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53u;
  hash ^= hash >> 33;
  return hash;
}

}  // namespace

std::string AwsId(std::string_view prefix, std::string_view path) {
  return fmt::format("{}-0{:016x}", prefix, StableHash(path));
}

wire::MacAddress MacAddressFor(std::string_view id, unsigned attempt) {
  const std::uint64_t hash = StableHash(fmt::format("{}#mac{}", id, attempt));
  wire::MacAddress mac;
  mac.bytes[0] = 0x02;
  for (std::size_t i = 1; i < mac.bytes.size(); ++i) {
    mac.bytes[i] = static_cast<std::uint8_t>(hash >> (8 * i));
  }
  return mac;
}

}  // namespace taploom::control
