// The fabric that hostile frames are sent into: everything a frame can meet, and a bystander's flow
// that must not notice.
#ifndef TAPLOOM_TESTS_FUZZ_HOSTILE_FABRIC_H_
#define TAPLOOM_TESTS_FUZZ_HOSTILE_FABRIC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/fabric_builder.h"
#include "tests/support/packet_builder.h"

namespace taploom::test {

class HostileFabric : public FabricBuilder {
 public:
  HostileFabric() {
    Vpc("shop", {"10.0.0.0/16", "2001:db8::/56"}).InternetGateway();
    Group("open",
          {"in all from 0.0.0.0/0", "in all from ::/0", "out all to 0.0.0.0/0", "out all to ::/0"});
    Subnet("public", {"10.0.0.0/24", "2001:db8:0:0::/64"})
        .Subnet("app", {"10.0.1.0/24", "2001:db8:0:1::/64"});
    Eni("attacker", "app", {"10.0.1.10", "2001:db8:0:1::10"}, {"open"},
        {.source_dest_check = false});
    Eni("victim", "app", {"10.0.1.11", "2001:db8:0:1::11"}, {"open"});
    Eni("web", "public", {"10.0.0.10 = 203.0.113.10", "2001:db8::10"}, {"open"});
    Eni("bystander", "public", {"10.0.0.11"}, {"open"});
    NatGateway("nat", "public", {"10.0.0.100 = 203.0.113.100"});
    NatGateway("nat-on-link", "app", {"10.0.1.100 = 203.0.113.101"});
    InternetHost("outside", {"198.51.100.7", "2001:db8:ffff::7"});
    Route("public", "0.0.0.0/0 igw").Route("public", "::/0 igw").Route("app", "0.0.0.0/0 nat:nat");
  }
};

// Good frames of every kind, to be damaged: from the attacker's port.
inline std::vector<Frame> SeedFrames(const FabricBuilder& fabric) {
  const auto addressed = [&](PacketBuilder packet) {
    return packet.From(fabric.mac("attacker")).To(fabric.router_mac("attacker"));
  };
  const std::string me = "10.0.1.10", me6 = "2001:db8:0:1::10";
  std::vector<Frame> frames;
  for (const std::string& target :
       {std::string("198.51.100.7"), std::string("10.0.0.10"), std::string("203.0.113.10")}) {
    frames.push_back(addressed(Tcp(me + ":4000", target + ":80")).Build());
    frames.push_back(addressed(Tcp(me + ":4000", target + ":80", "A").Payload(1000)).Build());
    frames.push_back(
        addressed(Tcp(me + ":4000", target + ":80", "A").Payload(40'000).Gso(1400)).Build());
    frames.push_back(addressed(Udp(me + ":4000", target + ":53").Payload(100)).Build());
    frames.push_back(
        addressed(Udp(me + ":4000", target + ":53").Payload(3000).Slice(0, 1480)).Build());
    frames.push_back(
        addressed(Udp(me + ":4000", target + ":53").Payload(3000).Slice(1480, 1480)).Build());
    frames.push_back(addressed(Udp(me + ":4000", target + ":53").Payload(4000)).Build());
    frames.push_back(addressed(Echo(me, target)).Build());
    const Frame sent = addressed(Tcp(target + ":80", me + ":4000", "A")).Build();
    frames.push_back(addressed(IcmpError(me, target, 3, 3).Quoting(sent.bytes)).Build());
    frames.push_back(addressed(IcmpError(me, target, 3, 4).Quoting(sent.bytes, 28)).Build());
  }
  frames.push_back(
      addressed(Udp(me + ":4000", "10.0.0.2:53").Payload({0, 1, 1,   0,   0,   1, 0, 0, 0, 0, 0,
                                                          0, 3, 'w', 'e', 'b', 0, 0, 1, 0, 1}))
          .Build());
  frames.push_back(addressed(Tcp("[" + me6 + "]:4000", "[2001:db8::10]:80")).Build());
  frames.push_back(addressed(Udp("[" + me6 + "]:4000", "[2001:db8::10]:53").Payload(64)).Build());
  frames.push_back(addressed(Echo(me6, "2001:db8:ffff::7")).Build());
  // Straight to a gateway's own MAC, as only its neighbours can.
  const wire::MacAddress gateway = fabric.mac("nat-on-link");
  frames.push_back(addressed(Echo(me, "10.0.1.100")).To(gateway).Build());
  frames.push_back(addressed(Tcp(me + ":4000", "198.51.100.7:80")).To(gateway).Build());
  frames.push_back(ArpRequest(fabric.mac("attacker"), me, "10.0.1.1"));
  frames.push_back(NeighborSolicitation(fabric.mac("attacker"), me6, "2001:db8:0:1::1"));
  return frames;
}

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_FUZZ_HOSTILE_FABRIC_H_
