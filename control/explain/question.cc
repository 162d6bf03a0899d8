#include "control/explain/question.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "control/did_you_mean.h"
#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/dns.h"

namespace taploom::control {
namespace {

using tables::Snapshot;

constexpr const char* kAnyInternetHost = "internet";
constexpr std::uint16_t kAnyInternetPort = 65'534;

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
    // Behind a port nothing but a protocol can stand.
    const auto colon = text.rfind(':', slash);
    if (!protocol && colon != std::string::npos && colon + 1 < slash &&
        text.find_first_not_of("0123456789", colon + 1) == slash) {
      error = fmt::format("\"{}\" is no protocol; expected tcp, udp, icmp, icmpv6 or a number",
                          text.substr(slash + 1));
      return std::nullopt;
    }
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

Party PartyOf(const Snapshot& snapshot, tables::EniIndex index) {
  const tables::Eni& eni = snapshot[index];
  return {eni.name, eni.port, eni.addresses, index, eni.vpc};
}

Party PartyOf(const tables::InternetHost& host) {
  Party party{host.name, host.port, {}, {}, {}};
  for (const wire::IpAddress& address : host.addresses)
    party.addresses.push_back({address, std::nullopt});
  return party;
}

bool IsNamed(const tables::Eni& eni, const std::string& text) {
  // "front" means any node of the load balancer; the first will do.
  return eni.id == text || eni.name == text ||
         (eni.type == tables::EniType::kLoadBalancer && eni.name.rfind(text + "/", 0) == 0);
}

std::optional<Party> FindParty(const Snapshot& snapshot, const std::string& text,
                               tables::VpcIndex near) {
  for (std::uint32_t i = 0; i < snapshot.enis.size(); ++i) {
    if (IsNamed(snapshot.enis[i], text)) return PartyOf(snapshot, tables::EniIndex{i});
  }
  for (const tables::InternetHost& host : snapshot.internet_hosts) {
    if (host.name == text || host.id == text) return PartyOf(host);
  }
  if (const auto address = wire::IpAddress::Parse(text)) return PartyWith(snapshot, *address, near);
  return std::nullopt;
}

std::string UnknownName(const Snapshot& snapshot, const std::string& text) {
  std::vector<std::string> names;
  for (const tables::Eni& eni : snapshot.enis) names.push_back(eni.name);
  for (const tables::InternetHost& host : snapshot.internet_hosts) names.push_back(host.name);
  return fmt::format("no instance, interface or internet host is called \"{}\"{}", text,
                     DidYouMean(text, names));
}

// A name of the DNS, as the machines behind `port` resolve it.
std::optional<Party> Resolve(const Snapshot& snapshot, const std::string& text,
                             const Party& asker) {
  std::string name = text;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (name.ends_with('.')) name.pop_back();
  const tables::NameTable& names = slowpath::NamesFor(snapshot, asker.port);
  const auto found = names.find(name);
  if (found == names.end() || found->second.empty()) return std::nullopt;
  Party party = PartyWith(snapshot, found->second.front(), asker.vpc);
  party.addresses.clear();
  for (const wire::IpAddress& address : found->second)
    party.addresses.push_back({address, std::nullopt});
  return party;
}

// The address by which a sender would reach the destination: private within one VPC and between
// peers, public from anywhere else.
std::optional<wire::IpAddress> AddressFor(const Snapshot& snapshot, const Party& source,
                                          const Party& destination, wire::Family family) {
  const bool same_vpc = source.vpc.exists() && (source.vpc == destination.vpc ||
                                                snapshot.ArePeered(source.vpc, destination.vpc));
  std::optional<wire::IpAddress> fallback;
  for (const tables::EniAddress& address : destination.addresses) {
    if (address.private_address.family() != family) continue;
    if (same_vpc || !destination.vpc.exists()) return address.private_address;
    if (address.public_address) return address.public_address;
    if (!fallback) fallback = address.private_address;
  }
  return fallback;
}

std::optional<wire::IpAddress> FirstOf(const Party& party, wire::Family family) {
  for (const tables::EniAddress& address : party.addresses) {
    if (address.private_address.family() == family) return address.private_address;
  }
  return std::nullopt;
}

// Asked for by an address that leads through the internet gateway and back.
bool IsPublicAddress(const Snapshot& snapshot, const Party& party) {
  return !party.addresses.empty() &&
         snapshot.public_bindings.contains(party.addresses.front().private_address);
}

bool ChooseAddresses(const Snapshot& snapshot, Asked& asked) {
  for (const wire::Family family : {wire::Family::kIpv4, wire::Family::kIpv6}) {
    const auto from = FirstOf(asked.source, family);
    const auto to = AddressFor(snapshot, asked.source, asked.destination, family);
    if (!from || !to) continue;
    asked.question.source = *from;
    asked.question.destination = *to;
    if (asked.question.protocol == wire::kProtocolIcmp && !from->is_v4())
      asked.question.protocol = wire::kProtocolIcmpv6;
    return true;
  }
  return false;
}

}  // namespace

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

Party PartyAt(const Snapshot& snapshot, tables::PortId port) {
  const tables::PortOwner owner = snapshot.OwnerOf(port);
  if (owner.eni.exists()) return PartyOf(snapshot, owner.eni);
  if (owner.internet_host.exists()) return PartyOf(snapshot[owner.internet_host]);
  return {};
}

Party PartyWith(const Snapshot& snapshot, const wire::IpAddress& address, tables::VpcIndex near) {
  // The party is asked for by this address and no other of its own.
  const auto only = [&](Party party) {
    party.addresses = {{address, std::nullopt}};
    return party;
  };
  if (near.exists()) {
    const auto found = snapshot[near].eni_by_address.find(address);
    if (found != snapshot[near].eni_by_address.end()) return only(PartyOf(snapshot, found->second));
  }
  if (const auto found = snapshot.internet_host_by_address.find(address);
      found != snapshot.internet_host_by_address.end()) {
    return only(PartyOf(snapshot[found->second]));
  }
  if (const auto found = snapshot.public_bindings.find(address);
      found != snapshot.public_bindings.end()) {
    return only(PartyOf(snapshot, found->second.eni));
  }
  if (!near.exists()) {
    for (const tables::Vpc& vpc : snapshot.vpcs) {
      const auto owner = vpc.eni_by_address.find(address);
      if (owner != vpc.eni_by_address.end()) return only(PartyOf(snapshot, owner->second));
    }
  }
  return {address.ToString(), tables::kNoPort, {{address, std::nullopt}}, {}, {}};
}

std::optional<Asked> ParseQuestion(const Snapshot& snapshot, const std::string& source_text,
                                   const std::string& destination_text, std::string& error) {
  const auto fail = [&error](std::string sentence) {
    error = std::move(sentence);
    return std::nullopt;
  };
  if (source_text.empty() || destination_text.empty()) return fail("who asks for whom?");
  const auto words = ParseDestination(destination_text, error);
  if (!words) return std::nullopt;
  const auto source = FindParty(snapshot, source_text, tables::VpcIndex());
  if (!source) return fail(UnknownName(snapshot, source_text));
  if (source->port == tables::kNoPort)
    return fail(fmt::format("nothing in the fabric sends from {}", source_text));

  Asked asked{.question = {.ingress_port = source->port,
                           .protocol = words->protocol,
                           .destination_port = words->port},
              .source = *source};
  std::optional<Party> destination = FindParty(snapshot, words->name, source->vpc);
  if (!destination) destination = Resolve(snapshot, words->name, *source);
  if (!destination && words->name.find('.') != std::string::npos) {
    asked.unresolved = words->name;
    return asked;
  }
  if (!destination) return fail(UnknownName(snapshot, words->name));
  asked.destination = *destination;
  const bool is_itself =
      asked.destination.port == source->port && asked.destination.port != tables::kNoPort;
  if (is_itself && !IsPublicAddress(snapshot, *destination)) {
    return fail(fmt::format("{} reaches itself without the fabric: its kernel delivers the packet",
                            source->name));
  }
  if (!ChooseAddresses(snapshot, asked)) {
    return fail(
        fmt::format("{} and {} have no address family in common", source->name, destination->name));
  }
  return asked;
}

}  // namespace taploom::control
