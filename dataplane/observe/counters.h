// Counters: what each port, NAT gateway and rule has seen. Written by one worker, read by anyone at
// any time.
//
// They stand in a block of memory that another process can map: control makes it, hands it to the
// dataplane and reads it without asking. Each worker has a block; a reader adds them up
// (counter_report.h). Every counter is a relaxed atomic with a single writer, so
// counting is a plain add, and reading never disturbs a worker nor sees half a number. A block of
// zeros is one in which nothing has been counted.
#ifndef TAPLOOM_DATAPLANE_OBSERVE_COUNTERS_H_
#define TAPLOOM_DATAPLANE_OBSERVE_COUNTERS_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/observe/last_drop.h"
#include "dataplane/observe/peak_rates.h"
#include "dataplane/observe/rule_hits.h"
#include "dataplane/tick.h"
#include "dataplane/verdict.h"

namespace taploom::observe {

class Counter {
 public:
  // By the owning worker only: not a read-modify-write of the bus, a load and a store.
  void Add(std::uint64_t amount = 1) { Set(value() + amount); }
  void Set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Subtract() { Set(value() - 1); }
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

struct TrafficCounters {
  Counter packets, bytes;

  void Add(std::uint32_t size) {
    packets.Add();
    bytes.Add(size);
  }
};

// What CloudWatch's AWS/NATGateway is made from (vpc-semantics §4). What came in is what went out
// on the other side and what was dropped between.
struct NatGatewayCounters {
  Counter active_connections;  // TCP, established and not closed; this one goes down, too
  Counter connection_attempts, connections_established;  // TCP
  Counter port_allocation_errors, idle_timeouts;
  TrafficCounters out_to_destination, out_to_source;
  TrafficCounters dropped_from_source, dropped_from_destination;
  PeakRates peak_rates;  // of what went out

  PeakRates::Totals TotalOut() const {
    return {out_to_destination.packets.value() + out_to_source.packets.value(),
            out_to_destination.bytes.value() + out_to_source.bytes.value()};
  }
};

// The shared memory. Tens of megabytes of addresses; only what counts takes pages.
struct CounterBlock {
  static constexpr std::size_t kMaxPorts = 65'536, kMostNatGateways = 4096;
  struct NatGateway {
    std::array<char, 40> id;  // "nat-…", zeros behind it
    NatGatewayCounters counters;
  };

  // The steady clock's nanoseconds when the workers' ticks began; 0: they have not.
  std::atomic<std::int64_t> clock_start{0};
  Counter slow_path_packets;
  Counter handed_over_packets;                                           // to another worker
  Counter connections;                                                   // live
  std::atomic<std::uint32_t> nat_gateway_count{0};                       // places that are taken
  std::array<std::atomic<std::uint64_t>, kMaxPorts / 64> known_ports{};  // one bit each
  RuleHits rule_hits;
  std::array<NatGateway, kMostNatGateways> nat_gateways;
  std::array<PortCounters, kMaxPorts> ports;

  // The workers' time, for any process.
  Tick Now() const {
    const std::int64_t start = clock_start.load(std::memory_order_relaxed);
    if (start == 0) return {};
    const auto since_boot = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<Tick>(since_boot - std::chrono::nanoseconds(start));
  }
  bool Knows(std::size_t port) const {
    return (known_ports[port / 64].load(std::memory_order_acquire) >> (port % 64) & 1) != 0;
  }
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "the block is between processes");

// A mapping of a block for each worker, for either side.
class CounterMemory {
 public:
  // Bytes of it.
  static constexpr std::size_t SizeFor(std::size_t workers) {
    return workers * sizeof(CounterBlock);
  }

  // A sealed memfd that holds the blocks, or -1 with errno set.
  static int Make(std::size_t workers = 1);
  // Memory that nobody else sees.
  explicit CounterMemory(std::size_t workers = 1);
  // Of a memfd that Make has made for as many; `writable` for the dataplane. Throw std::bad_alloc.
  CounterMemory(int descriptor, bool writable, std::size_t workers = 1);
  CounterMemory(const CounterMemory&) = delete;
  CounterMemory& operator=(const CounterMemory&) = delete;
  ~CounterMemory();

  std::span<CounterBlock> blocks() { return blocks_; }
  std::span<const CounterBlock> blocks() const { return blocks_; }

 private:
  std::span<CounterBlock> blocks_;  // by worker
};

// The dataplane's side of one worker's block.
class Counters {
 public:
  Counters() : Counters(std::make_shared<CounterMemory>()) {}
  explicit Counters(std::shared_ptr<CounterMemory> memory, std::size_t worker = 0)
      : memory_(std::move(memory)),
        block_(memory_->blocks()[worker]),
        slow_path_packets(block_.slow_path_packets),
        handed_over_packets(block_.handed_over_packets),
        connections(block_.connections),
        rule_hits(block_.rule_hits),
        ports_(block_.ports.data()) {}
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  // Tells readers when the worker's ticks began.
  void StartClock(std::chrono::steady_clock::time_point start) {
    block_.clock_start.store(std::chrono::nanoseconds(start.time_since_epoch()).count(),
                             std::memory_order_relaxed);
  }

  // Makes the port known; called on the control thread before the worker learns of the port.
  // Counters of a removed port stay, so that nothing a reader saw can shrink.
  void AddPort(std::uint16_t port) {
    block_.known_ports[port / 64].fetch_or(std::uint64_t{1} << port % 64,
                                           std::memory_order_release);
  }
  PortCounters& port(std::uint16_t port) { return ports_[port]; }
  // nullptr when AddPort never made it known.
  const PortCounters* Find(std::uint16_t port) const {
    return block().Knows(port) ? &ports_[port] : nullptr;
  }

  // The counters of a NAT gateway, placed on first use (control thread, while a snapshot is
  // compiled in); kept by id across snapshots. Gateways beyond kMostNatGateways share the last.
  NatGatewayCounters& nat_gateway(std::string_view id);
  const CounterBlock& block() const { return block_; }

 private:
  const std::shared_ptr<CounterMemory> memory_;
  CounterBlock& block_;
  std::mutex nat_mutex_;

 public:
  Counter& slow_path_packets;
  Counter& handed_over_packets;
  Counter& connections;
  RuleHits& rule_hits;

 private:
  PortCounters* const ports_;
};

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_COUNTERS_H_
