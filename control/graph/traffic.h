// What flows over a graph: the connections there are, and what the ports have counted.
#ifndef TAPLOOM_CONTROL_GRAPH_TRAFFIC_H_
#define TAPLOOM_CONTROL_GRAPH_TRAFFIC_H_

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "control/graph/graph.h"
#include "dataplane/config/control_messages.pb.h"

namespace taploom::control {

// Connections summed up by the ports they run between and the NAT gateway they run through, so that
// a million of them is a handful of numbers.
class Traffic {
 public:
  struct Way {
    std::uint32_t from = 0, to = 0;  // ports
    std::string nat_gateway_id;      // or empty
    auto operator<=>(const Way&) const = default;
  };
  struct Sum {
    std::uint64_t connections = 0, bytes = 0;  // both directions
  };

  void Add(const config::Connections& page);
  const std::map<Way, Sum>& sums() const { return sums_; }

 private:
  std::map<Way, Sum> sums_;
};

// Adds the traffic to the graph of the same plan: an edge per pair of machines that talk, by way of
// the NAT gateway where there is one; a red one from who sent to whom the last packet was meant
// that was dropped; and a line in each machine's box with what its port has counted. An edge of the
// plan gives way to one that carries traffic.
void AddTraffic(const FabricPlan& plan, const Traffic& traffic, const config::Counters& counters,
                Graph& graph);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_GRAPH_TRAFFIC_H_
