// DecidedRules: which rules let a flow pass, kept for the packets that are not decided themselves.
#ifndef TAPLOOM_DATAPLANE_REPLAY_DECIDED_RULES_H_
#define TAPLOOM_DATAPLANE_REPLAY_DECIDED_RULES_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dataplane/flow/connection.h"
#include "dataplane/slowpath/sink.h"

namespace taploom::replay {

// A way through the fabric: the stages that named a rule. Ways are few (combinations of rules), so
// each is kept once, as number and text.
class DecidedRules {
 public:
  static constexpr std::uint32_t kNone = 0;

  // The number of the way in which the stages passed.
  std::uint32_t Intern(const std::vector<slowpath::StageReport>& stages);
  // As a JSON array: [{"stage":"security group egress","name":"web","rule":"sgr-…"},…]
  std::string_view Text(std::uint32_t way) const { return ways_[way].json; }
  // For people: "web sgr-… > private 0.0.0.0/0".
  std::string_view Label(std::uint32_t way) const { return ways_[way].label; }

  void Keep(const flow::Connection& connection, flow::FlowDirection direction, std::uint32_t way) {
    kept_[&connection][static_cast<std::size_t>(direction)] = way;
  }
  std::uint32_t Find(const flow::Connection& connection, flow::FlowDirection direction) const {
    const auto found = kept_.find(&connection);
    return found == kept_.end() ? kNone : found->second[static_cast<std::size_t>(direction)];
  }

 private:
  struct Way {
    std::string json = "[]", label;
  };
  static Way WayOf(const std::vector<slowpath::StageReport>& stages);

  std::vector<Way> ways_{Way()};
  // By what names a way: stages, names and rules, one behind the other.
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::string key_;  // the one at hand
  // By place in the arena of connections, so no larger than that. An entry is written again before
  // it is read when another connection takes the place: its first packet is decided.
  std::unordered_map<const flow::Connection*, std::array<std::uint32_t, 2>> kept_;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_DECIDED_RULES_H_
