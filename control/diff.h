// Diff: two plans → the list of changes that `apply` prints, and the work it means for control.
#ifndef TAPLOOM_CONTROL_DIFF_H_
#define TAPLOOM_CONTROL_DIFF_H_

#include <string>
#include <vector>

#include "control/plan.h"

namespace taploom::control {

// One difference a person cares about. The same file applied again gives none.
struct Change {
  enum class Kind { kAdd, kRemove, kModify };
  Kind kind = Kind::kModify;
  std::string object;  // "route-table", "instance", "security-group-rule", …
  std::string name;    // "main/private", "web-2"
  std::string detail;  // "0.0.0.0/0 nat-a -> blackhole"; may be empty

  // "~ route-table main/private: 0.0.0.0/0 nat-a -> blackhole", "+ instance web-2: 10.0.2.51 in
  // main/app-a"
  std::string ToString() const;
};

// Removed first, then changed, then added, each in the order of the topology.
std::vector<Change> Diff(const FabricPlan& from, const FabricPlan& to);

// What has to happen to the namespaces and load balancers that `from` made so that they become
// those of `to`. Everything not named here is left alone; a plan published to the dataplane needs
// no entry.
struct NamespaceWork {
  // A namespace whose devices must be made anew (interface added, removed, or of another object) is
  // in both `removed` and `created`.
  std::vector<std::string> removed;
  std::vector<std::string> created;
  std::vector<std::string> readdressed;  // addresses, gateways or MTU of its interfaces changed
  std::vector<std::string> renamed;      // resolv.conf or the hosts file changed
  std::vector<std::string> restarted;    // its `run` programs changed
  std::vector<std::string>
      load_balancers_changed;  // by load balancer name: new configuration for haproxy

  bool empty() const {
    return removed.empty() && created.empty() && readdressed.empty() && renamed.empty() &&
           restarted.empty() && load_balancers_changed.empty();
  }
};
NamespaceWork WorkBetween(const FabricPlan& from, const FabricPlan& to);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_DIFF_H_
