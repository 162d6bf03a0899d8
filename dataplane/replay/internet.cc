#include "dataplane/replay/internet.h"

#include <algorithm>
#include <string>

#include "dataplane/replay/frame_buffer.h"

namespace taploom::replay {
namespace {

constexpr std::size_t kRecent = 4096;

// Blocks that are nobody's public address (RFC 6890); what is left of IPv4 may be anybody's, as are
// the documentation blocks, which examples use for public addresses.
const std::vector<wire::IpPrefix>& NeverPublic() {
  static const std::vector<wire::IpPrefix> prefixes = [] {
    std::vector<wire::IpPrefix> result;
    for (const char* text : {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
                             "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
                             "::/8", "fc00::/7", "fe80::/10", "ff00::/8"}) {
      result.push_back(*wire::IpPrefix::Parse(text));
    }
    return result;
  }();
  return prefixes;
}

bool IsInside(const std::vector<wire::IpPrefix>& prefixes, const wire::IpAddress& address) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const wire::IpPrefix& prefix) {
    return prefix.family() == address.family() && prefix.Contains(address);
  });
}

std::string BytesOf(const wire::IpAddress& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

PublicAddresses::PublicAddresses(const config::FabricConfig& config) : recent_(kRecent) {
  const auto know = [this](const std::string& bytes) {
    if (const auto address = wire::IpAddress::FromBytes(bytes)) known_.insert(*address);
  };
  for (const config::Eni& eni : config.enis()) {
    for (const config::EniAddress& address : eni.addresses()) {
      know(address.private_address());
      know(address.public_address());
    }
  }
  for (const config::InternetHost& host : config.internet_hosts()) {
    for (const std::string& address : host.addresses()) know(address);
  }
  for (const config::Vpc& vpc : config.vpcs()) {
    for (const config::Prefix& cidr : vpc.cidrs()) {
      if (const auto address = wire::IpAddress::FromBytes(cidr.address()))
        vpc_cidrs_.push_back(
            wire::IpPrefix::Of(*address, static_cast<std::uint8_t>(cidr.length())));
    }
  }
}

void PublicAddresses::Add(const wire::IpAddress& address) {
  wire::IpAddress& recent = recent_[std::hash<wire::IpAddress>()(address) % kRecent];
  if (recent == address) return;
  recent = address;
  if (known_.contains(address)) return;
  if (IsInside(NeverPublic(), address) || IsInside(vpc_cidrs_, address)) return;
  if (addresses_.size() == kMost) {
    overflowed_ = true;
    return;
  }
  known_.insert(address);
  addresses_.push_back(address);
}

void CollectAddresses(io::FrameSource& source, const PrefixMap& map, PublicAddresses& collector) {
  FrameBuffer buffer;
  io::CapturedFrame frame;
  while (source.Next(frame)) {
    if (buffer.Load(frame).kind != io::NetworkLayer::Kind::kIp) continue;
    const wire::Headers& headers = buffer.packet().headers;
    if (headers.kind != wire::FrameKind::kIp) continue;
    collector.Add(map.Map(headers.source));
    collector.Add(map.Map(headers.destination));
  }
}

void AddInternet(const std::vector<wire::IpAddress>& addresses, config::FabricConfig& config) {
  if (addresses.empty()) return;
  std::uint32_t port = 1;
  for (const config::Eni& eni : config.enis()) port = std::max(port, eni.port() + 1);
  for (const config::InternetHost& host : config.internet_hosts()) {
    if (host.name() == kInternetName) return;
    port = std::max(port, host.port() + 1);
  }
  config::InternetHost* host = config.add_internet_hosts();
  host->set_id("host-00000000000000000");
  host->set_name(kInternetName);
  for (const wire::IpAddress& address : addresses) host->add_addresses(BytesOf(address));
  host->set_mac(std::string("\x02\x00\x00\x00\x00\x01", 6));
  host->set_router_mac(std::string("\x02\x00\x00\x00\x00\x02", 6));
  host->set_port(port);
}

}  // namespace taploom::replay
