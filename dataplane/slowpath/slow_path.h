// SlowPath: what happens to packets whose flow is not (or no longer) decided. It runs the walk,
// makes or refreshes the connection, and builds the fabric's own answers. The fast path applies
// what it decides.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_SLOW_PATH_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_SLOW_PATH_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/flow/connection_table.h"
#include "dataplane/observe/counters.h"
#include "dataplane/packet.h"
#include "dataplane/slowpath/decision.h"
#include "dataplane/slowpath/icmp_error.h"
#include "dataplane/slowpath/link_local_allowance.h"
#include "dataplane/slowpath/walk.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/tick.h"

namespace taploom::slowpath {

// Either a flow whose action for this packet is decided now, or a verdict that ends the matter.
struct SlowPathResult {
  flow::ConnectionRef flow;
  Verdict verdict;
  bool is_new = false;  // the packet is the flow's first, and has set its state
};

// Belongs to one worker, like the tables it works on.
class SlowPath {
 public:
  // `link_local_allowance`: shared by all workers.
  SlowPath(flow::ConnectionTable& connections, observe::Counters& counters,
           std::shared_ptr<LinkLocalAllowance> link_local_allowance)
      : connections_(connections),
        counters_(counters),
        link_local_allowance_(std::move(link_local_allowance)) {}

  // Called when `snapshot` becomes the current one, before any packet is decided by it.
  void Publish(const tables::Snapshot& snapshot);

  // A packet that belongs to no connection.
  SlowPathResult DecideFirst(Packet& packet, const tables::Snapshot& snapshot,
                             const flow::FlowKey& key, Tick now);
  // A packet of a connection whose action in this direction is missing or from an older
  // configuration. Translation and stateful admission are kept where AWS keeps them; a connection
  // that would now be translated otherwise starts anew.
  SlowPathResult DecideAgain(Packet& packet, const tables::Snapshot& snapshot,
                             flow::ConnectionRef flow, Tick now);
  // An ICMP error: finds the connection it is about, and translates the error and what it quotes.
  Verdict ForwardIcmpError(Packet& packet, const tables::Snapshot& snapshot, Tick now);

  // A packet too big for its path, or whose time to live ends: the error for its sender if that may
  // be told, or a drop.
  Verdict AnswerTooBig(Packet& packet, const tables::Snapshot& snapshot, flow::ConnectionRef flow,
                       Tick now);
  Verdict AnswerTimeExceeded(Packet& packet, const tables::Snapshot& snapshot,
                             flow::ConnectionRef flow, Tick now);

  // From now on every decision is told to `recorder`, which holds the stages of the latest one;
  // null tells nobody. A replay listens; a running dataplane does not.
  void ListenWith(RecordingSink* recorder) { recorder_ = recorder; }

  // A packet of a translated connection went on from its gateway, or was dropped there. `size`:
  // bytes of IP packet.
  void CountNat(const flow::Connection& connection, flow::FlowDirection direction,
                std::uint32_t size, Tick now) {
    observe::NatGatewayCounters& counters = *nat_counters_[connection.nat_gateway];
    counters.peak_rates.Note(now, [&] { return counters.TotalOut(); });
    // Chosen, not branched to: no processor can guess which way the next packet goes.
    (direction == flow::FlowDirection::kOriginal ? counters.out_to_destination
                                                 : counters.out_to_source)
        .Add(size);
  }
  void CountNatDrop(const flow::Connection& connection, flow::FlowDirection direction,
                    std::uint32_t size) {
    observe::NatGatewayCounters& counters = *nat_counters_[connection.nat_gateway];
    (direction == flow::FlowDirection::kOriginal ? counters.dropped_from_source
                                                 : counters.dropped_from_destination)
        .Add(size);
  }
  // A packet has moved `connection` on from the state `before`: starts the idle timer of the new
  // one, and counts ActiveConnectionCount and its siblings of a translated connection.
  void EnterState(flow::Connection& connection, flow::ConnectionState before,
                  const tables::Snapshot& snapshot, Tick now);
  // Makes a connection of an earlier dataplane one of this: its idle timer is that of its state,
  // and its NAT gateway the one that has its address now. False when none has, and for one that a
  // later configuration than this has decided.
  bool TakeOver(flow::Connection& connection, const tables::Snapshot& snapshot) const;
  // Counts one that was taken over among its gateway's active connections.
  void CountTakenOver(const flow::Connection& connection) {
    if (connection.has(flow::Connection::kNat) && flow::IsOpen(connection.state))
      nat_counters(connection.nat_gateway).active_connections.Add();
  }
  // The counters behind Connection::nat_gateway.
  observe::NatGatewayCounters& nat_counters(std::uint16_t slot) { return *nat_counters_[slot]; }

  // Whether a part of the fabric that the connection crosses has failed since it was decided: then
  // that part has forgotten it, also when it works again (vpc-semantics §13).
  bool IsLost(const flow::Connection& connection, const tables::Snapshot& snapshot) const;

 private:
  Decision Decide(const PacketView& packet, const tables::Snapshot& snapshot,
                  flow::ConnectionRef related, Tick now);
  Verdict EndWithoutFlow(Packet& packet, const tables::Snapshot& snapshot, const Decision& decision,
                         Tick now);
  Verdict AnswerWithError(Packet& packet, const tables::Snapshot& snapshot, ErrorKind kind,
                          const wire::IpAddress& router, std::uint16_t mtu, Tick now);
  // A delivered packet that its receiver's security group let in as an answer within a connection
  // which is not its own (the way back is not the way there) is a packet of that connection, too:
  // the interface keeps one state for both.
  void AdvanceOther(const Decision& decision, const wire::Headers& headers,
                    const tables::Snapshot& snapshot, Tick now);
  std::uint16_t SlotOf(const Decision& decision) const;
  // What a packet that is not delivered has met of NAT gateways.
  void CountNatPassage(const Decision& decision, std::uint32_t size, Tick now);
  // A number that depends on the flow alone, and that nobody foresees who does not know the boot's
  // seed. A NAT gateway begins its search for a port with it, so that a client that opens a
  // connection anew from the same port has the same port behind the gateway, too: the server may
  // remember the old one (TIME_WAIT), and takes only what continues its time stamps for its
  // successor (RFC 6191, RFC 7323 §5).
  std::uint64_t ChoiceFor(const flow::FiveTuple& tuple) const;

  flow::ConnectionTable& connections_;
  observe::Counters& counters_;
  RecordingSink* recorder_ = nullptr;
  std::vector<observe::NatGatewayCounters*>
      nat_counters_;  // by slot; slots are never reused for another gateway
  std::vector<std::uint16_t> slot_by_gateway_;  // by NatGatewayIndex of the current snapshot
  ErrorLimiter error_limiter_;
  const std::shared_ptr<LinkLocalAllowance> link_local_allowance_;
};

// The view of a real packet.
PacketView ViewOf(const Packet& packet);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_SLOW_PATH_H_
