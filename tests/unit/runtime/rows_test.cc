#include "control/runtime/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/lower.h"
#include "control/validate.h"

namespace taploom::runtime {
namespace {

using ::testing::HasSubstr;

constexpr char kTopology[] = R"YAML(
name: shop
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public-a: {cidr: 10.0.1.0/24, route_table: public}
    nat_gateways:
      nat-a: {subnet: public-a, elastic_ip: 203.0.113.10}
    route_tables:
      public: {routes: [{to: 0.0.0.0/0, via: igw}, {to: 192.0.2.0/24, via: blackhole}]}
    security_groups:
      web: {ingress: [{protocol: tcp, ports: 8000-8010, from: sg:web}, {protocol: icmp, type: 8, code: 0, from: 10.0.0.0/16}]}
instances:
  web-1: {subnet: public-a, private_ip: 10.0.1.50, security_groups: [web], elastic_ip: 203.0.113.50}
internet:
  hosts: {client: {address: 1.2.3.4}}
)YAML";

class RowsTest : public ::testing::Test {
 protected:
  RowsTest() {
    const control::LoadResult loaded = control::LoadTopology(kTopology);
    if (!loaded.valid) throw std::runtime_error(control::FormatFindings(loaded.findings, "shop"));
    control::Allocations allocations;
    plan_ = control::Lower(*loaded.valid, allocations);
  }

  Rows Get(const std::string& kind, const std::string& name = "") {
    RowSources sources{plan_, {}, counters_, connections_, {}, offloads_};
    auto rows = RowsOf(kind, name, sources);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? *rows : Rows();
  }
  std::string Error(const std::string& kind, const std::string& name = "") {
    return std::string(RowsOf(kind, name, {plan_, {}, {}, {}, {}, {}}).status().message());
  }
  std::uint32_t PortOf(const std::string& eni) const {
    for (const config::Eni& each : plan_.config.enis()) {
      if (each.name() == eni) return each.port();
    }
    return 0;
  }

