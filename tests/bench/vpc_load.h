// VpcLoad: a VPC under load. Instances behind a NAT gateway talk to servers on the internet; every
// packet passes both security groups' gates, two network ACLs, two route tables, the NAT gateway
// and the internet gateway before its flow is known.
#ifndef TAPLOOM_TESTS_BENCH_VPC_LOAD_H_
#define TAPLOOM_TESTS_BENCH_VPC_LOAD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/pipeline.h"
#include "dataplane/worker/burst_buffers.h"
#include "tests/bench/contest.h"
#include "tests/support/fabric_builder.h"

namespace taploom::bench {

inline constexpr std::size_t kFrameSize = 64;
inline constexpr std::size_t kBurst = worker::BurstBuffers::kCount;

// A frame that waits to be sent, and what must become of it.
struct LoadFrame {
  std::array<std::uint8_t, kFrameSize> bytes;
};
struct Sent {
  std::uint16_t port = 0;         // enters by
  std::uint16_t egress_port = 0;  // must leave by
};

struct VpcOptions {
  std::uint32_t enis = 64;
  std::uint32_t rules = 10;  // of the instances' security group, per direction
  std::uint32_t routes = 2;  // of their route table; more are routes to nowhere
  std::uint32_t capacity = 262'144;
  bool allows_port_81 = true;
};

class VpcLoad {
 public:
  explicit VpcLoad(const VpcOptions& options);

  // The same fabric with other rules, as its next generation.
  std::shared_ptr<const tables::Snapshot> Compile(bool allows_port_81);

  // Makes connections [first, first + count), handshake and all, and prepares a segment of each
  // direction. Returns what went wrong, or "".
  std::string Establish(std::size_t first, std::size_t count);
  std::size_t connection_count() const { return frames_.size() / 2; }

  // One burst of established segments: connection and direction are chosen by `picks` (2n = forth,
  // 2n + 1 = back).
  std::span<Packet> Load(std::span<const std::uint32_t> picks);
  // "" when every packet of the burst was forwarded where it should, with right checksums and, when
  // it came forth, the translation that its connection was given.
  std::string Check(std::span<const Packet> burst, std::span<const std::uint32_t> picks) const;

  // One burst of SYNs of connections that were never seen.
  std::span<Packet> LoadNew(std::size_t count, std::uint16_t destination_port = 443);

  Pipeline& pipeline() { return pipeline_; }
  Tick now() const { return now_; }
  void Advance(Tick time) { now_ += time; }

 private:
  struct Ends {
    std::uint32_t source = 0, destination = 0;  // host order
    std::uint16_t source_port = 0, destination_port = 0;
  };
  Ends EndsOf(std::size_t connection) const;
  void BuildFabric(const VpcOptions& options);
  void SetRules(bool allows_port_81);
  LoadFrame FrameOf(const Ends& ends, const wire::MacAddress& source,
                    const wire::MacAddress& router, std::uint8_t flags, std::uint32_t sequence,
                    std::uint32_t acknowledgment) const;
  Packet& LoadOne(std::size_t slot, const LoadFrame& frame, std::uint16_t port);

  const VpcOptions options_;
  test::FabricBuilder fabric_;
  std::vector<tables::PortId> eni_ports_;
  std::vector<wire::MacAddress> eni_macs_;
  wire::MacAddress app_router_, server_mac_, server_router_;
  tables::PortId server_port_ = 0;
  observe::Counters counters_;
  Pipeline pipeline_;
  worker::BurstBuffers buffers_;
  Tick now_{};
  std::vector<LoadFrame> frames_;                // two per connection
  std::vector<std::uint16_t> translated_ports_;  // per connection
  std::uint64_t new_connections_ = 0;
};

// Times Process alone, burst by burst; the generator's work lies outside. Cycles per packet.
class BurstTimer {
 public:
  BurstTimer();
  template <typename Process>
  void Time(std::size_t packets, Process process) {
    const std::uint64_t begin = Begin();
    process();
    End(begin, packets);
  }
  // Ends a round: what it took becomes a sample.
  void EndRound();
  Figure figure() const { return FigureOf(samples_); }

 private:
  static std::uint64_t Begin();
  void End(std::uint64_t begin, std::size_t packets);

  std::uint64_t clock_cost_;
  std::uint64_t cycles_ = 0, packets_ = 0;
  std::vector<double> samples_;
};

// The least a forwarder can do: parse, and swap in a MAC address.
void EmptyPipeline(std::span<Packet> burst);

}  // namespace taploom::bench

#endif  // TAPLOOM_TESTS_BENCH_VPC_LOAD_H_
