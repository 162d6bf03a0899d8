#include "control/explain/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <vector>

#include "control/aws_id.h"
#include "control/did_you_mean.h"
#include "control/explain/analysis.h"
#include "control/explain/diagnosis.h"
#include "control/explain/leg.h"
#include "control/explain/question.h"
#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/dns.h"
#include "dataplane/tables/compile.h"

namespace taploom::control {
namespace {

using nlohmann::ordered_json;
using tables::Snapshot;

// The load balancer whose node answers at this port.
struct Node {
  const LoadBalancerPlan* balancer = nullptr;
  const LoadBalancerNodePlan* node = nullptr;
};

Node NodeBehind(const FabricPlan& plan, const std::string& namespace_name) {
  for (const LoadBalancerPlan& balancer : plan.load_balancers) {
    for (const LoadBalancerNodePlan& node : balancer.nodes) {
      if (node.namespace_name == namespace_name) return {&balancer, &node};
    }
  }
  return {};
}

const ListenerPlan* ListenerAt(const LoadBalancerPlan& balancer, std::uint16_t port) {
  for (const ListenerPlan& listener : balancer.listeners) {
    if (listener.port == port) return &listener;
  }
  return nullptr;
}

// Where a name is known that the sender's resolver does not know, or the one that may be meant.
std::string WhoKnows(const Snapshot& snapshot, const Asked& asked) {
  std::string name = asked.unresolved;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  for (const tables::Vpc& vpc : snapshot.vpcs) {
    if (vpc.names.contains(name))
      return fmt::format("it is a private name of VPC {}, which machines of that VPC alone resolve",
                         vpc.name);
  }
  std::vector<std::string> known;
  for (const auto& [each, addresses] : slowpath::NamesFor(snapshot, asked.source.port)) {
    if (each.find('.') != std::string::npos) known.push_back(each);
  }
  std::sort(known.begin(), known.end());
  const std::string nearest = Nearest(name, known);
  return nearest.empty() ? "" : fmt::format("did you mean \"{}\"?", nearest);
}

// Everything that is found out about one question.
class Explanations {
 public:
  Explanations(const FabricPlan& plan, const Snapshot& snapshot, const LiveView& live)
      : plan_(plan), snapshot_(snapshot), live_(live) {}

  ExplainAnswer Answer(const Asked& asked);
  ExplainAnswer AnswerUnresolved(const Asked& asked);

 private:
  void FollowListener(const Leg& first);
  void AddTargets(const Node& node, const ListenerPlan& listener);
  std::string HealthOf(const Node& node, const TargetPlan& target) const;
  std::string Verdict() const;
  ordered_json Json() const;
  std::string Text() const;
  std::string Brief() const;
  // The legs, the first and those behind it.
  template <typename Visitor>
  void ForEachReason(Visitor visit) const;

