#include "control/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "control/describe.h"

namespace taploom::control {
namespace {

using ObjectIndex = std::map<std::string_view, const DescribedObject*>;

ObjectIndex IndexByKey(const std::vector<DescribedObject>& objects) {
  ObjectIndex index;
  for (const DescribedObject& object : objects) index.emplace(object.key, &object);
  return index;
}

Change Whole(Change::Kind kind, const DescribedObject& object) {
  return {kind, object.object, object.name, object.summary};
}

// One change per attribute that differs; "none" stands for an attribute that one side does not
// have.
void CompareAttributes(const DescribedObject& from, const DescribedObject& to,
                       std::vector<Change>& changes) {
  const std::map<std::string_view, std::string_view> before(from.attributes.begin(),
                                                            from.attributes.end());
  const std::map<std::string_view, std::string_view> after(to.attributes.begin(),
                                                           to.attributes.end());
  const auto add = [&](std::string_view label, std::string_view old_value,
                       std::string_view new_value) {
    changes.push_back({Change::Kind::kModify, to.object, to.name,
                       fmt::format("{} {} -> {}", label, old_value, new_value)});
  };
  for (const auto& [label, value] : from.attributes) {
    const auto now = after.find(label);
    if (now == after.end()) {
      add(label, value, "none");
    } else if (now->second != value) {
      add(label, value, now->second);
    }
  }
  for (const auto& [label, value] : to.attributes) {
    if (!before.contains(label)) add(label, "none", value);
  }
}

bool SameAddresses(const InterfacePlan& a, const InterfacePlan& b) {
  if (a.addresses.size() != b.addresses.size()) return false;
  for (std::size_t i = 0; i < a.addresses.size(); ++i) {
    if (a.addresses[i].address != b.addresses[i].address ||
        a.addresses[i].prefix_length != b.addresses[i].prefix_length) {
      return false;
    }
  }
  return a.gateway_v4 == b.gateway_v4 && a.gateway_v6 == b.gateway_v6 &&
         a.gateway_on_link == b.gateway_on_link && a.mtu == b.mtu;
}

// Whether the devices of one can serve the other.
bool SameDevices(const NamespacePlan& a, const NamespacePlan& b) {
  if (a.kind != b.kind || a.attached_netns != b.attached_netns ||
      a.interfaces.size() != b.interfaces.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.interfaces.size(); ++i) {
    const InterfacePlan& left = a.interfaces[i];
    const InterfacePlan& right = b.interfaces[i];
    if (left.device != right.device || left.object_id != right.object_id ||
        left.port != right.port || left.mac != right.mac) {
      return false;
    }
  }
  return true;
}

bool SameNames(const NamespacePlan& a, const NamespacePlan& b) {
  if (a.nameservers != b.nameservers || a.search_domain != b.search_domain ||
      a.hosts.size() != b.hosts.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.hosts.size(); ++i) {
    if (a.hosts[i].address != b.hosts[i].address || a.hosts[i].names != b.hosts[i].names) {
      return false;
    }
  }
  return true;
}

template <typename T, typename Same>
bool SameLists(const std::vector<T>& a, const std::vector<T>& b, Same same) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool SameHealthCheck(const HealthCheckPlan& a, const HealthCheckPlan& b) {
  const auto fields = [](const HealthCheckPlan& check) {
    return std::tie(check.protocol, check.path, check.port, check.interval_seconds,
                    check.timeout_seconds, check.healthy_threshold, check.unhealthy_threshold,
                    check.matcher);
  };
  return fields(a) == fields(b);
}

bool SameTargetGroup(const TargetGroupPlan& a, const TargetGroupPlan& b) {
  return std::tie(a.id, a.name, a.protocol, a.port) == std::tie(b.id, b.name, b.protocol, b.port) &&
         SameHealthCheck(a.health_check, b.health_check) &&
         SameLists(a.targets, b.targets, [](const TargetPlan& left, const TargetPlan& right) {
           return std::tie(left.name, left.address, left.port) ==
                  std::tie(right.name, right.address, right.port);
         });
}

// Whether haproxy would be told the same.
bool SameService(const LoadBalancerPlan& a, const LoadBalancerPlan& b) {
  const auto listener_fields = [](const ListenerPlan& listener) {
    return std::tie(listener.protocol, listener.port, listener.forward, listener.redirect_to_https,
                    listener.redirect_port);
  };
  const auto node_fields = [](const LoadBalancerNodePlan& node) {
    return std::tie(node.namespace_name, node.az, node.address);
  };
  return std::tie(a.id, a.dns_name, a.idle_timeout_seconds) ==
             std::tie(b.id, b.dns_name, b.idle_timeout_seconds) &&
         SameLists(a.target_groups, b.target_groups, SameTargetGroup) &&
         SameLists(a.listeners, b.listeners,
                   [&](const ListenerPlan& left, const ListenerPlan& right) {
                     return listener_fields(left) == listener_fields(right);
                   }) &&
         SameLists(a.nodes, b.nodes,
                   [&](const LoadBalancerNodePlan& left, const LoadBalancerNodePlan& right) {
                     return node_fields(left) == node_fields(right);
                   });
}

void CompareNamespaces(const NamespacePlan& from, const NamespacePlan& to, NamespaceWork& work) {
  if (!SameDevices(from, to)) {
    work.removed.push_back(from.name);
    work.created.push_back(to.name);
    return;
  }
  for (std::size_t i = 0; i < from.interfaces.size(); ++i) {
    if (SameAddresses(from.interfaces[i], to.interfaces[i])) continue;
    work.readdressed.push_back(to.name);
    break;
  }
  if (!SameNames(from, to)) work.renamed.push_back(to.name);
  if (from.run != to.run) work.restarted.push_back(to.name);
}

template <typename Plan>
std::map<std::string_view, const Plan*> IndexByName(const std::vector<Plan>& plans) {
  std::map<std::string_view, const Plan*> index;
  for (const Plan& plan : plans) index.emplace(plan.name, &plan);
  return index;
}

}  // namespace

std::string Change::ToString() const {
  static constexpr std::string_view kSigns[] = {"+", "-", "~"};
  std::string text = fmt::format("{} {} {}", kSigns[static_cast<std::size_t>(kind)], object, name);
  if (!detail.empty()) text += ": " + detail;
  return text;
}

std::vector<Change> Diff(const FabricPlan& from, const FabricPlan& to) {
  const std::vector<DescribedObject> before = Describe(from), after = Describe(to);
  const ObjectIndex old_objects = IndexByKey(before), new_objects = IndexByKey(after);
  std::vector<Change> changes;
  for (const DescribedObject& object : before) {
    if (!new_objects.contains(object.key)) changes.push_back(Whole(Change::Kind::kRemove, object));
  }
  for (const DescribedObject& object : after) {
    const auto old_object = old_objects.find(object.key);
    if (old_object != old_objects.end()) CompareAttributes(*old_object->second, object, changes);
  }
  for (const DescribedObject& object : after) {
    if (!old_objects.contains(object.key)) changes.push_back(Whole(Change::Kind::kAdd, object));
  }
  return changes;
}

NamespaceWork WorkBetween(const FabricPlan& from, const FabricPlan& to) {
  NamespaceWork work;
  const auto before = IndexByName(from.namespaces);
  const auto after = IndexByName(to.namespaces);
  for (const NamespacePlan& plan : from.namespaces) {
    if (!after.contains(plan.name)) work.removed.push_back(plan.name);
  }
  for (const NamespacePlan& plan : to.namespaces) {
    const auto old_plan = before.find(plan.name);
    if (old_plan == before.end()) {
      work.created.push_back(plan.name);
    } else {
      CompareNamespaces(*old_plan->second, plan, work);
    }
  }
  const auto old_balancers = IndexByName(from.load_balancers);
  for (const LoadBalancerPlan& plan : to.load_balancers) {
    const auto old_plan = old_balancers.find(plan.name);
    if (old_plan != old_balancers.end() && !SameService(*old_plan->second, plan)) {
      work.load_balancers_changed.push_back(plan.name);
    }
  }
  return work;
}

}  // namespace taploom::control
