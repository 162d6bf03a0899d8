#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

#include "cli/bench/program.h"
#include "cli/bench/rig.h"
#include "cli/bench/temp_folder.h"
#include "control/netns/network_namespace.h"
#include "control/process/sibling.h"

namespace taploom::bench {
namespace {

using process::UniqueFd;

constexpr std::chrono::seconds kUpPatience{60};
constexpr int kNeededEnis = 3;  // the client, the NAT gateway, the host of the internet

std::string IdleInstances(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += fmt::format("  idle-{}: {{subnet: idle, security_groups: [client]}}\n", i);
  }
  return text;
}

std::string TopologyText(const std::string& name, const Setup& setup, int idle) {
  return fmt::format(R"(name: {}
vpcs:
  main:
    cidr: 10.0.0.0/16
    ipv6_cidr: "2001:db8:1::/56"
    internet_gateway: igw
    subnets:
      public: {{cidr: 10.0.1.0/24, route_table: public, acl: both-ways}}
      private: {{cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:1:2::/64", route_table: private, acl: both-ways}}
      beside: {{cidr: 10.0.3.0/24, ipv6_cidr: "2001:db8:1:3::/64", acl: both-ways}}
      idle: {{cidr: 10.0.16.0/20}}
    nat_gateways:
      nat: {{subnet: public, elastic_ip: 203.0.113.10}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
      private: {{routes: [{{to: 0.0.0.0/0, via: nat}}, {{to: "::/0", via: igw}}]}}
    network_acls:
      both-ways:
        ingress:
          - {{rule: 100, action: allow, protocol: all, cidr: 0.0.0.0/0}}
          - {{rule: 101, action: allow, protocol: all, cidr: "::/0"}}
        egress:
          - {{rule: 100, action: allow, protocol: all, cidr: 0.0.0.0/0}}
          - {{rule: 101, action: allow, protocol: all, cidr: "::/0"}}
    security_groups:
      client:
        egress:
          - {{protocol: tcp, ports: 0-65535, to: [0.0.0.0/0, "::/0"]}}
          - {{protocol: udp, ports: 0-65535, to: [0.0.0.0/0, "::/0"]}}
          - {{protocol: icmp, to: 0.0.0.0/0}}
      server:
        ingress:
          - {{protocol: tcp, ports: 0-65535, from: sg:client}}
          - {{protocol: udp, ports: 0-65535, from: sg:client}}
instances:
  client: {{subnet: private, private_ip: 10.0.2.10, ipv6: "2001:db8:1:2::10", security_groups: [client]}}
{}{})",
                     name, IdleInstances(idle),
                     setup.is_inside() ? "  server: {subnet: beside, private_ip: 10.0.3.20, ipv6: "
                                         "\"2001:db8:1:3::20\", security_groups: [server]}\n"
                                       : fmt::format("internet: {{hosts: {{server: {{address: "
                                                     "\"{}\"}}}}}}\n",
                                                     setup.server()));
}

double CpuSecondsOf(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(file, text);
  // After the name, which may contain anything: state is field 3, utime 14, stime 15 (proc(5)).
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  double user = 0, system = 0;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

class FabricRig : public Rig {
 public:
  FabricRig(std::string name, const Setup& setup, std::string fabric)
      : Rig(std::move(name), setup.server()), setup_(setup), fabric_(std::move(fabric)) {}
  ~FabricRig() override {
    client_.reset();
    server_.reset();
    Run(-1, {process::SiblingExecutable("taploom"), "down", fabric_}, kUpPatience,
        OnInterrupt::kFinish)
        .status()
        .IgnoreError();
  }

  absl::Status Up(int idle, bool io_uring) {
    const auto folder = TempFolder::Make();
    if (!folder.ok()) return folder.status();
    const std::filesystem::path file = (*folder)->path() / "topology.yaml";
    std::ofstream(file) << TopologyText(fabric_, setup_, idle);
    const std::string taploom = process::SiblingExecutable("taploom");
    const absl::Status up =
        // With one worker, as the forwarders beside it have one thread.
        Run(-1,
            {taploom, "up", file.string(), "--io", io_uring ? "io_uring" : "read-write",
             "--workers", "1"},
            kUpPatience)
            .status();
    if (!up.ok()) return up;
    if (absl::Status found = FindProcesses(taploom, io_uring); !found.ok()) return found;
    for (const auto& [node, fd] : {std::pair{"client", &client_}, {"server", &server_}}) {
      auto opened =
          netns::OpenNamespace(netns::NamespacePath(fmt::format("tl-{}-{}", fabric_, node)));
      if (!opened.ok()) return opened.status();
      *fd = *std::move(opened);
    }
    return SetMtu(setup_);
  }

  int client() const override { return client_.get(); }
  int server() const override { return server_.get(); }
  double CpuSeconds() const override {
    double seconds = 0;
    for (const pid_t pid : processes_) seconds += CpuSecondsOf(pid);
    return seconds;
  }

 private:
  absl::Status FindProcesses(const std::string& taploom, bool io_uring) {
    const auto listed = Run(-1, {taploom, "ls", "-o", "json"}, kUpPatience);
    if (!listed.ok()) return listed.status();
    const nlohmann::json fabrics = nlohmann::json::parse(*listed, nullptr, false);
    for (const nlohmann::json& each : fabrics) {
      if (each.value("name", "") != fabric_) continue;
      processes_ = {each["control_pid"].get<pid_t>(), each["dataplane_pid"].get<pid_t>()};
      if (each["io"] == (io_uring ? "io_uring" : "read-write")) return absl::OkStatus();
      return absl::FailedPreconditionError("io_uring does not work here; see taploom doctor");
    }
    return absl::InternalError(fmt::format("taploom ls does not know {}: {}", fabric_, *listed));
  }

  const Setup setup_;
  const std::string fabric_;
  std::vector<pid_t> processes_;
  UniqueFd client_, server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Rig>> MakeFabricRig(const Setup& setup, int enis, bool io_uring) {
  const bool crowded = enis > kNeededEnis;
  std::string name = "taploom", suffix;
  if (crowded) name += fmt::format(", {} ENIs", enis), suffix += "-crowd";
  if (io_uring != setup.io_uring) {
    name += io_uring ? ", io_uring" : ", read-write";
    suffix += "-io";
  }
  auto rig = std::make_unique<FabricRig>(std::move(name), setup,
                                         fmt::format("tlbench-{}{}", getpid(), suffix));
  const absl::Status up = rig->Up(crowded ? enis - kNeededEnis : 0, io_uring);
  if (!up.ok()) return up;
  return rig;
}

}  // namespace taploom::bench