  const FabricPlan& plan_;
  const Snapshot& snapshot_;
  const LiveView& live_;
  std::vector<Leg> legs_;                 // the first is the question; the others start at its node
  std::vector<std::string> health_;       // by leg
  std::optional<Reason> listener_fault_;  // of the load balancer's listener
  std::string listener_text_;             // "https:443 forwards to web"
};

ExplainAnswer Explanations::Answer(const Asked& asked) {
  legs_.push_back(FollowLeg(plan_, snapshot_, asked, live_));
  health_.emplace_back();
  if (legs_.front().network_passes()) FollowListener(legs_.front());
  ExplainAnswer answer;
  const bool a_target_answers =
      legs_.size() == 1 ||
      std::any_of(legs_.begin() + 1, legs_.end(), [](const Leg& leg) { return leg.passes(); });
  answer.passes = legs_.front().passes() && !listener_fault_ && a_target_answers;
  if (legs_.size() > 1 && !a_target_answers) {
    listener_fault_ = Reason{.code = "ELBV2_LISTENER_REQUIRES_TG_ACCEPT",
                             .sentence =
                                 "No target of the listener's target group can be reached: "
                                 "the load balancer answers 502, 503 or 504."};
  }
  answer.json = Json();
  answer.json["passes"] = answer.passes;
  answer.text = Text();
  answer.brief = Brief();
  return answer;
}

void Explanations::FollowListener(const Leg& first) {
  const Node node = NodeBehind(plan_, first.receiver_namespace);
  if (node.node == nullptr || first.asked.question.protocol != wire::kProtocolTcp) return;
  const std::uint16_t port = first.explanation.forward.decision.tuple.destination_port;
  const ListenerPlan* listener = ListenerAt(*node.balancer, port);
  if (listener == nullptr) {
    listener_fault_ = Reason{.code = "ELBV2_LISTENERS_MISMATCH",
                             .sentence = fmt::format("Load balancer {} has no listener on port {}.",
                                                     node.balancer->name, port)};
    return;
  }
  if (listener->redirect_to_https) {
    listener_text_ = fmt::format("{}:{} redirects to https on port {}", listener->protocol, port,
                                 listener->redirect_port);
    return;
  }
  listener_text_ =
      fmt::format("{}:{} forwards to target group {}", listener->protocol, port, listener->forward);
  AddTargets(node, *listener);
}

void Explanations::AddTargets(const Node& node, const ListenerPlan& listener) {
  const Asked asked = legs_.front().asked;
  for (const TargetGroupPlan& group : node.balancer->target_groups) {
    if (group.name != listener.forward) continue;
    if (group.targets.empty()) {
      listener_fault_ = Reason{.code = "ELBV2_LISTENER_HAS_NO_TG",
                               .sentence = fmt::format("Target group {} has no targets: the load "
                                                       "balancer answers 503.",
                                                       group.name)};
    }
    for (const TargetPlan& target : group.targets) {
      const Party source =
          PartyAt(snapshot_, legs_.front().explanation.forward.decision.egress_port);
      const Asked behind{.question = {.ingress_port = source.port,
                                      .source = node.node->address,
                                      .destination = target.address,
                                      .protocol = wire::kProtocolTcp,
                                      .destination_port = target.port},
                         .source = source,
                         .destination = PartyWith(snapshot_, target.address, source.vpc),
                         .unresolved = ""};
      legs_.push_back(FollowLeg(plan_, snapshot_, behind, live_));
      health_.push_back(HealthOf(node, target));
    }
  }
}

std::string Explanations::HealthOf(const Node& node, const TargetPlan& target) const {
  return live_.target_health ? live_.target_health(node.node->namespace_name, target.name)
                             : std::string();
}

std::string Explanations::Verdict() const {
  const std::string verdict = VerdictOf(legs_.front());
  if (!listener_fault_) return verdict;
  return fmt::format("reaches {}, but: {} ({})", legs_.front().asked.destination.name,
                     listener_fault_->sentence, listener_fault_->code);
}

template <typename Visitor>
void Explanations::ForEachReason(Visitor visit) const {
  if (listener_fault_) visit(*listener_fault_, legs_.front());
  for (const Leg& leg : legs_) {
    for (const Reason& reason : leg.reasons) visit(reason, leg);
  }
}

ordered_json Explanations::Json() const {
  const Leg& first = legs_.front();
  const std::string question =
      fmt::format("{}/{}/{}", plan_.name, SourceText(first), DestinationText(first));
  const bool has_target =
      legs_.size() == 1 || std::any_of(legs_.begin() + 1, legs_.end(),
                                       [](const Leg& leg) { return leg.network_passes(); });
  ordered_json json = {
      {"NetworkInsightsAnalysisId", AwsId("nia", question)},
      {"NetworkInsightsPathId", AwsId("nip", question)},
      {"Status", "succeeded"},
      {"NetworkPathFound", first.network_passes() && has_target},
      {"ForwardPathComponents", PathComponents(plan_, snapshot_, first.explanation.forward)},
      {"ReturnPathComponents", ordered_json::array()},
      {"Explanations", ordered_json::array()}};
  if (first.explanation.reply)
    json["ReturnPathComponents"] = PathComponents(plan_, snapshot_, *first.explanation.reply);
  ForEachReason([&](const Reason& reason, const Leg& leg) {
    ordered_json explanation = AwsExplanation(plan_, snapshot_, reason);
    if (&leg != &first) explanation["target"] = leg.asked.destination.name;
    json["Explanations"].push_back(std::move(explanation));
  });
  const ordered_json ours = LegJson(first);
  for (const auto& [key, value] : ours.items()) json[key] = value;
  json["verdict"] = Verdict();
  if (!listener_text_.empty()) json["listener"] = listener_text_;
  for (std::size_t i = 1; i < legs_.size(); ++i) {
    ordered_json target = LegJson(legs_[i]);
    target["passes"] = legs_[i].passes();
    target["verdict"] = VerdictOf(legs_[i]);
    if (!health_[i].empty()) target["health"] = health_[i];
    json["targets"].push_back(std::move(target));
  }
  return json;
}

std::string Explanations::Text() const {
  const Leg& first = legs_.front();
  std::string text = HeadText(first) + PathsText(first);
  if (!listener_text_.empty()) text += fmt::format("listener {}\n", listener_text_);
  for (std::size_t i = 1; i < legs_.size(); ++i) {
    const Leg& leg = legs_[i];
    text += fmt::format("\n{}", HeadText(leg));
    if (!leg.network_passes()) text += PathsText(leg);
    text += fmt::format("=> {}{}\n", VerdictOf(leg),
                        health_[i].empty() ? "" : fmt::format("; target health: {}", health_[i]));
  }
  if (legs_.size() > 1) text += '\n';
  text += fmt::format("=> {}\n", Verdict());
  ForEachReason([&](const Reason& reason, const Leg&) { text += ReasonText(reason); });
  return text;
}

std::string Explanations::Brief() const {
  std::string text;
  for (const Leg& leg : legs_) text += HeadText(leg) + StopText(leg);
  text += fmt::format("=> {}\n", Verdict());
  ForEachReason([&](const Reason& reason, const Leg&) { text += BriefReasonText(reason); });
  return text;
}

ExplainAnswer Explanations::AnswerUnresolved(const Asked& asked) {
  ExplainAnswer answer;
  const std::string verdict = fmt::format("the resolver of {} does not know {} (NXDOMAIN)",
                                          asked.source.name, asked.unresolved);
  const std::string hint = WhoKnows(snapshot_, asked);
  const Reason reason{
      .code = kDnsNameNotFound,
      .sentence = hint.empty() ? verdict + "." : fmt::format("{}; {}", verdict, hint)};
  const std::string question =
      fmt::format("{}/{}/{}", plan_.name, asked.source.name, asked.unresolved);
  answer.json = {{"NetworkInsightsAnalysisId", AwsId("nia", question)},
                 {"NetworkInsightsPathId", AwsId("nip", question)},
                 {"Status", "succeeded"},
                 {"NetworkPathFound", false},
                 {"ForwardPathComponents", ordered_json::array()},
                 {"ReturnPathComponents", ordered_json::array()},
                 {"Explanations", {AwsExplanation(plan_, snapshot_, reason)}},
                 {"passes", false},
                 {"verdict", verdict}};
  answer.text = answer.brief = fmt::format("=> {} ({})\n", verdict, kDnsNameNotFound);
  if (!hint.empty()) answer.text = answer.brief += fmt::format("   {}\n", hint);
  return answer;
}

}  // namespace

ExplainAnswer ExplainPath(const FabricPlan& plan, const std::string& source,
                          const std::string& destination, const LiveView& live) {
  ExplainAnswer answer;
  config::FabricConfig config = plan.config;
  AddAnyInternetHost(config);
  if (config.generation() == 0) config.set_generation(1);
  const tables::CompileResult compiled = tables::Compile(config);
  if (!compiled.snapshot) {
    answer.error = compiled.error;
    return answer;
  }
  const auto asked = ParseQuestion(*compiled.snapshot, source, destination, answer.error);
  if (!asked) return answer;
  Explanations explanations(plan, *compiled.snapshot, live);
  return asked->unresolved.empty() ? explanations.Answer(*asked)
                                   : explanations.AnswerUnresolved(*asked);
}

}  // namespace taploom::control
