#include "control/netns/interface.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "control/process/host_error.h"
#include "control/process/unique_fd.h"

namespace taploom::netns {
namespace {

using control::InterfaceAddress;
using control::InterfacePlan;
using wire::IpAddress;

// Packets the TAP holds for a busy dataplane before it drops; a superframe counts as one.
constexpr unsigned kTransmitQueueLength = 1000;

template <auto Free>
struct Releaser {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Socket = std::unique_ptr<nl_sock, Releaser<nl_socket_free>>;
using Link = std::unique_ptr<rtnl_link, Releaser<rtnl_link_put>>;
using Address = std::unique_ptr<nl_addr, Releaser<nl_addr_put>>;
using LinkAddress = std::unique_ptr<rtnl_addr, Releaser<rtnl_addr_put>>;
using Route = std::unique_ptr<rtnl_route, Releaser<rtnl_route_put>>;
using Cache = std::unique_ptr<nl_cache, Releaser<nl_cache_free>>;

absl::Status NetlinkError(std::string_view doing, int code) {
  const bool denied = code == -NLE_PERM || code == -NLE_NOACCESS;
  return absl::Status(denied ? absl::StatusCode::kPermissionDenied : absl::StatusCode::kUnavailable,
                      fmt::format("cannot {}: {}", doing, nl_geterror(code)));
}

int FamilyOf(const IpAddress& address) { return address.is_v4() ? AF_INET : AF_INET6; }

Address ToNetlink(const IpAddress& address, int prefix_length) {
  const auto bytes = address.bytes();
  Address result(nl_addr_build(FamilyOf(address), bytes.data(), bytes.size()));
  nl_addr_set_prefixlen(result.get(), prefix_length);
  return result;
}

// /proc/sys/net shows the namespace of the thread that opens it.
void SetSysctl(const std::string& path, std::string_view value) {
  const process::UniqueFd file(open(("/proc/sys/net/" + path).c_str(), O_WRONLY | O_CLOEXEC));
  // Absent when the kernel has no IPv6: then there is nothing to switch off either.
  if (!file.valid()) return;
  [[maybe_unused]] const ssize_t written = write(file.get(), value.data(), value.size());
}

void ConfigureIpv6(const InterfacePlan& plan) {
  const bool wanted = plan.gateway_v6.has_value() ||
                      std::any_of(plan.addresses.begin(), plan.addresses.end(),
                                  [](const InterfaceAddress& a) { return !a.address.is_v4(); });
  const std::string folder = fmt::format("ipv6/conf/{}/", plan.device);
  SetSysctl(folder + "accept_dad", "0");
  SetSysctl(folder + "accept_ra", "0");
  SetSysctl(folder + "router_solicitations", "0");
  SetSysctl(folder + "disable_ipv6", wanted ? "0" : "1");
}

// One configuration run over one netlink socket.
class Configurer {
 public:
  Configurer(const InterfacePlan& plan, nl_sock* socket, int index)
      : plan_(plan), socket_(socket), index_(index) {}

  absl::Status SetLink(rtnl_link* link) {
    const Link change(rtnl_link_alloc());
    const Address mac(nl_addr_build(AF_LLC, plan_.mac.bytes.data(), plan_.mac.bytes.size()));
    rtnl_link_set_addr(change.get(), mac.get());
    rtnl_link_set_mtu(change.get(), plan_.mtu);
    rtnl_link_set_txqlen(change.get(), kTransmitQueueLength);
    rtnl_link_set_flags(change.get(), IFF_UP);
    const int code = rtnl_link_change(socket_, link, change.get(), 0);
    return code < 0 ? NetlinkError(fmt::format("configure the device {}", plan_.device), code)
                    : absl::OkStatus();
  }

  absl::Status SetAddresses() {
    nl_cache* raw = nullptr;
    if (const int code = rtnl_addr_alloc_cache(socket_, &raw); code < 0) {
      return NetlinkError("list addresses", code);
    }
    const Cache cache(raw);
    for (nl_object* object = nl_cache_get_first(raw); object != nullptr;
         object = nl_cache_get_next(object)) {
      auto* const present = reinterpret_cast<rtnl_addr*>(object);
      if (rtnl_addr_get_ifindex(present) != index_ || IsWanted(present)) continue;
      rtnl_addr_delete(socket_, present, 0);
    }
    for (const InterfaceAddress& wanted : plan_.addresses) {
      const LinkAddress address(rtnl_addr_alloc());
      const Address local = ToNetlink(wanted.address, wanted.prefix_length);
      rtnl_addr_set_ifindex(address.get(), index_);
      rtnl_addr_set_family(address.get(), FamilyOf(wanted.address));
      rtnl_addr_set_local(address.get(), local.get());
      if (wanted.address.is_v4() && wanted.prefix_length < 31) {
        const IpAddress last = wire::IpPrefix::Of(wanted.address, wanted.prefix_length).last();
        rtnl_addr_set_broadcast(address.get(), ToNetlink(last, 32).get());
      }
      if (!wanted.address.is_v4()) rtnl_addr_set_flags(address.get(), IFA_F_NODAD);
      const int code = rtnl_addr_add(socket_, address.get(), NLM_F_REPLACE);
      if (code < 0 && code != -NLE_EXIST) {
        return NetlinkError(fmt::format("add the address {}/{} to {}", wanted.address.ToString(),
                                        wanted.prefix_length, plan_.device),
                            code);
      }
    }
    return absl::OkStatus();
  }

