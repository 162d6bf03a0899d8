// A train of frames through the pipeline: every one gets a verdict that makes sense, and the tables
// stay bounded. Input: repeated [port, flags, size low, size high, bytes…].
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "tests/fuzz/hostile_fabric.h"
#include "tests/support/fabric_fixture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace taploom;        // NOLINT(google-build-using-namespace): one function
  using namespace taploom::test;  // NOLINT(google-build-using-namespace)
  static HostileFabric fabric;
  static const auto snapshot = fabric.Build();
  Bench bench({.capacity = 64, .capacity_per_port = 48, .seed = 1});
  bench.Publish(snapshot);
  while (size >= 4) {
    const std::uint16_t port = static_cast<std::uint16_t>(1 + data[0] % fabric.ports().size());
    Frame frame;
    frame.vnet.flags = data[1] & 3;
    frame.vnet.gso_type = (data[1] & 4) != 0 ? VnetHeader::kGsoTcp4 : VnetHeader::kGsoNone;
    frame.vnet.gso_size = (data[1] & 4) != 0 ? 1400 : 0;
    bench.Advance(std::chrono::seconds(data[1] >> 4));
    const std::size_t wanted = data[2] + std::size_t{256} * (data[3] % 16);
    const std::size_t taken = std::min(wanted, size - 4);
    frame.bytes.assign(data + 4, data + 4 + taken);
    data += 4 + taken;
    size -= 4 + taken;
    const Outcome outcome = bench.Process(frame, port);
    const bool is_drop = outcome.verdict.kind == Verdict::Kind::kDrop;
    if (is_drop && outcome.verdict.drop_reason == DropReason::kNone) std::abort();
    if (!is_drop && fabric.name_of(outcome.verdict.port).empty()) std::abort();
    bench.Expire();
  }
  if (bench.connections().size() > 64) std::abort();
  return 0;
}
