#include "dataplane/tables/ownership.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "dataplane/tables/snapshot.h"
#include "tests/support/fabric_builder.h"

namespace taploom::tables {
namespace {

constexpr std::uint32_t kWorkers = 16;  // few pairs share an owner by chance

wire::IpAddress Address(const std::string& text) { return *wire::IpAddress::Parse(text); }

// Two peered VPCs, each with NAT gateways, and the internet.
class OwnershipTest : public testing::Test {
 protected:
  OwnershipTest() {
    fabric_.Vpc("red", {"10.0.0.0/16", "10.2.0.0/16", "2001:db8:1::/56"}).InternetGateway();
    fabric_.Group("open", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    fabric_.Subnet("red-public", {"10.0.0.0/24"}).Route("red-public", "0.0.0.0/0 igw");
    fabric_.Subnet("red-app", {"10.2.1.0/24"});
    fabric_.Eni("web", "red-public", {"10.0.0.10 = 203.0.113.10"}, {"open"});
    fabric_.Eni("app", "red-app", {"10.2.1.10"}, {"open"});
    fabric_.NatGateway("nat", "red-public", {"10.0.0.100 = 203.0.113.100"});
    fabric_.Route("red-app", "0.0.0.0/0 nat:nat");
    fabric_.Vpc("blue", {"10.1.0.0/16", "2001:db8:2::/56"});
    fabric_.Peering("pcx", "red", "blue");
    fabric_.InternetHost("host", {"198.51.100.7"});
  }

  std::uint32_t Owner(const std::string& one, const std::string& other) {
    if (snapshot_ == nullptr) snapshot_ = fabric_.Build();
    const std::uint32_t owner = snapshot_->OwnerOf(Address(one), Address(other), kWorkers);
    EXPECT_EQ(owner, snapshot_->OwnerOf(Address(other), Address(one), kWorkers))
        << one << " and " << other << ": the answer has another owner";
    EXPECT_LT(owner, kWorkers);
    return owner;
  }
  // How many different owners the address has together with the hosts of a /24.
  std::size_t OwnersWith(const std::string& one, const std::string& block) {
    std::set<std::uint32_t> owners;
    for (int i = 1; i < 255; ++i) owners.insert(Owner(one, block + std::to_string(i)));
    return owners.size();
  }
  bool IsOfFirstWorker() { return fabric_.Build()->ownership.is_of_first_worker(); }

  test::FabricBuilder fabric_;
  std::shared_ptr<const Snapshot> snapshot_;
};

TEST_F(OwnershipTest, WhatGoesToTheInternetBelongsToItsHost) {
  const std::uint32_t owner = Owner("10.2.1.10", "198.51.100.7");
  EXPECT_EQ(Owner("203.0.113.100", "198.51.100.7"), owner) << "as it leaves the NAT gateway";
  EXPECT_EQ(Owner("10.0.0.10", "198.51.100.7"), owner);
  EXPECT_EQ(Owner("203.0.113.10", "198.51.100.7"), owner) << "as it leaves the internet gateway";
  EXPECT_EQ(OwnersWith("10.2.1.10", "198.51.100."), kWorkers) << "hosts are spread";
  EXPECT_EQ(OwnersWith("2001:db8:1::10", "2001:db8:ffff::"), kWorkers);
}

TEST_F(OwnershipTest, WhatStaysInAVpcBelongsToItsTwoAddresses) {
  EXPECT_EQ(OwnersWith("10.0.0.10", "10.2.1."), kWorkers) << "in two blocks of one VPC";
  EXPECT_EQ(OwnersWith("10.0.0.10", "10.0.0."), kWorkers);
}

TEST_F(OwnershipTest, WhatGoesFromVpcToVpcBelongsToTheTwoVpcs) {
  const std::uint32_t owner = Owner("10.2.1.10", "10.1.0.5");
  EXPECT_EQ(Owner("10.0.0.100", "10.1.0.5"), owner) << "as it leaves the NAT gateway";
  EXPECT_EQ(OwnersWith("10.2.1.10", "10.1.7."), 1u);
  EXPECT_EQ(OwnersWith("2001:db8:1::10", "2001:db8:2::"), kWorkers) << "nothing translates IPv6";
}

TEST_F(OwnershipTest, WhatNamesAPublicAddressFromInsideBelongsToTheFirst) {
  EXPECT_EQ(Owner("10.2.1.10", "203.0.113.10"), 0u);
  EXPECT_EQ(Owner("203.0.113.100", "10.0.0.10"), 0u) << "the same behind both gateways";
  EXPECT_EQ(Owner("203.0.113.100", "203.0.113.10"), 0u) << "and between them";
}

TEST_F(OwnershipTest, OneWorkerOwnsEverything) {
  const auto snapshot = fabric_.Build();
  EXPECT_EQ(snapshot->OwnerOf(Address("10.0.0.10"), Address("198.51.100.7"), 1), 0u);
  EXPECT_EQ(Snapshot().OwnerOf(Address("10.0.0.10"), Address("198.51.100.7"), 7), 0u);
}

TEST_F(OwnershipTest, VpcsThatAreNotToldApartByTheirAddressesCountAsOne) {
  fabric_.Vpc("green", {"10.2.0.0/17", "10.9.0.0/16"});  // within a block of red's
  EXPECT_FALSE(IsOfFirstWorker());
  EXPECT_EQ(OwnersWith("10.9.0.1", "10.2.1."), kWorkers);
  EXPECT_EQ(Owner("10.9.0.1", "10.1.0.5"), Owner("10.0.0.1", "10.1.0.5"));
  fabric_.Vpc("yellow", {"10.9.0.0/17"}).Peering("odd", "yellow", "red");
  EXPECT_TRUE(IsOfFirstWorker()) << "a NAT gateway may stand between two VPCs that count as one";
}

TEST_F(OwnershipTest, AFabricWithoutTheseDistinctionsBelongsToTheFirst) {
  EXPECT_FALSE(IsOfFirstWorker());
  fabric_.Route("red-app", "10.0.0.0/24 nat:nat");
  EXPECT_TRUE(IsOfFirstWorker()) << "a NAT gateway translates within its VPC";
  fabric_.RemoveRoute("red-app", "10.0.0.0/24");
  EXPECT_FALSE(IsOfFirstWorker());
  fabric_.InternetHost("odd", {"10.1.0.77"});
  EXPECT_TRUE(IsOfFirstWorker()) << "an internet host's address lies in a VPC";
}

TEST_F(OwnershipTest, APublicAddressInAVpcsBlockLeavesEverythingToTheFirst) {
  fabric_.Vpc("odd", {"203.0.0.0/16"});
  EXPECT_TRUE(IsOfFirstWorker());
}

}  // namespace
}  // namespace taploom::tables
