#include "dataplane/worker/burst_buffers.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

namespace taploom::worker {

BurstBuffers::BurstBuffers(std::size_t bursts) : packets_(bursts * kCount) {
  void* memory =
      mmap(nullptr, memory_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    throw std::system_error(errno, std::generic_category(), "cannot map the frame buffers");
  memory_ = static_cast<std::uint8_t*>(memory);
  std::uint8_t* const tails = memory_ + count() * kHeadStride;
  for (std::size_t i = 0; i < count(); ++i) {
    packets_[i].head = memory_ + i * kHeadStride;
    packets_[i].tail = tails + i * Packet::kTailCapacity;
  }
}

BurstBuffers::~BurstBuffers() { munmap(memory_, memory_size()); }

}  // namespace taploom::worker
