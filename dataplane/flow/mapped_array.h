// MappedArray: a fixed array of zeroed memory that costs nothing until it is touched.
#ifndef TAPLOOM_DATAPLANE_FLOW_MAPPED_ARRAY_H_
#define TAPLOOM_DATAPLANE_FLOW_MAPPED_ARRAY_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
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
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

  explicit MappedArray(std::size_t count, int descriptor = -1)
      : count_(count), reserved_size_(count * sizeof(T) + kHugePage) {
    // Reserved first, so that the array can begin where a huge page does.
    reserved_ = mmap(nullptr, reserved_size_, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved_ == MAP_FAILED) throw std::bad_alloc();
    const auto begin = reinterpret_cast<std::uintptr_t>(reserved_);
    void* const aligned =
        static_cast<std::uint8_t*>(reserved_) + (kHugePage - begin % kHugePage) % kHugePage;
    const int flags =
        MAP_FIXED | MAP_NORESERVE | (descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
    void* memory = mmap(aligned, count * sizeof(T), PROT_READ | PROT_WRITE, flags, descriptor, 0);
    if (memory == MAP_FAILED) {
      munmap(reserved_, reserved_size_);
      throw std::bad_alloc();
    }
    items_ = static_cast<T*>(memory);
    // Random access to many small pages would miss the TLB as often as the cache. Where the kernel
    // has no large pages for this, nothing changes.
    if (count * sizeof(T) >= kHugePage) madvise(memory, count * sizeof(T), MADV_HUGEPAGE);
  }
  MappedArray(MappedArray&& other) noexcept
      : reserved_(std::exchange(other.reserved_, MAP_FAILED)),
        items_(std::exchange(other.items_, nullptr)),
        count_(std::exchange(other.count_, 0)),
        reserved_size_(other.reserved_size_) {}
  MappedArray& operator=(MappedArray&&) = delete;
  ~MappedArray() {
    if (reserved_ != MAP_FAILED) munmap(reserved_, reserved_size_);
  }

  T& operator[](std::size_t index) { return items_[index]; }
  const T& operator[](std::size_t index) const { return items_[index]; }
  std::size_t size() const { return count_; }

  // Touches all of the huge page that begins with item `index` at once, if the kernel can: shared
  // memory gets large pages in no other way (madvise(2), MADV_COLLAPSE, Linux 6.1). Costs a tenth
  // of what touching its small pages one by one does. Does nothing for the rest of the array that
  // is no whole huge page, and where the kernel refuses. REQUIRES: index < size().
  void TouchHugePage(std::size_t index) {
    static_assert(kHugePage % sizeof(T) == 0);
    constexpr int kMadvCollapse = 25;  // not yet in glibc's headers
    if ((count_ - index) * sizeof(T) < kHugePage) return;
    *reinterpret_cast<volatile std::uint8_t*>(&items_[index]) = 0;
    madvise(&items_[index], kHugePage, kMadvCollapse);
  }

 private:
  void* reserved_ = MAP_FAILED;
  T* items_ = nullptr;
  std::size_t count_ = 0;
  std::size_t reserved_size_ = 0;
};

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_MAPPED_ARRAY_H_
