#include <fmt/format.h>

#include <utility>

#include "cli/bench/lab_namespace.h"
#include "cli/bench/rig.h"

namespace taploom::bench {
namespace {

// What the fabric's groups and ACLs say: the subnet's stateless ACL in both directions, then the
// client's stateful group, then translation.
constexpr const char* kRules = R"(nft -f - <<'RULES'
table ip bench {
  chain acl {
    type filter hook prerouting priority raw; policy drop;
    iifname "inside" ip saddr 10.0.0.0/16 accept
    iifname "outside" ip saddr 0.0.0.0/0 accept
  }
  chain group {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "inside" meta l4proto { tcp, udp, icmp } accept
  }
  chain translate {
    type nat hook postrouting priority srcnat;
    oifname "outside" masquerade
  }
}
RULES)";

class KernelRig : public Rig {
 public:
  KernelRig(LabNamespace client, LabNamespace router, LabNamespace server)
      : Rig("kernel router", kFarServer),
        client_(std::move(client)),
        router_(std::move(router)),
        server_(std::move(server)) {}

  int client() const override { return client_.fd(); }
  int server() const override { return server_.fd(); }

  absl::Status Connect() const {
    absl::Status status = router_.Shell(fmt::format(
        "ip link add inside type veth peer name eth0 netns {}\n"
        "ip link add outside type veth peer name eth0 netns {}\n"
        "ip address add 10.0.2.1/24 dev inside; ip address add 198.51.100.1/24 dev outside\n"
        "ip link set inside up; ip link set outside up\n"
        "echo 1 >/proc/sys/net/ipv4/ip_forward\n{}",
        client_.name(), server_.name(), kRules));
    if (!status.ok()) return status;
    status = client_.Shell(
        "ip address add 10.0.2.10/24 dev eth0; ip link set eth0 up; ip route add default via "
        "10.0.2.1");
    if (!status.ok()) return status;
    return server_.Shell(
        fmt::format("ip address add {}/24 dev eth0; ip link set eth0 up", kFarServer));
  }

 private:
  LabNamespace client_, router_, server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Rig>> MakeKernelRig() {
  auto client = LabNamespace::Make("kernel-client");
  if (!client.ok()) return client.status();
  auto router = LabNamespace::Make("kernel-router");
  if (!router.ok()) return router.status();
  auto server = LabNamespace::Make("kernel-server");
  if (!server.ok()) return server.status();
  auto rig =
      std::make_unique<KernelRig>(*std::move(client), *std::move(router), *std::move(server));
  if (absl::Status status = rig->Connect(); !status.ok()) return status;
  return rig;
}

}  // namespace taploom::bench
