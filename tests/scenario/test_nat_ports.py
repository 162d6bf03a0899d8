#!/usr/bin/env python3
"""A NAT gateway whose ports are used up. Apart from the other stories, because 55,000 connections take a sanitizer
minutes; what the gateway does then is checked with sanitizers in tests/conformance."""

import json
import socket

from taploom_fabric import FabricTest, main, taploom

TOPOLOGY = """
name: ports
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public: {cidr: 10.0.1.0/24, route_table: public}
      private: {cidr: 10.0.2.0/24, route_table: private}
    nat_gateways:
      nat: {subnet: public, elastic_ip: 203.0.113.10}
    route_tables:
      public: {routes: [{to: 0.0.0.0/0, via: igw}]}
      private: {routes: [{to: 0.0.0.0/0, via: nat}]}
instances:
  crawler: {subnet: private, private_ip: 10.0.2.10}
internet:
  hosts:
    client: {address: 1.2.3.4}
"""


class NatPorts(FabricTest):
    label = "ports"
    topology = TOPOLOGY

    def flows(self, *options):
        result = taploom("flows", "--name", self.fabric.name, "--nat", "nat", *options, "-o", "json")
        return json.loads(result.stdout)

    def last_drop(self, name):
        result = taploom("explain", "--last-drop", name, "--name", self.fabric.name, "-o", "json", expect=None)
        return json.loads(result.stdout)["drops"][0]

    def test_the_ports_of_a_nat_gateway_end_and_flows_says_who_holds_them(self):
        crawler, client = self.fabric.node("crawler"), self.fabric.node("client")

        def errors():
            return self.fabric.get("nats")[0]["ErrorPortAllocation"]

        with client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
            sink.bind(("1.2.3.4", 9))
            while not errors():
                for port in range(1024, 65536):
                    with crawler.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
                        source.bind(("", port))
                        source.sendto(b"mine", ("1.2.3.4", 9))
        (holder,) = self.flows("--to", "client", "--protocol", "udp", "--by", "from")
        self.assertEqual("crawler", holder["from"])
        self.assertGreater(holder["connections"], 50_000)
        self.assertLessEqual(holder["connections"], 55_000)
        drop = self.last_drop("crawler")
        self.assertEqual("NAT_PORT_ALLOCATION", drop["reason"])
        taploom("flows", "--name", self.fabric.name, "--kill", "--nat", "nat")
        self.assertEqual([], self.flows())


if __name__ == "__main__":
    main()
