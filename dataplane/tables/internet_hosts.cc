#include <algorithm>
#include <vector>

#include "dataplane/tables/snapshot.h"

namespace taploom::tables {
namespace {

// Blocks that are nobody's public address (RFC 6890); what is left may be anybody's, as are the
// documentation blocks, which examples use for public addresses.
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

}  // namespace

InternetHostIndex Snapshot::FindInternetHost(const wire::IpAddress& address) const {
  const auto found = internet_host_by_address.find(address);
  if (found != internet_host_by_address.end()) return found->second;
  if (!rest_of_internet.exists()) return {};
  const bool is_somebodys = public_bindings.contains(address) || IsInside(NeverPublic(), address) ||
                            std::any_of(vpcs.begin(), vpcs.end(), [&](const Vpc& vpc) {
                              return IsInside(vpc.cidrs, address);
                            });
  return is_somebodys ? InternetHostIndex() : rest_of_internet;
}

}  // namespace taploom::tables
