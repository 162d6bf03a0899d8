// Sinks: who listens while a packet is decided. Forwarding uses NullSink, which costs nothing;
// explanations use a recorder. Both run the same stages, so an explanation cannot disagree with
// what happens.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_SINK_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_SINK_H_

#include <string>
#include <vector>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/stage.h"
#include "dataplane/verdict.h"

namespace taploom::slowpath {

// What one stage found. Texts are for people; ids are those of the topology.
struct StageReport {
  Stage stage = Stage::kParse;
  bool passed = true;
  DropReason reason = DropReason::kNone;  // when not passed
  std::string component_id;  // "sg-…", "acl-…", "rtb-…", "igw-…", "nat-…", "eni-…"
  std::string component_name;
  std::string rule_id;            // "sgr-…", an ACL rule number, a route's destination
  std::string detail;             // "ingress tcp 80 from sg:alb"
  flow::FiveTuple before, after;  // differ when the stage translates
  // Of the way up to here: routers that decrement the time to live, and the smallest MTU.
  std::uint8_t hop_count = 0;
  std::uint16_t mtu = 0;
};

struct NullSink {
  static constexpr bool kRecords = false;
};

struct RecordingSink {
  static constexpr bool kRecords = true;
  std::vector<StageReport> reports;
};

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_SINK_H_
