// ConnectionUse: how many connections there are at each port and in all, for the limits on both.
//
// The limits are the fabric's, so workers with a table each share one of these. It is written only
// where a connection is made or freed; with one worker by plain adds.
#ifndef TAPLOOM_DATAPLANE_FLOW_CONNECTION_USE_H_
#define TAPLOOM_DATAPLANE_FLOW_CONNECTION_USE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/flow/mapped_array.h"

namespace taploom::flow {

class ConnectionUse {
 public:
  static constexpr std::size_t kPorts = 65'536;

  // `is_shared`: by tables of several threads. What one asks and then adds, another may have added
  // meanwhile: a limit may be exceeded by as many connections as there are threads.
  explicit ConnectionUse(bool is_shared) : is_shared_(is_shared), at_port_(kPorts) {}

  bool is_shared() const { return is_shared_; }
  std::uint32_t AtPort(std::uint16_t port) const { return Read(at_port_[port]); }
  std::uint32_t total() const { return Read(total_); }

  // A connection takes, or gives back, its place among all.
  void AddToTotal() { Change(total_, 1); }
  void RemoveFromTotal() { Change(total_, kLess); }
  // The ports at its ends, which may be the same, begin or cease to track it.
  void AddAtPorts(std::uint16_t one, std::uint16_t other) {
    Change(at_port_[one], 1);
    Change(at_port_[other], 1);
  }
  void RemoveAtPorts(std::uint16_t one, std::uint16_t other) {
    Change(at_port_[one], kLess);
    Change(at_port_[other], kLess);
  }

 private:
  static constexpr std::uint32_t kLess = ~0u;

  static std::uint32_t Read(const std::uint32_t& count) {
    return std::atomic_ref(const_cast<std::uint32_t&>(count)).load(std::memory_order_relaxed);
  }
  void Change(std::uint32_t& count, std::uint32_t by) {
    const std::atomic_ref shared(count);
    if (is_shared_) {
      shared.fetch_add(by, std::memory_order_relaxed);
    } else {
      shared.store(shared.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
  }

  const bool is_shared_;
  std::uint32_t total_ = 0;
  MappedArray<std::uint32_t> at_port_;
};

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_CONNECTION_USE_H_
