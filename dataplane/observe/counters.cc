#include "dataplane/observe/counters.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace taploom::observe {
namespace {

std::span<CounterBlock> Map(std::size_t workers, int protection, int flags, int descriptor) {
  void* memory = mmap(nullptr, CounterMemory::SizeFor(workers), protection, flags | MAP_NORESERVE,
                      descriptor, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {static_cast<CounterBlock*>(memory), workers};
}

bool HasId(const CounterBlock::NatGateway& gateway, std::string_view id) {
  return std::string_view(gateway.id.data(), strnlen(gateway.id.data(), gateway.id.size())) == id;
}

}  // namespace

int CounterMemory::Make(std::size_t workers) {
  const int descriptor = memfd_create("taploom-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) return -1;
  if (ftruncate(descriptor, static_cast<off_t>(SizeFor(workers))) == 0 &&
      fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
    return descriptor;
  const int error_number = errno;
  close(descriptor);
  errno = error_number;
  return -1;
}

CounterMemory::CounterMemory(std::size_t workers)
    : blocks_(Map(workers, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1)) {}

CounterMemory::CounterMemory(int descriptor, bool writable, std::size_t workers)
    : blocks_(Map(workers, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor)) {
}

CounterMemory::~CounterMemory() { munmap(blocks_.data(), blocks_.size_bytes()); }

NatGatewayCounters& Counters::nat_gateway(std::string_view id) {
  const std::lock_guard lock(nat_mutex_);
  CounterBlock& block = block_;
  const std::uint32_t count = block.nat_gateway_count.load(std::memory_order_relaxed);
  const auto end = block.nat_gateways.begin() + count;
  const auto found = std::find_if(block.nat_gateways.begin(), end,
                                  [&](const auto& gateway) { return HasId(gateway, id); });
  if (found != end) return found->counters;
  if (count == CounterBlock::kMostNatGateways) return block.nat_gateways.back().counters;
  std::copy_n(id.begin(), std::min(id.size(), end->id.size()), end->id.begin());
  block.nat_gateway_count.store(count + 1, std::memory_order_release);
  return end->counters;
}

}  // namespace taploom::observe
