// Whatever the bytes, Parse reads none outside of them, and what it says lies inside them.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "dataplane/wire/parse.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace wire = taploom::wire;
  // A buffer of exactly this size, so that a sanitizer sees the first byte too far.
  const auto exact = std::make_unique<std::uint8_t[]>(size);
  std::copy_n(data, size, exact.get());
  for (const std::size_t head : {size, size / 2}) {
    const wire::Headers headers = wire::Parse({exact.get(), head}, size);
    if (headers.kind != wire::FrameKind::kIp) continue;
    Require(headers.l3_offset + headers.l3_size <= size);
    Require(headers.l4_offset <= head);
    if (headers.is_tcp()) Require(headers.l4_offset + headers.tcp_header_size <= head);
    if (headers.is_udp() || headers.is_icmp()) Require(headers.l4_offset + 8u <= head);
    Require(!headers.is_first_fragment || headers.is_fragment);
  }
  for (const wire::Family family : {wire::Family::kIpv4, wire::Family::kIpv6}) {
    const wire::Headers quoted = wire::ParseQuoted({exact.get(), size}, family);
    if (quoted.kind == wire::FrameKind::kIp) Require(quoted.l4_offset <= size);
  }
  return 0;
}
