// Pipeline: a burst of frames in, a verdict for each out. The life of a packet is told in
// dataplane/README.md.
#ifndef TAPLOOM_DATAPLANE_PIPELINE_H_
#define TAPLOOM_DATAPLANE_PIPELINE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/flow/connection_table.h"
#include "dataplane/flow/conntrack.h"
#include "dataplane/flow/fragment_cache.h"
#include "dataplane/observe/counters.h"
#include "dataplane/packet.h"
#include "dataplane/slowpath/slow_path.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/tick.h"

namespace taploom {

// One worker among those that share a fabric, and what they have in common.
struct WorkerPlace {
  std::uint16_t self = 0, workers = 1;
  std::shared_ptr<slowpath::LinkLocalAllowance> link_local_allowance =
      std::make_shared<slowpath::LinkLocalAllowance>();
};

// Owned and driven by one worker thread; nothing here locks, allocates per packet or reads a clock.
class Pipeline {
 public:
  // `counters` must outlive the pipeline, and its AddPort be called for every port that appears in
  // a packet. Of several workers, each has a pipeline, and decides only what it owns
  // (tables/ownership.h).
  Pipeline(observe::Counters& counters, const flow::ConnectionTable::Options& options,
           WorkerPlace place = {});

  // Replaces the configuration between two bursts. Established connections are decided again on
  // their next packet. The previous snapshot is returned, so that the caller can free it elsewhere.
  std::shared_ptr<const tables::Snapshot> Publish(std::shared_ptr<const tables::Snapshot> snapshot);

  // Goes on with the connections that an earlier dataplane has left in the table's memory, as after
  // a new configuration, and counts those that are open again (ConnectionTable::Adopt). Returns how
  // many. Once, after the first Publish and before the first packet.
  std::uint32_t Adopt(Tick now);

  // Decides and rewrites every packet of the burst in place and sets its verdict. `now` never goes
  // back. Everything is counted here except what becomes of the frame when it is sent (see
  // CountSent).
  void Process(std::span<Packet> burst, Tick now);
  // The same for packets to which another worker's Process has given the verdict to hand them over
  // to this one, and which have been counted and parsed there.
  void ProcessHandedOver(std::span<Packet> burst, Tick now);

  // Tells the counters what a port said about a frame that the verdict sent: one call per frame
  // that left (`bytes`), or per frame that could not (`reason`).
  void CountSent(std::uint16_t egress_port, std::uint32_t bytes);
  void CountSendFailure(const Packet& packet, DropReason reason);

  // Frees connections whose idle timer has ended, at most a bounded number per call; call it once
  // per burst and once a second when idle. False when more are due: call it again soon.
  bool Expire(Tick now);

  // Forgets a connection (see ConnectionTable::RemoveAt).
  bool Forget(std::uint32_t place, std::uint64_t fingerprint) {
    return connections_.RemoveAt(place, fingerprint);
  }

  // Tells `recorder` the stages of every decision that is taken (see SlowPath::ListenWith).
  void ListenWith(slowpath::RecordingSink* recorder) { slow_path_.ListenWith(recorder); }

  // The key that a packet's flow is found by; nothing for a later fragment whose first was not
  // seen. REQUIRES: packet.headers is set, and its kind is kIp.
  std::optional<flow::FlowKey> KeyOf(const Packet& packet, Tick now) const;

  const WorkerPlace& place() const { return place_; }
  const flow::ConnectionTable& connections() const { return connections_; }
  const tables::Snapshot& snapshot() const { return *snapshot_; }

 private:
  static constexpr std::size_t kBurst = 32;

  void ProcessSome(std::span<Packet> burst, Tick now);
  void Receive(Packet& packet);
  void BeginSearch(const Packet& packet, std::size_t place);
  // These set the packet's verdict in place: returned in pieces, it would be put together from
  // stores that have not finished.
  void Decide(Packet& packet, std::size_t place, Tick now);
  // What is no plain packet of a flow: ARP, neighbour discovery, ICMP errors, later fragments, and
  // what cannot be parsed.
  void DecideOther(Packet& packet, Tick now);
  void DecideFlow(Packet& packet, flow::ConnectionRef flow, Tick now);
  // A packet whose flow is not known.
  void DecideNew(Packet& packet, Tick now);
  // True, and the verdict says so, for a packet that another worker owns. Asked only where no
  // connection of ours, decided by this snapshot, is found.
  bool HandsOver(Packet& packet);
  bool HandsOverError(Packet& packet);  // that is an ICMP error: owned with what it quotes
  bool HandsOver(Packet& packet, const wire::IpAddress& one, const wire::IpAddress& other);
  bool IsDecided(const Packet& packet, flow::ConnectionRef flow) const;
  // False for a segment that does not fit its connection.
  bool AdvanceConnection(const Packet& packet, flow::ConnectionRef flow, Tick now);
  void ForwardFlow(Packet& packet, flow::ConnectionRef flow, Tick now);
  static void OnFree(void* self, const flow::Connection& connection);

  const WorkerPlace place_;
  observe::Counters& counters_;
  flow::ConnectionTable connections_;
  flow::FragmentCache fragments_;
  Tick now_{};  // of the burst at hand
  std::shared_ptr<const tables::Snapshot> snapshot_;
  // By place in the burst at hand, between the steps of Process.
  std::array<bool, kBurst> is_plain_;
  std::array<flow::ConnectionTable::Search, kBurst> searches_;
  slowpath::SlowPath slow_path_;
};

}  // namespace taploom

#endif  // TAPLOOM_DATAPLANE_PIPELINE_H_