  control::FabricPlan plan_;
  config::Counters counters_;
  config::Connections connections_;
  netns::Offloads offloads_;
};

TEST_F(RowsTest, EveryKindHasRowsOrNone) {
  for (const std::string& kind : RowKinds()) Get(kind);
}

TEST_F(RowsTest, RowsAreFlatAndOfOneShape) {
  for (const std::string& kind : RowKinds()) {
    const Rows rows = Get(kind);
    for (const Row& row : rows) {
      ASSERT_EQ(row.size(), rows.front().size()) << kind;
      for (const auto& [key, value] : row.items()) {
        EXPECT_TRUE(value.is_primitive()) << kind << "." << key;
        EXPECT_TRUE(rows.front().contains(key)) << kind << "." << key;
      }
    }
  }
}

TEST_F(RowsTest, AnEniShowsItsAddressesAndGroupsByName) {
  const Row eni = Get("enis", "web-1").at(0);
  EXPECT_EQ(eni["vpc"], "main");
  EXPECT_EQ(eni["subnet"], "public-a");
  EXPECT_EQ(eni["private_ips"], "10.0.1.50");
  EXPECT_EQ(eni["public_ips"], "203.0.113.50");
  EXPECT_EQ(eni["security_groups"], "web");
  EXPECT_EQ(eni["type"], "interface");
}

TEST_F(RowsTest, ANameMayBeAnIdOrHaveItsVpc) {
  const std::string id = Get("subnets", "public-a").at(0)["id"];
  EXPECT_EQ(Get("subnets", id), Get("subnets", "public-a"));
  EXPECT_EQ(Get("subnets", "main/public-a"), Get("subnets", "public-a"));
}

TEST_F(RowsTest, RoutesSayWhereTheyLead) {
  const Rows routes = Get("routes", "public");
  ASSERT_EQ(routes.size(), 3u);
  const auto target = [&](const std::string& destination) -> std::string {
    for (const Row& route : routes) {
      if (route["destination"] == destination) {
        return route["target"].get<std::string>() + " " + route["state"].get<std::string>();
      }
    }
    return "";
  };
  EXPECT_EQ(target("10.0.0.0/16"), "local active");
  EXPECT_EQ(target("0.0.0.0/0"), "igw active");
  EXPECT_EQ(target("192.0.2.0/24"), "- blackhole");
}

TEST_F(RowsTest, RulesReadAsTheyAreWritten) {
  std::vector<std::string> texts;
  for (const Row& rule : Get("rules", "web")) {
    texts.push_back(rule["direction"].get<std::string>() + " " +
                    rule["protocol"].get<std::string>() + " " + rule["ports"].get<std::string>() +
                    " " + rule["peer"].get<std::string>());
  }
  EXPECT_THAT(texts, ::testing::UnorderedElementsAre("ingress tcp 8000-8010 sg:web",
                                                     "ingress icmp type 8 code 0 10.0.0.0/16",
                                                     "egress all all 0.0.0.0/0"));
}

TEST_F(RowsTest, NatGatewaysCountInCloudWatchsWords) {
  auto* const count = counters_.add_nat_gateways();
  count->set_nat_gateway_id(plan_.config.nat_gateways(0).id());
  count->set_port_allocation_errors(3);
  count->set_active_connections(7);
  const Row nat = Get("nats", "nat-a").at(0);
  EXPECT_EQ(nat["public_ip"], "203.0.113.10");
  EXPECT_EQ(nat["ErrorPortAllocation"], 3);
  EXPECT_EQ(nat["ActiveConnectionCount"], 7);
  for (const char* metric :
       {"ActiveConnectionCount", "BytesInFromDestination", "BytesInFromSource",
        "BytesOutToDestination", "BytesOutToSource", "ConnectionAttemptCount",
        "ConnectionEstablishedCount", "ErrorPortAllocation", "IdleTimeoutCount", "PacketsDropCount",
        "PacketsInFromDestination", "PacketsInFromSource", "PacketsOutToDestination",
        "PacketsOutToSource", "PeakBytesPerSecond", "PeakPacketsPerSecond"})
    EXPECT_TRUE(nat.contains(metric)) << metric;
}

TEST_F(RowsTest, WhatHasFailedIsShownWhereItIsLookedFor) {
  EXPECT_EQ(Get("azs").at(0)["state"], "available");
  EXPECT_TRUE(Get("faults").empty());
  config::Fault* fault = plan_.config.add_faults();
  fault->set_nat_gateway_id(plan_.config.nat_gateways(0).id());
  EXPECT_EQ(Get("nats").at(0)["state"], "down");
  EXPECT_EQ(Get("azs").at(0)["state"], "available");
  EXPECT_EQ(Get("faults").at(0)["name"], "nat-a");
  fault->set_is_over(true);
  EXPECT_EQ(Get("nats").at(0)["state"], "available");
  EXPECT_TRUE(Get("faults").empty());
  plan_.config.add_faults()->set_availability_zone(plan_.config.subnets(0).az());
  EXPECT_EQ(Get("azs").at(0)["state"], "down");
  EXPECT_EQ(Get("nats").at(0)["state"], "down");
  EXPECT_EQ(Get("routes").at(0)["state"], "active");
}

TEST_F(RowsTest, DropsNameTheInterfaceAndTheReason) {
  auto* const port = counters_.add_ports();
  port->set_port(PortOf("web-1"));
  auto* const drop = port->add_drops();
  drop->set_reason("NO_ROUTE");
  drop->set_packets(5);
  port->add_drops()->set_reason("NEVER_HAPPENED");
  const Rows drops = Get("drops");
  ASSERT_EQ(drops.size(), 1u);
  EXPECT_EQ(drops[0]["name"], "web-1");
  EXPECT_EQ(drops[0]["reason"], "NO_ROUTE");
  EXPECT_EQ(drops[0]["packets"], 5);
  EXPECT_EQ(Get("ports").at(0)["dropped_packets"], 5);
  EXPECT_THAT(Get("drops", "elsewhere"), ::testing::IsEmpty()) << "no drops is an answer";
}

TEST_F(RowsTest, OffloadsShowWhatTheTestFoundAndWhatAPortHasMetSince) {
  using netns::Offload, netns::OffloadState;
  offloads_.Set(Offload::kChecksum, {OffloadState::kWorks, ""});
  offloads_.Set(Offload::kTso4, {OffloadState::kWorks, ""});
  offloads_.Set(Offload::kUso4, {OffloadState::kCorrupts, "bytes arrived changed"});
  auto* const port = counters_.add_ports();
  port->set_port(PortOf("web-1"));
  port->set_superframes_to_cut(SuperframeBit(Offload::kTso4) | SuperframeBit(Offload::kUso4));
  port->set_cut_superframes(12);

  EXPECT_EQ(Get("offloads", "checksum").at(0)["state"], "works");
  EXPECT_EQ(Get("offloads", "checksum").at(0)["left_to_device"], true);
  const Row tso = Get("offloads", "TSO4").at(0);
  EXPECT_EQ(tso["state"], "refused");
  EXPECT_EQ(tso["detail"], "the kernel refused one towards web-1");
  const Row uso = Get("offloads", "USO4").at(0);
  EXPECT_EQ(uso["state"], "corrupts");
  EXPECT_EQ(uso["left_to_device"], false);
  EXPECT_EQ(uso["detail"], "bytes arrived changed");
  EXPECT_EQ(Get("ports").at(0)["cut_superframes"], 12);
}

TEST_F(RowsTest, WorkersShowWhatEachHas) {
  counters_.add_workers()->set_connections(5);
  counters_.add_workers()->set_handed_over_packets(7);
  const Rows workers = Get("workers");
  ASSERT_EQ(workers.size(), 2u);
  EXPECT_EQ(workers[0]["name"], "0");
  EXPECT_EQ(workers[0]["connections"], 5);
  EXPECT_EQ(workers[1]["handed_over_packets"], 7);
}

TEST_F(RowsTest, FlowsShowBothSidesOfATranslation) {
  auto* const flow = connections_.add_connections();
  flow->set_protocol("tcp");
  flow->set_ingress_port(PortOf("web-1"));
  flow->set_source(std::string("\x0a\x00\x01\x32", 4));
  flow->set_source_port(1234);
  flow->set_translated_source(std::string("\xcb\x00\x71\x0a", 4));
  flow->set_translated_source_port(1024);
  flow->set_nat_gateway_id(plan_.config.nat_gateways(0).id());
  const Row row = Get("flows").at(0);
  EXPECT_EQ(row["from"], "web-1");
  EXPECT_EQ(row["to"], "-");
  EXPECT_EQ(row["source"], "10.0.1.50:1234");
  EXPECT_EQ(row["translated_source"], "203.0.113.10:1024");
  EXPECT_EQ(row["nat"], "nat-a");
}

TEST_F(RowsTest, WhatDoesNotExistIsOfferedTheNearest) {
  EXPECT_THAT(Error("subnet"), HasSubstr("no kind \"subnet\"; did you mean \"subnets\"?"));
  EXPECT_EQ(Error("subnets", "public-b"), "no subnets \"public-b\"; did you mean \"public-a\"?");
}

}  // namespace
}  // namespace taploom::runtime
