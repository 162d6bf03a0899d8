// tcpreplay, which sends captures out of a device: the yardstick of `replay --bench`.
#ifndef TAPLOOM_CLI_BENCH_TCPREPLAY_H_
#define TAPLOOM_CLI_BENCH_TCPREPLAY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace taploom::bench {

// Packets per second of `tcpreplay --preload-pcap --topspeed` into a TAP that somebody empties, in
// a namespace of its own. `capture`: an Ethernet pcap of `packets` packets. kUnavailable when it
// cannot run here: it is not installed, or this is not root.
absl::StatusOr<double> MeasureTcpreplay(const std::string& capture, std::uint64_t packets);

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_TCPREPLAY_H_
