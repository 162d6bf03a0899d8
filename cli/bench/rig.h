// Rig: a client and a server in namespaces of their own, and what is measured between them.
//
// Alike in everything but the middle: the same programs, the same offloads, the same addresses at
// the client, the same MTU.
#ifndef TAPLOOM_CLI_BENCH_RIG_H_
#define TAPLOOM_CLI_BENCH_RIG_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace taploom::bench {

// What is the same for every rig of a run.
struct Setup {
  bool ipv6 = false;
  int mtu = 1500;         // of client and server, bytes
  bool io_uring = false;  // the product and its ceiling read and write many frames at a time

  // Nothing larger leaves a VPC: the server is another instance, and nothing is translated.
  bool is_inside() const { return mtu > 1500; }
  const char* client() const { return ipv6 ? "2001:db8:1:2::10" : "10.0.2.10"; }
  const char* server() const;
  // Behind an address of `ip address add DEV`, with its prefix: nobody else has it.
  std::string Address(const std::string& address) const {
    return address + (ipv6 ? "/64 nodad" : "/24");
  }
};

class Rig {
 public:
  virtual ~Rig() = default;  // leaves nothing behind

  const std::string& name() const { return name_; }
  const std::string& server_address() const { return server_address_; }
  virtual int client() const = 0;  // descriptors of the network namespaces
  virtual int server() const = 0;
  // What the processes and threads that forward have used so far; 0 where the kernel does.
  virtual double CpuSeconds() const { return 0; }

 protected:
  Rig(std::string name, std::string server_address)
      : name_(std::move(name)), server_address_(std::move(server_address)) {}

  // Gives the client's and the server's device the MTU of `setup`.
  absl::Status SetMtu(const Setup& setup) const;

 private:
  const std::string name_, server_address_;
};

// The ceiling of this attachment: a loop that reads frames of one TAP and writes them to the other,
// with the same offloads, the same system calls and the same adaptive spinning, and looks at none
// of them.
absl::StatusOr<std::unique_ptr<Rig>> MakeForwarderRig(const Setup& setup);

// The product: a private instance, its security group and ACLs, a NAT gateway, an internet gateway,
// a host of the internet. IPv6 is not translated, and inside the VPC nothing is. `enis`: interfaces
// in all; those beyond the needed ones are idle. Its name is "taploom", followed by what is other
// than the setup says, if something is.
absl::StatusOr<std::unique_ptr<Rig>> MakeFabricRig(const Setup& setup, int enis, bool io_uring);

// Linux as the router: veth pairs, nftables with connection tracking, the equivalent rules, and
// masquerading where the fabric translates.
absl::StatusOr<std::unique_ptr<Rig>> MakeKernelRig(const Setup& setup);

// Open vSwitch's userspace datapath: TAP ports, flows with connection tracking and NAT; with
// userspace TSO (its best for bulk data: docs.openvswitch.org, "Userspace Datapath - TSO") or
// without. kFailedPrecondition when it is not installed.
absl::StatusOr<std::unique_ptr<Rig>> MakeOvsRig(const Setup& setup, bool tso);

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_RIG_H_
