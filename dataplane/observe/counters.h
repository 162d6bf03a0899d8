// Counters: what each port and NAT gateway has seen. Written by one worker, read by anyone at any
// time.
//
// Every counter is a relaxed atomic with a single writer, so counting is a plain add and reading
// never disturbs a worker.
#ifndef TAPLOOM_DATAPLANE_OBSERVE_COUNTERS_H_
#define TAPLOOM_DATAPLANE_OBSERVE_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/observe/last_drop.h"
#include "dataplane/observe/rule_hits.h"
#include "dataplane/verdict.h"

namespace taploom::observe {

class Counter {
 public:
  // By the owning worker only: not a read-modify-write of the bus, a load and a store.
  void Add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct PortCounters {
  Counter received_packets, received_bytes;
  Counter sent_packets, sent_bytes;
  std::array<Counter, kDropReasonCount> drops;  // of packets that entered by this port
  LastDrop last_drop;  // an IP packet; what kernels announce to groups is left out
};

// Under the names of CloudWatch's AWS/NATGateway (vpc-semantics §4).
struct NatGatewayCounters {
  Counter connection_attempts, connections_established, connections_closed;
  Counter port_allocation_errors, idle_timeouts;
  Counter packets_out_to_destination, bytes_out_to_destination;
  Counter packets_in_from_destination, bytes_in_from_destination;
};

class Counters {
 public:
  static constexpr std::size_t kMaxPorts = 65'536;

  Counters() : ports_(std::make_unique<std::atomic<PortCounters*>[]>(kMaxPorts)) {}
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;
  ~Counters() {
    for (std::size_t i = 0; i < kMaxPorts; ++i) delete ports_[i].load(std::memory_order_relaxed);
  }

  // Makes the port's counters, all zero; called on the control thread before the worker learns of
  // the port. Counters of a removed port stay until the process ends, so that nothing a reader saw
  // can shrink.
  void AddPort(std::uint16_t port) {
    if (Find(port) == nullptr) ports_[port].store(new PortCounters, std::memory_order_release);
  }
  // The counters of a port that AddPort made. REQUIRES: made.
  PortCounters& port(std::uint16_t port) { return *ports_[port].load(std::memory_order_acquire); }
  // nullptr when AddPort never made them.
  const PortCounters* Find(std::uint16_t port) const {
    return ports_[port].load(std::memory_order_acquire);
  }

  // The counters of a NAT gateway, made on first use (control thread, while a snapshot is compiled
  // in); kept by id across snapshots.
  NatGatewayCounters& nat_gateway(const std::string& id) {
    const std::lock_guard lock(nat_mutex_);
    auto& slot = nat_gateways_[id];
    if (slot == nullptr) slot = std::make_unique<NatGatewayCounters>();
    return *slot;
  }
  template <typename Visitor>
  void ForEachNatGateway(Visitor visit) const {
    const std::lock_guard lock(nat_mutex_);
    for (const auto& [id, counters] : nat_gateways_) visit(id, *counters);
  }

  Counter slow_path_packets;
  RuleHits rule_hits;

 private:
  std::unique_ptr<std::atomic<PortCounters*>[]> ports_;
  mutable std::mutex nat_mutex_;
  std::map<std::string, std::unique_ptr<NatGatewayCounters>> nat_gateways_;
};

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_COUNTERS_H_
