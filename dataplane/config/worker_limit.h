// How many workers a fabric may have: what control asks for and the dataplane accepts.
#ifndef TAPLOOM_DATAPLANE_CONFIG_WORKER_LIMIT_H_
#define TAPLOOM_DATAPLANE_CONFIG_WORKER_LIMIT_H_

#include <cstdint>

namespace taploom::config {

// And so how many descriptors come with one message: the queues of a TAP, one for each worker.
inline constexpr std::uint16_t kMostWorkers = 16;

}  // namespace taploom::config

#endif  // TAPLOOM_DATAPLANE_CONFIG_WORKER_LIMIT_H_
