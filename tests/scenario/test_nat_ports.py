#!/usr/bin/env python3
"""A NAT gateway whose ports are used up. Apart from the other stories, because 55,000 connections take a sanitizer
minutes; what the gateway does then is checked with sanitizers in tests/conformance."""

import json
import socket

from behind_nat import OUTSIDE, behind_nat
from taploom_fabric import FabricTest, main, taploom

TOPOLOGY = behind_nat("ports", groups="{quiet: {}}", inside="security_groups: [quiet]")


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
        (holder,) = self.flows("--to", "outside", "--protocol", "udp", "--by", "from")
        self.assertEqual("inside", holder["from"])
        self.assertGreater(holder["connections"], 50_000)
        self.assertLessEqual(holder["connections"], 55_000)
        drop = self.last_drop("inside")
        self.assertEqual("NAT_PORT_ALLOCATION", drop["reason"])
        taploom("flows", "--name", self.fabric.name, "--kill", "--nat", "nat")
        self.assertEqual([], self.flows())


if __name__ == "__main__":
    main()
