// Rig: a client and a server in namespaces of their own, and what is measured between them.
//
// Alike in everything but the middle: the same programs, the same offloads, the same addresses at
// the client.
#ifndef TAPLOOM_CLI_BENCH_RIG_H_
#define TAPLOOM_CLI_BENCH_RIG_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace taploom::bench {

class Rig {
 public:
  virtual ~Rig() = default;  // leaves nothing behind

  const std::string& name() const { return name_; }
  const std::string& server_address() const { return server_address_; }
  virtual int client() const = 0;  // descriptors of the network namespaces
  virtual int server() const = 0;

 protected:
  Rig(std::string name, std::string server_address)
      : name_(std::move(name)), server_address_(std::move(server_address)) {}

 private:
  const std::string name_, server_address_;
};

// The server of a rig whose client reaches it through a router.
inline constexpr const char* kFarServer = "198.51.100.7";

// The ceiling of this attachment: a loop that reads frames of one TAP and writes them to the other,
// with the same offloads and the same adaptive spinning, and looks at none of them.
absl::StatusOr<std::unique_ptr<Rig>> MakeForwarderRig();

// The product: a private instance, its security group and ACLs, a NAT gateway, an internet gateway,
// a host of the internet. `enis`: interfaces in all; those beyond the needed ones are idle.
absl::StatusOr<std::unique_ptr<Rig>> MakeFabricRig(int enis);

// Linux as the router: veth pairs, nftables with connection tracking, the equivalent rules, and
// masquerading.
absl::StatusOr<std::unique_ptr<Rig>> MakeKernelRig();

// Open vSwitch's userspace datapath at its best for bulk data: TAP ports, userspace TSO, flows with
// connection tracking and NAT (docs.openvswitch.org, "Userspace Datapath - TSO").
// kFailedPrecondition when it is not installed.
absl::StatusOr<std::unique_ptr<Rig>> MakeOvsRig();

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_RIG_H_
