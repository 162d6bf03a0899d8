// How many workers a fabric's dataplane has: threads that forward, each on queues of its own.
#ifndef TAPLOOM_CONTROL_RUNTIME_WORKER_CHOICE_H_
#define TAPLOOM_CONTROL_RUNTIME_WORKER_CHOICE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace taploom::runtime {

// From 1 to config::kMostWorkers; nullopt for anything else.
std::optional<std::uint16_t> ParseWorkerCount(std::string_view text);

// For a machine with so many cores: half of them. The kernels of the instances, which send and
// receive what is forwarded, need about as much as the forwarding; so one on two cores.
std::uint16_t DefaultWorkerCount(int cores);
// On which this process may run.
int UsableCores();

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_WORKER_CHOICE_H_