  absl::Status SetDefaultRoute(int family, const std::optional<IpAddress>& gateway) {
    // Deleting by device: a route through another device is somebody else's.
    const Route old = DefaultRoute(family, nullptr);
    while (rtnl_route_delete(socket_, old.get(), 0) >= 0) {
    }
    if (!gateway) return absl::OkStatus();
    const Route route = DefaultRoute(family, &*gateway);
    const int code = rtnl_route_add(socket_, route.get(), NLM_F_CREATE | NLM_F_EXCL);
    if (code == -NLE_EXIST) {
      notes_.push_back(
          fmt::format("the namespace keeps its own {} default route; {} reaches its subnet only",
                      family == AF_INET ? "IPv4" : "IPv6", plan_.device));
      return absl::OkStatus();
    }
    return code < 0
               ? NetlinkError(fmt::format("add the default route by {}", gateway->ToString()), code)
               : absl::OkStatus();
  }

  std::vector<std::string> notes() && { return std::move(notes_); }

 private:
  bool IsWanted(rtnl_addr* present) const {
    nl_addr* const local = rtnl_addr_get_local(present);
    const auto address = IpAddress::FromBytes(
        {static_cast<const char*>(nl_addr_get_binary_addr(local)), nl_addr_get_len(local)});
    if (!address) return false;
    // fe80::… is the kernel's: the device needs one to speak neighbour discovery.
    if (!address->is_v4() && address->is_link_local()) return true;
    return std::any_of(plan_.addresses.begin(), plan_.addresses.end(),
                       [&](const InterfaceAddress& wanted) {
                         return wanted.address == *address &&
                                wanted.prefix_length == rtnl_addr_get_prefixlen(present);
                       });
  }

  Route DefaultRoute(int family, const IpAddress* gateway) const {
    constexpr std::uint8_t kAny[16] = {};
    Route route(rtnl_route_alloc());
    const Address destination(nl_addr_build(family, kAny, family == AF_INET ? 4 : 16));
    nl_addr_set_prefixlen(destination.get(), 0);
    rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(family));
    rtnl_route_set_dst(route.get(), destination.get());
    // Stated, because libnl guesses "link" for the route without a gateway that deletes ours.
    rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
    rtnl_nexthop* const hop = rtnl_route_nh_alloc();
    rtnl_route_nh_set_ifindex(hop, index_);
    if (gateway != nullptr) {
      rtnl_route_nh_set_gateway(hop, ToNetlink(*gateway, gateway->is_v4() ? 32 : 128).get());
      if (plan_.gateway_on_link) rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
    }
    rtnl_route_add_nexthop(route.get(), hop);  // takes the hop over
    return route;
  }

  const InterfacePlan& plan_;
  nl_sock* socket_;
  int index_;
  std::vector<std::string> notes_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> ConfigureInterface(const InterfacePlan& plan) {
  const Socket socket(nl_socket_alloc());
  if (const int code = nl_connect(socket.get(), NETLINK_ROUTE); code < 0) {
    return NetlinkError("open a netlink socket", code);
  }
  rtnl_link* raw = nullptr;
  if (const int code = rtnl_link_get_kernel(socket.get(), 0, plan.device.c_str(), &raw); code < 0) {
    return NetlinkError(fmt::format("find the device {}", plan.device), code);
  }
  const Link link(raw);
  Configurer configurer(plan, socket.get(), rtnl_link_get_ifindex(raw));

  ConfigureIpv6(plan);  // before the device is up, so that it never sends a router solicitation
  absl::Status status = configurer.SetLink(raw);
  if (status.ok()) status = configurer.SetAddresses();
  if (status.ok()) status = configurer.SetDefaultRoute(AF_INET, plan.gateway_v4);
  if (status.ok()) status = configurer.SetDefaultRoute(AF_INET6, plan.gateway_v6);
  if (!status.ok()) return status;
  return std::move(configurer).notes();
}

void AllowUnprivilegedPing() { SetSysctl("ipv4/ping_group_range", "0 2147483647"); }

}  // namespace taploom::netns
