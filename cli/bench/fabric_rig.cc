#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

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

std::string TopologyText(const std::string& name, int idle) {
  return fmt::format(R"(name: {}
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public: {{cidr: 10.0.1.0/24, route_table: public, acl: both-ways}}
      private: {{cidr: 10.0.2.0/24, route_table: private, acl: both-ways}}
      idle: {{cidr: 10.0.16.0/20}}
    nat_gateways:
      nat: {{subnet: public, elastic_ip: 203.0.113.10}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
      private: {{routes: [{{to: 0.0.0.0/0, via: nat}}]}}
    network_acls:
      both-ways:
        ingress: [{{rule: 100, action: allow, protocol: all, cidr: 0.0.0.0/0}}]
        egress: [{{rule: 100, action: allow, protocol: all, cidr: 0.0.0.0/0}}]
    security_groups:
      client:
        egress:
          - {{protocol: tcp, ports: 0-65535, to: 0.0.0.0/0}}
          - {{protocol: udp, ports: 0-65535, to: 0.0.0.0/0}}
          - {{protocol: icmp, to: 0.0.0.0/0}}
instances:
  client: {{subnet: private, private_ip: 10.0.2.10, security_groups: [client]}}
{}internet:
  hosts:
    server: {{address: {}}}
)",
                     name, IdleInstances(idle), kFarServer);
}

class FabricRig : public Rig {
 public:
  FabricRig(std::string name, std::string fabric)
      : Rig(std::move(name), kFarServer), fabric_(std::move(fabric)) {}
  ~FabricRig() override {
    client_.reset();
    server_.reset();
    Run(-1, {process::SiblingExecutable("taploom"), "down", fabric_}, kUpPatience,
        OnInterrupt::kFinish)
        .status()
        .IgnoreError();
  }

  absl::Status Up(int idle) {
    const auto folder = TempFolder::Make();
    if (!folder.ok()) return folder.status();
    const std::filesystem::path file = (*folder)->path() / "topology.yaml";
    std::ofstream(file) << TopologyText(fabric_, idle);
    const absl::Status up =
        Run(-1, {process::SiblingExecutable("taploom"), "up", file.string()}, kUpPatience).status();
    if (!up.ok()) return up;
    for (const auto& [node, fd] : {std::pair{"client", &client_}, {"server", &server_}}) {
      auto opened =
          netns::OpenNamespace(netns::NamespacePath(fmt::format("tl-{}-{}", fabric_, node)));
      if (!opened.ok()) return opened.status();
      *fd = *std::move(opened);
    }
    return absl::OkStatus();
  }

  int client() const override { return client_.get(); }
  int server() const override { return server_.get(); }

 private:
  const std::string fabric_;
  UniqueFd client_, server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Rig>> MakeFabricRig(int enis) {
  const bool crowded = enis > kNeededEnis;
  auto rig = std::make_unique<FabricRig>(
      crowded ? fmt::format("taploom, {} ENIs", enis) : std::string("taploom"),
      fmt::format("tlbench-{}{}", getpid(), crowded ? "-crowd" : ""));
  const absl::Status up = rig->Up(crowded ? enis - kNeededEnis : 0);
  if (!up.ok()) return up;
  return rig;
}

}  // namespace taploom::bench
