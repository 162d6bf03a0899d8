// Tick: the dataplane's time. It always comes in as an argument; stages never read a clock.
#ifndef TAPLOOM_DATAPLANE_TICK_H_
#define TAPLOOM_DATAPLANE_TICK_H_

#include <chrono>
#include <cstdint>

namespace taploom {

// Milliseconds of a monotonic clock since the dataplane (or the replay, or the test) started. 64
// bits never wrap.
using Tick = std::chrono::duration<std::int64_t, std::milli>;

}  // namespace taploom

#endif  // TAPLOOM_DATAPLANE_TICK_H_
