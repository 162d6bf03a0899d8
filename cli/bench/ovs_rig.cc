#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <utility>
#include <vector>

#include "cli/bench/lab_namespace.h"
#include "cli/bench/program.h"
#include "cli/bench/rig.h"
#include "cli/bench/temp_folder.h"

namespace taploom::bench {
namespace {

constexpr std::chrono::seconds kOvsPatience{20};

// Built with DPDK, which is what lets it segment in user space; DPDK itself is never initialised.
constexpr const char* kSwitchProgram = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk";
constexpr const char* kSchema = "/usr/share/openvswitch/vswitch.ovsschema";

constexpr const char* kClientMac = "02:00:00:00:00:01";
constexpr const char* kServerMac = "02:00:00:00:00:02";
constexpr const char* kRouterMac = "02:00:00:00:00:03";

// Port 1 is the client's, port 2 the server's. The client's group, tracked; source NAT on the way
// out; nothing unasked on the way in.
std::string Flows(const Setup& setup) {
  const std::string to_server =
      fmt::format("mod_dl_src:{},mod_dl_dst:{},dec_ttl,output:2", kRouterMac, kServerMac);
  const std::string to_client =
      fmt::format("mod_dl_src:{},mod_dl_dst:{},dec_ttl,output:1", kRouterMac, kClientMac);
  const bool translates = !setup.ipv6 && !setup.is_inside();
  const std::string family = setup.ipv6 ? "ipv6" : "ip";
  std::string flows = fmt::format(
      "table=0,in_port=1,{0},{1},actions=ct(zone=1{2},table=1)\n"
      "table=0,in_port=2,{0},actions=ct(zone=1{2},table=2)\n"
      "table=0,priority=0,actions=drop\n",
      family, setup.ipv6 ? "ipv6_src=2001:db8:1::/56" : "nw_src=10.0.0.0/16",
      translates ? ",nat" : "");
  flows += fmt::format("table=1,ct_state=+trk+est,{},actions={}\n", family, to_server);
  for (const char* protocol : {"tcp", "udp", "icmp"}) {
    flows +=
        fmt::format("table=1,ct_state=+trk+new,{}{},actions=ct(commit,zone=1{}),{}\n", protocol,
                    setup.ipv6 ? "6" : "", translates ? ",nat(src=203.0.113.10)" : "", to_server);
  }
  flows += fmt::format("table=2,ct_state=+trk+est,{},actions={}\n", family, to_client);
  flows += fmt::format("table=2,ct_state=+trk+rel,{},actions={}\n", family, to_client);
  return flows;
}

class OvsRig : public Rig {
 public:
  OvsRig(const Setup& setup, bool tso, LabNamespace switch_space, LabNamespace client,
         LabNamespace server, std::unique_ptr<TempFolder> folder)
      : Rig(tso ? "Open vSwitch" : "Open vSwitch, no TSO", setup.server()),
        setup_(setup),
        tso_(tso),
        switch_(std::move(switch_space)),
        client_(std::move(client)),
        server_(std::move(server)),
        folder_(std::move(folder)) {}
  ~OvsRig() override {
    for (const char* daemon : {"vswitchd", "db"}) {
      const std::string stop = fmt::format(
          "pid=$(cat {}/{}.pid 2>/dev/null) || exit 0; kill $pid; tail --pid=$pid -f /dev/null",
          Path(), daemon);
      Run(-1, {"sh", "-c", stop}, kOvsPatience, OnInterrupt::kFinish).status().IgnoreError();
    }
  }

  absl::Status Connect() const {
    const std::string line = fmt::format(
        R"(cd {0}; export OVS_RUNDIR={0}
ovsdb-tool create conf.db {1}
ovsdb-server conf.db --remote=punix:{0}/db.sock --pidfile={0}/db.pid --log-file={0}/db.log --unixctl={0}/db.ctl --detach
vsctl="ovs-vsctl --db=unix:{0}/db.sock"
$vsctl --no-wait init -- set Open_vSwitch . other_config:userspace-tso-enable={9}
{2} unix:{0}/db.sock --pidfile={0}/vswitchd.pid --log-file={0}/vswitchd.log --unixctl={0}/vswitchd.ctl --detach
$vsctl add-br {3} -- set bridge {3} datapath_type=netdev fail_mode=secure
$vsctl add-port {3} {3}i -- set interface {3}i type=internal ofport_request=1 -- add-port {3} {3}o -- set interface {3}o type=internal ofport_request=2
ovs-ofctl add-flows {3} - <<'FLOWS'
{4}FLOWS
ip link set {3}i netns {5} name eth0 address {6}
ip link set {3}o netns {7} name eth0 address {8}
)",
        Path(), kSchema, kSwitchProgram, fmt::format("ovs{}{}", tso_ ? 't' : 'p', getpid()),
        Flows(setup_), client_.name(), kClientMac, server_.name(), kServerMac, tso_);
    absl::Status status = Run(switch_.fd(), {"bash", "-ec", line}, kOvsPatience).status();
    if (!status.ok()) return status;
    status = AddressEnd(client_, setup_.client());
    if (status.ok()) status = AddressEnd(server_, setup_.server());
    return status.ok() ? SetMtu(setup_) : status;
  }

  int client() const override { return client_.fd(); }
  int server() const override { return server_.fd(); }

 private:
  std::string Path() const { return folder_->path().string(); }

  // Its router answers no ARP.
  absl::Status AddressEnd(const LabNamespace& end, const std::string& address) const {
    const std::string gateway = address.substr(0, address.find_last_of(".:") + 1) + "1";
    return end.Shell(
        fmt::format("ip address add dev eth0 {}; ip link set eth0 up\n"
                    "ip neigh add {} lladdr {} dev eth0 nud permanent; ip route add default via {}",
                    setup_.Address(address), gateway, kRouterMac, gateway));
  }

  const Setup setup_;
  const bool tso_;

  // The switch has one of its own: every userspace datapath makes a device of the same name.
  LabNamespace switch_, client_, server_;
  std::unique_ptr<TempFolder> folder_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Rig>> MakeOvsRig(const Setup& setup, bool tso) {
  if (access(kSwitchProgram, X_OK) != 0) {
    return absl::FailedPreconditionError(
        fmt::format("there is no {} (packages openvswitch-switch and openvswitch-switch-dpdk)",
                    kSwitchProgram));
  }
  auto switch_space = LabNamespace::Make(tso ? "ovs-switch" : "ovs-plain-switch");
  if (!switch_space.ok()) return switch_space.status();
  auto client = LabNamespace::Make(tso ? "ovs-client" : "ovs-plain-client");
  if (!client.ok()) return client.status();
  auto server = LabNamespace::Make(tso ? "ovs-server" : "ovs-plain-server");
  if (!server.ok()) return server.status();
  auto folder = TempFolder::Make();
  if (!folder.ok()) return folder.status();
  auto rig = std::make_unique<OvsRig>(setup, tso, *std::move(switch_space), *std::move(client),
                                      *std::move(server), *std::move(folder));
  if (absl::Status status = rig->Connect(); !status.ok()) return status;
  return rig;
}

}  // namespace taploom::bench
