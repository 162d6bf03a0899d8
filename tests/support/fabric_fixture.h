// FabricFixture: a fabric, a pipeline, a clock moved by hand; and Send, which makes a packet test
// one row:
//
//   EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80")), "visitor: tcp
//   203.0.113.10:4000 > 198.51.100.7:80 S ttl 63"); EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000",
//   "10.9.0.1:80")), "drop NO_ROUTE");
//
// Send says what became of the frame:
//
//   "NAME: PACKET"                    delivered to NAME, as Describe (packet_reader.h) puts it
//   "NAME in fragments of 1500: …"    to be sent in fragments
//   "reply: PACKET"                   the fabric answered the sender; "reply [REASON]: …" when the
//   packet was dropped for REASON "drop REASON"
//
// and appends what no test may tolerate: a payload that changed, a wrong MAC, a verdict that was
// not counted.
#ifndef TAPLOOM_TESTS_SUPPORT_FABRIC_FIXTURE_H_
#define TAPLOOM_TESTS_SUPPORT_FABRIC_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/io/unique_fd.h"
#include "dataplane/observe/counters.h"
#include "dataplane/pipeline.h"
#include "tests/support/fabric_builder.h"
#include "tests/support/frame.h"
#include "tests/support/packet_builder.h"
#include "tests/support/packet_reader.h"

namespace taploom::test {

// What became of a frame.
struct Outcome {
  Verdict verdict;
  Frame frame;            // as it leaves; unspecified when dropped
  wire::Headers headers;  // of the frame as it came
};

// What one frame at a time is processed in.
class PacketBuffer {
 public:
  PacketBuffer() : head_(Packet::kHeadCapacity), tail_(Packet::kTailCapacity) {}

  Packet Load(const Frame& frame, std::uint16_t ingress_port);
  static Outcome OutcomeOf(const Packet& packet);

 private:
  std::vector<std::uint8_t> head_, tail_;
};

// A pipeline that is fed frame by frame.
class Bench {
 public:
  explicit Bench(const flow::ConnectionTable::Options& options = {
                     .capacity = 4096, .capacity_per_port = 100'000, .seed = 1});

  void Publish(const std::shared_ptr<const tables::Snapshot>& snapshot);
  // The dataplane dies, and another one, which counts from zero, goes on with its connections under
  // this configuration. Returns how many.
  std::uint32_t Restart(const std::shared_ptr<const tables::Snapshot>& snapshot);
  Outcome Process(const Frame& frame, std::uint16_t ingress_port);
  void Expire() { pipeline_->Expire(now_); }

  void Advance(std::chrono::milliseconds time) { now_ += time; }
  Tick now() const { return now_; }
  Pipeline& pipeline() { return *pipeline_; }
  const flow::ConnectionTable& connections() const { return pipeline_->connections(); }
  observe::Counters& counters() { return *counters_; }
  std::uint64_t drops(std::uint16_t port, DropReason reason) {
    return counters_->port(port).drops[static_cast<std::size_t>(reason)].value();
  }

 private:
  void Begin();

  const io::UniqueFd connection_memory_;
  flow::ConnectionTable::Options options_;
  std::unique_ptr<observe::Counters> counters_;
  std::unique_ptr<Pipeline> pipeline_;
  Tick now_{};
  PacketBuffer buffer_;
};

class FabricFixture : public ::testing::Test {
 protected:
  FabricFixture();

  // Compiles the fabric as it now stands and publishes it as the next generation.
  void Publish();
  // The same after a dataplane has died and another has taken its place (Bench::Restart).
  std::uint32_t Restart();
  // Starts with an empty table of another size; Publish again afterwards.
  void UseTable(const flow::ConnectionTable::Options& options);

  // Sends from the port called `sender`. Unless the builder says otherwise, the frame goes from its
  // MAC to the MAC its kernel would use: that of a neighbour in the same subnet, or else of the
  // router.
  std::string Send(const std::string& sender, PacketBuilder packet);
  std::string Send(const std::string& sender, const Frame& frame);
  // The frame that Send would send.
  Frame FrameOf(const std::string& sender, PacketBuilder packet);
  const Outcome& last() const { return last_; }

  // The endpoints of the packet that came out last: "203.0.113.10:4000".
  struct Ends {
    std::string source, destination;
  };
  Ends SeenEnds() const;

  // A whole handshake; fails the test when it is not delivered. Client and server have sent up to
  // 1001 and 5001.
  void Connect(const std::string& client, const std::string& source, const std::string& server,
               const std::string& destination);

  void Wait(std::chrono::milliseconds time) { bench_->Advance(time); }
  void Expire() { bench_->Expire(); }
  std::uint64_t drops(const std::string& port, DropReason reason) {
    return bench_->drops(fabric.port(port), reason);
  }
  std::uint64_t slow_path_packets() { return bench_->counters().slow_path_packets.value(); }
  const observe::NatGatewayCounters& nat(const std::string& gateway) {
    return bench_->counters().nat_gateway(fabric.id("nat", gateway));
  }
  const flow::ConnectionTable& connections() { return bench_->connections(); }
  // The state of the connection whose originator uses this port, or "none".
  std::string StateOf(std::uint16_t source_port);
  Bench& bench() { return *bench_; }

  FabricBuilder fabric;

 private:
  std::unique_ptr<Bench> bench_;
  std::shared_ptr<const tables::Snapshot> snapshot_;
  Outcome last_;
};

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_FABRIC_FIXTURE_H_
