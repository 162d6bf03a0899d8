// MappedArray: a fixed array of zeroed memory that costs nothing until it is touched.
#ifndef TAPLOOM_DATAPLANE_FLOW_MAPPED_ARRAY_H_
#define TAPLOOM_DATAPLANE_FLOW_MAPPED_ARRAY_H_

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace taploom::flow {

// `count` objects of T, all bytes zero, in pages that the kernel provides at first touch. T must be
// valid when zero. Throws std::bad_alloc when the address space is not to be had. `descriptor`: of
// a memfd of at least the right size, so that another process can map the same memory; -1 for
// private memory.
template <typename T>
class MappedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit MappedArray(std::size_t count, int descriptor = -1) : count_(count) {
    const int flags =
        descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED | MAP_NORESERVE;
    void* memory = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, flags, descriptor, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    items_ = static_cast<T*>(memory);
    // Random access to many small pages would miss the TLB as often as the cache. Where the kernel
    // has no large pages for this, nothing changes.
    if (count * sizeof(T) >= kHugePage) madvise(memory, count * sizeof(T), MADV_HUGEPAGE);
  }
  MappedArray(MappedArray&& other) noexcept
      : items_(std::exchange(other.items_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  MappedArray& operator=(MappedArray&&) = delete;
  ~MappedArray() {
    if (items_ != nullptr) munmap(items_, count_ * sizeof(T));
  }

  T& operator[](std::size_t index) { return items_[index]; }
  const T& operator[](std::size_t index) const { return items_[index]; }
  std::size_t size() const { return count_; }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

  T* items_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_MAPPED_ARRAY_H_
