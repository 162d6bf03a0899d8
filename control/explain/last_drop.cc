#include "control/explain/last_drop.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "control/did_you_mean.h"
#include "control/explain/analysis.h"
#include "control/explain/leg.h"
#include "control/explain/words.h"
#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/next_hop.h"
#include "dataplane/tables/compile.h"

namespace taploom::control {
namespace {

using nlohmann::ordered_json;
using tables::Snapshot;

std::optional<DropReason> ReasonNamed(const std::string& name) {
  for (std::size_t i = 1; i < kDropReasonCount; ++i) {  // 0 is none
    if (name == TextOf(static_cast<DropReason>(i)).name) return static_cast<DropReason>(i);
  }
  return std::nullopt;
}

std::optional<slowpath::PacketView> ViewOf(const Snapshot& snapshot, tables::PortId port,
                                           const config::DroppedPacket& packet) {
  const auto source = wire::IpAddress::FromBytes(packet.source());
  const auto destination = wire::IpAddress::FromBytes(packet.destination());
  if (!source || !destination) return std::nullopt;
  slowpath::PacketView view;
  view.ingress_port = port;
  view.tuple = {*source,
                *destination,
                static_cast<std::uint16_t>(packet.source_port()),
                static_cast<std::uint16_t>(packet.destination_port()),
                static_cast<std::uint8_t>(packet.protocol()),
                static_cast<std::uint8_t>(packet.icmp_query())};
  const auto source_mac = wire::MacAddress::FromBytes(packet.source_mac());
  view.source_mac = source_mac ? *source_mac : snapshot.MacOf(port);
  const auto mac = wire::MacAddress::FromBytes(packet.destination_mac());
  view.destination_mac = mac ? *mac : slowpath::NextHopMac(snapshot, port, *destination);
  view.icmp_type = static_cast<std::uint8_t>(packet.icmp_type());
  view.icmp_code = static_cast<std::uint8_t>(packet.icmp_code());
  view.tcp_flags = static_cast<std::uint8_t>(packet.tcp_flags());
  view.is_fragment = packet.is_fragment();
  view.is_icmp_error = packet.is_icmp_error();
  return view;
}

class LastDrops {
 public:
  LastDrops(const FabricPlan& plan, const Snapshot& snapshot) : plan_(plan), snapshot_(snapshot) {}

  void Add(const Party& sender, const slowpath::PacketView& view, DropReason reason);
  ordered_json json() const { return {{"drops", drops_}}; }
  const std::string& text() const { return text_; }
  bool empty() const { return drops_.empty(); }

 private:
  const FabricPlan& plan_;
  const Snapshot& snapshot_;
  ordered_json drops_ = ordered_json::array();
  std::string text_;
};

void LastDrops::Add(const Party& sender, const slowpath::PacketView& view, DropReason reason) {
  Leg leg;
  leg.asked = {.question = {.ingress_port = view.ingress_port,
                            .source = view.tuple.source,
                            .destination = view.tuple.destination,
                            .protocol = view.tuple.protocol,
                            .source_port = view.tuple.source_port,
                            .destination_port = view.tuple.destination_port},
               .source = sender,
               .destination = PartyWith(snapshot_, view.tuple.destination, sender.vpc),
               .unresolved = ""};
  leg.explanation = slowpath::ExplainPacket(snapshot_, view);
  const slowpath::PathExplanation& path = leg.explanation.forward;
  const bool is_same =
      path.decision.outcome == slowpath::Decision::Outcome::kDrop && path.decision.reason == reason;
  const DropReasonText words = TextOf(reason);
  const std::string code = *words.aws_code == '\0' ? "" : fmt::format(" ({})", words.aws_code);
  ordered_json json = {{"sender", sender.name},      {"destination", leg.asked.destination.name},
                       {"packet", PacketText(view)}, {"reason", words.name},
                       {"code", words.aws_code},     {"sentence", words.sentence},
                       {"still_dropped", is_same}};
  if (!text_.empty()) text_ += '\n';
  text_ += fmt::format("{} sent {}\n", sender.name, PacketText(view));
  if (is_same) {
    leg.explanation.reply.reset();
    leg.reasons = Diagnose(snapshot_, leg.asked, leg.explanation);
    json["ForwardPathComponents"] = PathComponents(plan_, snapshot_, path);
    json["Explanations"] = ordered_json::array();
    text_ += PathsText(leg);
  }
  text_ += fmt::format("=> dropped: {}{}. {}\n", words.name, code, words.sentence);
  for (const Reason& each : leg.reasons) {
    json["Explanations"].push_back(AwsExplanation(plan_, snapshot_, each));
    text_ += ReasonText(each);
  }
  if (!is_same && path.passes())
    text_ +=
        "   As the first packet of a connection it would pass now: the configuration has changed "
        "since, or the state of its connection decided.\n";
  drops_.push_back(std::move(json));
}

}  // namespace

ExplainAnswer ExplainLastDrops(const FabricPlan& plan, const config::Counters& counters,
                               const std::string& name) {
  ExplainAnswer answer;
  config::FabricConfig config = plan.config;
  if (config.generation() == 0) config.set_generation(1);
  const tables::CompileResult compiled = tables::Compile(config);
  if (!compiled.snapshot) {
    answer.error = compiled.error;
    return answer;
  }
  const Snapshot& snapshot = *compiled.snapshot;
  std::vector<std::string> names;
  LastDrops drops(plan, snapshot);
  for (const bool as_sender : {true, false}) {
    for (const config::PortCounters& port : counters.ports()) {
      const auto id = static_cast<tables::PortId>(port.port());
      const Party sender = PartyAt(snapshot, id);
      if (sender.port == tables::kNoPort) continue;
      names.push_back(sender.name);
      const auto reason = ReasonNamed(port.last_drop().reason());
      if (!port.has_last_drop() || !reason) continue;
      const auto view = ViewOf(snapshot, id, port.last_drop());
      if (!view) continue;
      const Party receiver = PartyWith(snapshot, view->tuple.destination, sender.vpc);
      if (as_sender ? sender.name == name : receiver.name == name && sender.name != name)
        drops.Add(sender, *view, *reason);
    }
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    answer.error =
        fmt::format("no instance, internet host or load-balancer node is called \"{}\"{}", name,
                    DidYouMean(name, names));
    return answer;
  }
  answer.passes = drops.empty();
  answer.json = drops.json();
  answer.text = drops.empty() ? fmt::format(
                                    "nothing that {} sent, or that was sent to it, was "
                                    "dropped\n",
                                    name)
                              : drops.text();
  answer.brief = answer.text;
  return answer;
}

}  // namespace taploom::control
