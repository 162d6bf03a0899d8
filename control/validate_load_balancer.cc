// Load balancers, listeners and target groups (vpc-semantics §9).
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "control/field_reader.h"
#include "control/plan.h"
#include "control/validate_sections.h"

namespace taploom::control {
namespace {

// "200", "200-399" or "200,302": codes that AWS accepts from a healthy target.
bool IsMatcher(std::string_view text) {
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t dash = part.find('-');
    const std::optional<int> from = ParseInteger(part.substr(0, dash), 200, 499);
    const std::optional<int> to =
        dash == std::string_view::npos ? from : ParseInteger(part.substr(dash + 1), 200, 499);
    if (!from || !to || *from > *to) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

// A path goes into haproxy's configuration as it is: printable, no space, quote, backslash or
// comment sign.
bool IsPath(std::string_view path) {
  return path.starts_with('/') && path.size() <= 1024 &&
         std::all_of(path.begin(), path.end(), [](char c) {
           return c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\' && c != '#';
         });
}

class LoadBalancerCheck {
 public:
  LoadBalancerCheck(const Topology& topology, const Vpc& vpc, const LoadBalancer& balancer,
                    Findings& findings)
      : topology_(topology), vpc_(vpc), balancer_(balancer), findings_(findings) {}

  void Check() {
    CheckSubnets();
    CheckElasticIps();
    if (IsInternetFacing(balancer_) && !vpc_.internet_gateway &&
        !topology_.unreadable.contains("internet_gateway")) {
      findings_.Add(
          balancer_.name.at,
          "load balancer \"{}\" is internet-facing, and vpc \"{}\" has no internet gateway; add "
          "internet_gateway or scheme: internal",
          balancer_.name.value, vpc_.name.value);
    }
    if (balancer_.security_groups) {
      const auto& groups = *balancer_.security_groups;
      CheckGroupList(topology_, vpc_, groups,
                     groups.empty() ? balancer_.name.at : groups.front().at, findings_);
    }
    CheckListeners();
    for (const TargetGroup& group : balancer_.target_groups) CheckTargetGroup(group);
  }

 private:
  void CheckSubnets() {
    std::map<std::string, std::string> zones;  // zone → subnet
    for (const LoadBalancerSubnet& node : balancer_.subnets) {
      const Subnet* subnet =
          Resolve(topology_, vpc_, &Vpc::subnets, "subnet", "subnets", node.name, findings_);
      if (subnet == nullptr) continue;
      if (node.name.value != subnet->name.value) {
        findings_.Add(node.name.at, "write the subnet as \"{}\"", subnet->name.value);
      }
      if (subnet->cidr && subnet->cidr->value.length > 27) {
        findings_.Add(node.name.at, "a load balancer needs a subnet of /27 or larger; \"{}\" is {}",
                      subnet->name.value, subnet->cidr->value.ToString());
      }
      const auto [first, is_new] =
          zones.emplace(ZoneOf(topology_, vpc_, *subnet), subnet->name.value);
      if (!is_new) {
        findings_.Add(node.name.at,
                      "a load balancer has one node in each zone; \"{}\" and \"{}\" are both in {}",
                      first->second, subnet->name.value, first->first);
      }
    }
  }

  void CheckElasticIps() {
    for (const Located<std::string>& name : balancer_.elastic_ip_subnets) {
      if (!IsInternetFacing(balancer_)) {
        findings_.Add(name.at, "an internal load balancer has no elastic_ips");
        return;
      }
      std::vector<std::string> subnets;
      for (const LoadBalancerSubnet& node : balancer_.subnets) subnets.push_back(node.name.value);
      if (std::find(subnets.begin(), subnets.end(), name.value) == subnets.end()) {
        findings_.Add(name.at, "\"{}\" is no subnet of load balancer \"{}\"{}", name.value,
                      balancer_.name.value, DidYouMean(name.value, subnets));
      }
    }
  }

  void CheckListeners() {
    std::map<int, Position> ports;
    for (const Listener& listener : balancer_.listeners) {
      if (listener.port) {
        const auto [first, is_new] = ports.emplace(listener.port->value, listener.port->at);
        if (!is_new) {
          findings_.Add(listener.port->at, "a listener has port {} already, at {}:{}",
                        listener.port->value, first->second.line, first->second.column);
        }
      }
      const bool https = listener.protocol && listener.protocol->value == "https";
      if (https && !balancer_.dns_name) {
        findings_.Add(listener.protocol->at,
                      "an https listener needs the load balancer's dns_name for its certificate");
      }
      if (https && listener.redirect) {
        findings_.Add(listener.redirect->at,
                      "redirect: https is for http listeners; this one would redirect to itself");
      }
      if (listener.forward &&
          FindByName(balancer_.target_groups, listener.forward->value) == nullptr &&
          !topology_.unreadable.contains("target_groups")) {
        findings_.Add(listener.forward->at,
                      "target group \"{}\" does not exist in load balancer \"{}\"{}",
                      listener.forward->value, balancer_.name.value,
                      DidYouMean(listener.forward->value, NamesOf(balancer_.target_groups)));
      }
    }
  }

  void CheckTargetGroup(const TargetGroup& group) {
    std::set<std::pair<std::string, int>> seen;
    for (const Target& target : group.targets) {
      CheckTarget(target);
      const int port = target.port ? target.port->value : group.port ? group.port->value : 0;
      if (!seen.emplace(target.instance.value, port).second) {
        findings_.Add(target.instance.at, "target \"{}\" port {} is listed twice",
                      target.instance.value, port);
      }
    }
    CheckHealthCheck(group.health_check);
  }

  void CheckTarget(const Target& target) {
    const Instance* instance = FindByName(topology_.instances, target.instance.value);
    if (instance == nullptr) {
      if (topology_.unreadable.contains("instances")) return;
      findings_.Add(target.instance.at, "instance \"{}\" does not exist{}", target.instance.value,
                    DidYouMean(target.instance.value, NamesOf(topology_.instances)));
      return;
    }
    const SubnetRef subnet = SubnetOf(topology_, instance->interfaces.front());
    if (subnet && subnet.vpc != &vpc_) {
      findings_.Add(
          target.instance.at,
          "instance \"{}\" is in vpc \"{}\"; a target is in the load balancer's vpc \"{}\"",
          target.instance.value, subnet.vpc->name.value, vpc_.name.value);
    }
  }

  void CheckHealthCheck(const HealthCheck& check) {
    const HealthCheckPlan defaults;
    const int interval =
        check.interval ? check.interval->value : static_cast<int>(defaults.interval_seconds);
    const int timeout =
        check.timeout ? check.timeout->value : static_cast<int>(defaults.timeout_seconds);
    if (timeout >= interval && (check.timeout || check.interval)) {
      findings_.Add(check.timeout ? check.timeout->at : check.interval->at,
                    "a health check's timeout ({} s) must be shorter than its interval ({} s)",
                    timeout, interval);
    }
    if (check.path && !IsPath(check.path->value)) {
      findings_.Add(check.path->at,
                    "\"{}\" is no path; it starts with / and has no spaces, quotes, \\ or #",
                    check.path->value);
    }
    if (check.matcher && !IsMatcher(check.matcher->value)) {
      findings_.Add(check.matcher->at,
                    "matcher \"{}\" is no list of status codes from 200 to 499 such as 200,301-399",
                    check.matcher->value);
    }
    const bool tcp = check.protocol && check.protocol->value == "tcp";
    if (tcp && check.path) findings_.Add(check.path->at, "a tcp health check has no path");
    if (tcp && check.matcher) findings_.Add(check.matcher->at, "a tcp health check has no matcher");
  }

  const Topology& topology_;
  const Vpc& vpc_;
  const LoadBalancer& balancer_;
  Findings& findings_;
};

}  // namespace

void CheckLoadBalancers(const Topology& topology, Findings& findings) {
  std::map<std::string_view, const Vpc*> owners;
  for (const Vpc& vpc : topology.vpcs) {
    for (const LoadBalancer& balancer : vpc.load_balancers) {
      if (findings.full()) return;
      LoadBalancerCheck(topology, vpc, balancer, findings).Check();
      // Their nodes' namespaces are called "front/public-a", without the VPC.
      const auto [owner, is_new] = owners.emplace(balancer.name.value, &vpc);
      if (!is_new) {
        findings.Add(balancer.name.at,
                     "vpc \"{}\" has a load balancer \"{}\" already; their names are unique",
                     owner->second->name.value, balancer.name.value);
      }
    }
  }
}

}  // namespace taploom::control
