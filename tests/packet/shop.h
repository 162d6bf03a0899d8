// Shop: the three-tier VPC that most packet tests happen in.
//
//   internet: api 198.51.100.7, visitor 198.51.100.8
//      │ igw
//   public 10.0.0.0/24   web 10.0.0.10 = 203.0.113.10, bare 10.0.0.11 (no public address),
//   nat 10.0.0.100 = 203.0.113.100 app    10.0.1.0/24   app 10.0.1.10, app-2 10.0.1.11 0.0.0.0/0 →
//   nat data   10.0.2.0/24   db 10.0.2.10                            no way out
//
//   sg web: 80 from anywhere, everything out        sg app: 8080 from sg web, everything out
//   sg db:  3306 from sg app, nothing out           sg icmp: every ICMP from anywhere
#ifndef TAPLOOM_TESTS_PACKET_SHOP_H_
#define TAPLOOM_TESTS_PACKET_SHOP_H_

#include "tests/support/fabric_fixture.h"

namespace taploom::test {

class Shop : public FabricFixture {
 protected:
  Shop() {
    fabric.Vpc("shop", {"10.0.0.0/16"}).InternetGateway();
    fabric.Group("web", {"in tcp 80 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    fabric.Group("app", {"in tcp 8080 from sg:web", "out all to 0.0.0.0/0"});
    fabric.Group("db", {"in tcp 3306 from sg:app"});
    fabric.Group("icmp", {"in icmp from 0.0.0.0/0"});
    fabric.Subnet("public", {"10.0.0.0/24"})
        .Subnet("app", {"10.0.1.0/24"})
        .Subnet("data", {"10.0.2.0/24"});
    fabric.Eni("web", "public", {"10.0.0.10 = 203.0.113.10"}, {"web"});
    fabric.Eni("bare", "public", {"10.0.0.11"}, {"web"});
    fabric.Eni("app", "app", {"10.0.1.10"}, {"app"});
    fabric.Eni("app-2", "app", {"10.0.1.11"}, {"app"});
    fabric.Eni("db", "data", {"10.0.2.10"}, {"db"});
    fabric.NatGateway("nat", "public", {"10.0.0.100 = 203.0.113.100"});
    fabric.InternetHost("api", {"198.51.100.7"}).InternetHost("visitor", {"198.51.100.8"});
    fabric.Route("public", "0.0.0.0/0 igw").Route("app", "0.0.0.0/0 nat:nat");
    Publish();
  }
};

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_PACKET_SHOP_H_
