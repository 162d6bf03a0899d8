#include "control/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "control/did_you_mean.h"
#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/explain.h"
#include "dataplane/stage.h"
#include "dataplane/tables/compile.h"

namespace taploom::control {
namespace {

using nlohmann::ordered_json;
using slowpath::StageReport;
using tables::Snapshot;

// "internet" is a host that no topology can hold: an address for documentation (RFC 5737) behind an
// unused port.
constexpr const char* kAnyInternetHost = "internet";
constexpr std::uint16_t kAnyInternetPort = 65'534;

// One end of the question: something that has a port, and its addresses.
struct Endpoint {
  std::string name;
  tables::PortId port = tables::kNoPort;
  std::vector<tables::EniAddress> addresses;
  tables::VpcIndex vpc;  // none for internet hosts
};

struct Destination {
  std::string name;
  std::uint8_t protocol = wire::kProtocolIcmp;
  std::uint16_t port = 0;
};

std::optional<std::uint8_t> ProtocolOf(const std::string& text) {
  if (text == "tcp") return wire::kProtocolTcp;
  if (text == "udp") return wire::kProtocolUdp;
  if (text == "icmp") return wire::kProtocolIcmp;
  if (text == "icmpv6") return wire::kProtocolIcmpv6;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > 255) return std::nullopt;
  return static_cast<std::uint8_t>(number);
}

// "NAME", "NAME:PORT", "NAME:PORT/PROTOCOL", "NAME/PROTOCOL"; NAME may be "[v6]". Names of load
// balancer nodes contain a slash themselves ("front/public-a"), so only what follows the last one
// can be a protocol.
std::optional<Destination> ParseDestination(std::string text, std::string& error) {
  Destination result;
  std::optional<std::uint8_t> protocol;
  if (const auto slash = text.rfind('/'); slash != std::string::npos) {
    protocol = ProtocolOf(text.substr(slash + 1));
    if (protocol) text.resize(slash);
  }
  const auto colon = text.rfind(':');
  const bool is_bare_v6 = text.find(':') != colon && text.front() != '[';
  if (colon != std::string::npos && !is_bare_v6 &&
      (text.front() != '[' || text[colon - 1] == ']')) {
    const std::string digits = text.substr(colon + 1);
    unsigned port = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (failure != std::errc() || end != digits.data() + digits.size() || port == 0 ||
        port > 65'535) {
      error = fmt::format("\"{}\" is no port; expected 1-65535", digits);
      return std::nullopt;
    }
    result.port = static_cast<std::uint16_t>(port);
    text.resize(colon);
  }
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  result.name = text;
  result.protocol = protocol.value_or(result.port != 0 ? wire::kProtocolTcp : wire::kProtocolIcmp);
  const bool needs_port =
      result.protocol == wire::kProtocolTcp || result.protocol == wire::kProtocolUdp;
  if (needs_port && result.port == 0) {
    error = fmt::format("{} needs a port: {}:PORT/{}", slowpath::ProtocolText(result.protocol),
                        text, slowpath::ProtocolText(result.protocol));
    return std::nullopt;
  }
  return result;
}

Endpoint EndpointOf(const Snapshot& snapshot, tables::EniIndex index) {
  const tables::Eni& eni = snapshot[index];
  return {eni.name, eni.port, eni.addresses, eni.vpc};
}

Endpoint EndpointOf(const tables::InternetHost& host) {
  Endpoint endpoint{host.name, host.port, {}, {}};
  for (const wire::IpAddress& address : host.addresses)
    endpoint.addresses.push_back({address, std::nullopt});
  return endpoint;
}

bool IsNamed(const tables::Eni& eni, const std::string& text) {
  // "front" means any node of the load balancer; the first will do.
  return eni.id == text || eni.name == text ||
         (eni.type == tables::EniType::kLoadBalancer && eni.name.rfind(text + "/", 0) == 0);
}

// What a name or address stands for. Addresses of ENIs are looked up in `near` first, because two
// VPCs may use the same.
std::optional<Endpoint> FindEndpoint(const Snapshot& snapshot, const std::string& text,
                                     tables::VpcIndex near) {
  for (std::uint32_t i = 0; i < snapshot.enis.size(); ++i) {
    if (IsNamed(snapshot.enis[i], text)) return EndpointOf(snapshot, tables::EniIndex{i});
  }
  for (const tables::InternetHost& host : snapshot.internet_hosts) {
    if (host.name == text || host.id == text) return EndpointOf(host);
  }
  const auto address = wire::IpAddress::Parse(text);
  if (!address) return std::nullopt;
  const auto only = [&](Endpoint endpoint) {
    endpoint.addresses = {{*address, std::nullopt}};
    return endpoint;
  };
  if (near.exists()) {
    const auto found = snapshot[near].eni_by_address.find(*address);
    if (found != snapshot[near].eni_by_address.end())
      return only(EndpointOf(snapshot, found->second));
  }
  if (const auto found = snapshot.internet_host_by_address.find(*address);
      found != snapshot.internet_host_by_address.end()) {
    return only(EndpointOf(snapshot[found->second]));
  }
  if (const auto found = snapshot.public_bindings.find(*address);
      found != snapshot.public_bindings.end()) {
    return only(EndpointOf(snapshot, found->second.eni));
  }
  if (!near.exists()) {
    for (const tables::Vpc& vpc : snapshot.vpcs) {
      const auto owner = vpc.eni_by_address.find(*address);
      if (owner != vpc.eni_by_address.end()) return only(EndpointOf(snapshot, owner->second));
    }
  }
  Endpoint nobody{text, tables::kNoPort, {{*address, std::nullopt}}, {}};
  return nobody;
}

std::string UnknownName(const Snapshot& snapshot, const std::string& text) {
  std::vector<std::string> names;
  for (const tables::Eni& eni : snapshot.enis) names.push_back(eni.name);
  for (const tables::InternetHost& host : snapshot.internet_hosts) names.push_back(host.name);
  return fmt::format("no instance, interface or internet host is called \"{}\"{}", text,
                     DidYouMean(text, names));
}

// The address by which a sender would reach the destination: private within one VPC, public from
// anywhere else.
std::optional<wire::IpAddress> AddressFor(const Endpoint& source, const Endpoint& destination,
                                          wire::Family family) {
  const bool same_vpc = source.vpc.exists() && source.vpc == destination.vpc;
  std::optional<wire::IpAddress> fallback;
  for (const tables::EniAddress& address : destination.addresses) {
    if (address.private_address.family() != family) continue;
    if (same_vpc || !destination.vpc.exists()) return address.private_address;
    if (address.public_address) return address.public_address;
    if (!fallback) fallback = address.private_address;
  }
  return fallback;
}

std::optional<wire::IpAddress> FirstOf(const Endpoint& endpoint, wire::Family family) {
  for (const tables::EniAddress& address : endpoint.addresses) {
    if (address.private_address.family() == family) return address.private_address;
  }
  return std::nullopt;
}

ordered_json TupleJson(const flow::FiveTuple& tuple) {
  return {{"source", slowpath::EndpointText(tuple.source, tuple.source_port, tuple.protocol)},
          {"destination",
           slowpath::EndpointText(tuple.destination, tuple.destination_port, tuple.protocol)}};
}

ordered_json StageJson(const StageReport& report) {
  ordered_json json = {{"stage", ToText(report.stage)}, {"passed", report.passed}};
  if (!report.component_id.empty()) json["component"] = report.component_id;
  if (!report.component_name.empty()) json["name"] = report.component_name;
  if (!report.rule_id.empty()) json["rule"] = report.rule_id;
  if (!report.detail.empty()) json["detail"] = report.detail;
  json["before"] = TupleJson(report.before);
  if (!(report.before == report.after)) json["after"] = TupleJson(report.after);
  return json;
}

ordered_json PathJson(const slowpath::PathExplanation& path) {
  ordered_json json = {{"passes", path.passes()}, {"stages", ordered_json::array()}};
  for (const StageReport& report : path.stages) json["stages"].push_back(StageJson(report));
  if (path.decision.outcome == slowpath::Decision::Outcome::kDrop) {
    const DropReasonText reason = TextOf(path.decision.reason);
    json["drop"] = {
        {"reason", reason.name}, {"code", reason.aws_code}, {"sentence", reason.sentence}};
  }
  return json;
}

std::string PathText(const char* title, const slowpath::PathExplanation& path) {
  std::string text = fmt::format("{}\n", title);
  for (const StageReport& report : path.stages) {
    const std::string rule = report.rule_id.empty() ? "" : fmt::format(" [{}]", report.rule_id);
    text += fmt::format("  {:<4} {:<23} {:<14} {}{}\n", report.passed ? "ok" : "DROP",
                        ToText(report.stage), report.component_name, report.detail, rule);
  }
  return text;
}

std::string Verdict(const slowpath::Explanation& explanation) {
  if (explanation.forward.answered()) return "answered by the fabric's resolver";
  const bool lost_on_the_way_back = explanation.forward.passes();
  if (lost_on_the_way_back && !explanation.reply)
    return "not reachable: no connection could be made";
  const slowpath::PathExplanation& path =
      lost_on_the_way_back ? *explanation.reply : explanation.forward;
  if (path.passes()) return "reachable, and the reply comes back";
  if (path.decision.outcome == slowpath::Decision::Outcome::kResetSender)
    return "not reachable: reset by the NAT gateway";
  const DropReasonText reason = TextOf(path.decision.reason);
  const std::string code = reason.aws_code[0] == '\0' ? "" : fmt::format(" ({})", reason.aws_code);
  return fmt::format("{}: {}{}. {}",
                     lost_on_the_way_back ? "arrives, but the reply is dropped" : "dropped",
                     reason.name, code, reason.sentence);
}

void AddAnyInternetHost(config::FabricConfig& config) {
  for (const config::InternetHost& host : config.internet_hosts()) {
    if (host.name() == kAnyInternetHost) return;
  }
  config::InternetHost* host = config.add_internet_hosts();
  host->set_id("host-00000000000000000");
  host->set_name(kAnyInternetHost);
  host->add_addresses(std::string("\xc0\x00\x02\x01", 4));  // 192.0.2.1
  host->set_mac(std::string("\x02\x00\x00\x00\x00\x01", 6));
  host->set_router_mac(std::string("\x02\x00\x00\x00\x00\x02", 6));
  host->set_port(kAnyInternetPort);
}

}  // namespace

