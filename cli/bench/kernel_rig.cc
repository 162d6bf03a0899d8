#include <fmt/format.h>

#include <utility>

#include "cli/bench/lab_namespace.h"
#include "cli/bench/rig.h"

namespace taploom::bench {
namespace {

// What the fabric's groups and ACLs say: the subnet's stateless ACL in both directions, then the
// client's stateful group, then translation where there is one.
std::string Rules(const Setup& setup) {
  return fmt::format(
      R"(nft -f - <<'RULES'
table {0} bench {{
  chain acl {{
    type filter hook prerouting priority raw; policy drop;
    iifname "inside" {0} saddr {1} accept
    iifname "outside" {0} saddr {2} accept
{4}  }}
  chain group {{
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "inside" meta l4proto {{ tcp, udp, {5} }} accept
  }}
{3}}}
RULES)",
      setup.ipv6 ? "ip6" : "ip", setup.ipv6 ? "2001:db8:1::/56" : "10.0.0.0/16",
      setup.ipv6 ? "::/0" : "0.0.0.0/0",
      setup.ipv6 || setup.is_inside()
          ? ""
          : "  chain translate {\n    type nat hook postrouting priority srcnat;\n"
            "    oifname \"outside\" masquerade\n  }\n",
      setup.ipv6 ? "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n" : "",
      setup.ipv6 ? "icmpv6" : "icmp");
}

class KernelRig : public Rig {
 public:
  KernelRig(const Setup& setup, LabNamespace client, LabNamespace router, LabNamespace server)
      : Rig("kernel router", setup.server()),
        setup_(setup),
        client_(std::move(client)),
        router_(std::move(router)),
        server_(std::move(server)) {}

  int client() const override { return client_.fd(); }
  int server() const override { return server_.fd(); }

  absl::Status Connect() const {
    const std::string inside = setup_.ipv6 ? "2001:db8:1:2::1" : "10.0.2.1";
    const std::string outside = Gateway(setup_.server());
    absl::Status status =
        router_.Shell(fmt::format("ip link add inside mtu {4} type veth peer name eth0 netns {0}\n"
                                  "ip link add outside mtu {4} type veth peer name eth0 netns {1}\n"
                                  "ip address add dev inside {2}; ip address add dev outside {3}\n"
                                  "ip link set inside up; ip link set outside up\n"
                                  "echo 1 >/proc/sys/net/ipv4/ip_forward\n"
                                  "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\n{5}",
                                  client_.name(), server_.name(), setup_.Address(inside),
                                  setup_.Address(outside), setup_.mtu, Rules(setup_)));
    if (!status.ok()) return status;
    status = AddressEnd(client_, setup_.client(), inside);
    if (status.ok()) status = AddressEnd(server_, setup_.server(), outside);
    return status.ok() ? SetMtu(setup_) : status;
  }

 private:
  // The router's address in the prefix of `address`.
  static std::string Gateway(const std::string& address) {
    return address.substr(0, address.find_last_of(".:") + 1) + "1";
  }

  absl::Status AddressEnd(const LabNamespace& end, const std::string& address,
                          const std::string& gateway) const {
    return end.Shell(
        fmt::format("ip address add dev eth0 {}; ip link set eth0 up; ip route add default via {}",
                    setup_.Address(address), gateway));
  }

  const Setup setup_;
  LabNamespace client_, router_, server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Rig>> MakeKernelRig(const Setup& setup) {
  auto client = LabNamespace::Make("kernel-client");
  if (!client.ok()) return client.status();
  auto router = LabNamespace::Make("kernel-router");
  if (!router.ok()) return router.status();
  auto server = LabNamespace::Make("kernel-server");
  if (!server.ok()) return server.status();
  auto rig = std::make_unique<KernelRig>(setup, *std::move(client), *std::move(router),
                                         *std::move(server));
  if (absl::Status status = rig->Connect(); !status.ok()) return status;
  return rig;
}

}  // namespace taploom::bench
