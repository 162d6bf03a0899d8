#!/usr/bin/env python3
"""A NAT gateway whose ports are used up. Apart from the other stories, because 55,000 connections take a sanitizer
minutes; what the gateway does then is checked with sanitizers in tests/conformance."""

import socket

from behind_nat import OUTSIDE, behind_nat
from taploom_fabric import FabricTest, main, taploom

TOPOLOGY = behind_nat("ports", groups="{quiet: {}}", inside="security_groups: [quiet]")


class NatPorts(FabricTest):
    label = "ports"
    topology = TOPOLOGY

    def test_the_ports_of_a_nat_gateway_end_and_flows_says_who_holds_them(self):
        inside, outside = map(self.fabric.node, ("inside", "outside"))

        def errors():
            return self.fabric.get("nats")[0]["ErrorPortAllocation"]

        with outside.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
            sink.bind((OUTSIDE, 9))
            while not errors():
                for port in range(1024, 65536):
                    with inside.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
                        source.bind(("", port))
                        source.sendto(b"mine", (OUTSIDE, 9))
        (holder,) = self.fabric.flows("--nat", "nat", "--to", "outside", "--protocol", "udp", "--by", "from")
        self.assertEqual("inside", holder["from"])
        self.assertGreater(holder["connections"], 50_000)
        self.assertLessEqual(holder["connections"], 55_000)
        drop = self.fabric.last_drops("inside")[0]
        self.assertEqual("NAT_PORT_ALLOCATION", drop["reason"])
        taploom("flows", "--name", self.fabric.name, "--kill", "--nat", "nat")
        self.assertEqual([], self.fabric.flows("--nat", "nat"))


if __name__ == "__main__":
    main()