ExplainAnswer ExplainPath(const FabricPlan& plan, const std::string& source_text,
                          const std::string& destination_text) {
  ExplainAnswer answer;
  const auto fail = [&answer](std::string error) {
    answer.error = std::move(error);
    return answer;
  };
  config::FabricConfig config = plan.config;
  AddAnyInternetHost(config);
  if (config.generation() == 0) config.set_generation(1);
  const tables::CompileResult compiled = tables::Compile(config);
  if (!compiled.snapshot) return fail(compiled.error);
  const Snapshot& snapshot = *compiled.snapshot;

  const auto asked = ParseDestination(destination_text, answer.error);
  if (!asked) return answer;
  const auto source = FindEndpoint(snapshot, source_text, tables::VpcIndex());
  if (!source) return fail(UnknownName(snapshot, source_text));
  if (source->port == tables::kNoPort)
    return fail(fmt::format("nothing in the fabric sends from {}", source_text));
  const auto destination = FindEndpoint(snapshot, asked->name, source->vpc);
  if (!destination) return fail(UnknownName(snapshot, asked->name));

  slowpath::Question question{
      .ingress_port = source->port, .protocol = asked->protocol, .destination_port = asked->port};
  for (const wire::Family family : {wire::Family::kIpv4, wire::Family::kIpv6}) {
    const auto from = FirstOf(*source, family);
    const auto to = AddressFor(*source, *destination, family);
    if (!from || !to) continue;
    question.source = *from;
    question.destination = *to;
    break;
  }
  if (question.destination == wire::IpAddress()) {
    return fail(
        fmt::format("{} and {} have no address family in common", source->name, destination->name));
  }
  if (question.protocol == wire::kProtocolIcmp && !question.source.is_v4())
    question.protocol = wire::kProtocolIcmpv6;

  const slowpath::Explanation explanation = slowpath::Explain(snapshot, question);
  const std::string from = slowpath::EndpointText(question.source, 0, wire::kProtocolIcmp);
  const std::string to =
      slowpath::EndpointText(question.destination, question.destination_port, question.protocol);
  answer.passes = explanation.passes();
  const std::string verdict = Verdict(explanation);
  answer.json = {{"source", {{"name", source->name}, {"address", from}}},
                 {"destination", {{"name", destination->name}, {"address", to}}},
                 {"protocol", slowpath::ProtocolText(question.protocol)},
                 {"passes", answer.passes},
                 {"verdict", verdict},
                 {"forward", PathJson(explanation.forward)}};
  answer.text = fmt::format("{} ({}) -> {} ({}), {}\n", source->name, from, destination->name, to,
                            slowpath::ProtocolText(question.protocol));
  answer.text += PathText("there", explanation.forward);
  if (explanation.reply) {
    answer.json["reply"] = PathJson(*explanation.reply);
    answer.text += PathText("and back", *explanation.reply);
  }
  answer.text += fmt::format("=> {}\n", verdict);
  return answer;
}

}  // namespace taploom::control
