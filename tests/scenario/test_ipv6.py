#!/usr/bin/python3
"""IPv6 in dual-stack subnets: neighbors, the router, filters of their own, and the internet without translation."""

import os

from capture import ICMPV6
from taploom_fabric import FabricTest, main

ONE, TWO, THREE, OUTSIDE = "2001:db8:1:1::10", "2001:db8:1:1::20", "2001:db8:1:2::30", "2001:db8:ffff::1"
NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT = 135, 136
BULK = 8 << 20

TOPOLOGY = f"""
name: dual
vpcs:
  main:
    cidr: 10.0.0.0/16
    ipv6_cidr: 2001:db8:1::/56
    internet_gateway: igw
    subnets:
      a: {{cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:1:1::/64", route_table: public}}
      b: {{cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:1:2::/64"}}
    route_tables:
      public: {{routes: [{{to: "::/0", via: igw}}]}}
    security_groups:
      web:
        ingress:
          - {{protocol: tcp, ports: 80, from: "2001:db8:1::/56"}}
          - {{protocol: icmpv6, from: "2001:db8:1:1::/64"}}
instances:
  one: {{subnet: a, private_ip: 10.0.1.10, ipv6: "{ONE}", security_groups: [web]}}
  two: {{subnet: a, private_ip: 10.0.1.20, ipv6: "{TWO}", security_groups: [web]}}
  three: {{subnet: b, private_ip: 10.0.2.30, ipv6: "{THREE}", security_groups: [web]}}
internet:
  hosts:
    outside: {{address: [5.6.7.8, "{OUTSIDE}"]}}
"""


class DualStack(FabricTest):
    label = "dual"
    topology = TOPOLOGY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.one, cls.two, cls.three, cls.outside = map(cls.fabric.node, ("one", "two", "three", "outside"))
        for node in (cls.two, cls.three, cls.outside):
            for port in (80, 81):
                cls.enterClassContext(node.tcp_server(port, "::"))

    def test_a_neighbor_is_found_by_solicitation_which_the_fabric_answers(self):
        self.one.run("ip", "-6", "neigh", "flush", "dev", "eth0")
        with self.one.capture() as here, self.two.capture() as there:
            self.one.ping(TWO)
        (question,) = here.select(protocol=ICMPV6, icmp_type=NEIGHBOR_SOLICITATION, sent=True)
        (answer,) = here.select(protocol=ICMPV6, icmp_type=NEIGHBOR_ADVERTISEMENT, sent=False)
        self.assertEqual(TWO, answer.source)
        (row,) = self.fabric.get("enis", "two")
        (echo,) = here.select(protocol=ICMPV6, icmp_type=128)
        self.assertEqual(row["mac"], echo.destination_mac.hex(":"))
        asked = [frame.source_mac for frame in there.select(icmp_type=NEIGHBOR_SOLICITATION)]
        self.assertNotIn(question.source_mac, asked, "a solicitation is answered, not flooded")

    def test_tcp_and_ping_within_a_subnet(self):
        self.one.ping(TWO)
        with self.one.connect(TWO, 80) as connection:
            self.assertEqual(ONE, connection.recv(100).decode().split()[0])

    def test_the_router_forwards_to_another_subnet(self):
        with self.three.capture() as wire, self.one.connect(THREE, 80) as connection:
            self.assertEqual(ONE, connection.recv(100).decode().split()[0])
        self.assertTrue(wire.select(source=ONE, destination=THREE, opens_connection=True))

    def test_bulk_data_comes_back_as_it_was_sent(self):
        sent = os.urandom(BULK)
        with self.one.connect(THREE, 80) as connection, connection.makefile("rb") as answer:
            answer.readline()
            received = bytearray()
            for at in range(0, BULK, 1 << 18):
                connection.sendall(sent[at : at + (1 << 18)])
                received += answer.read(min(1 << 18, BULK - at))
        self.assertEqual(sent, received)

    def test_rules_filter_ipv6_by_port_and_peer(self):
        self.assert_silent(self.one, TWO, 81, "SG_INGRESS_DENIED")
        with self.fabric.dropping(self.three, "SG_INGRESS_DENIED"):
            self.three.ping(TWO, "-W", "1", expect=1)

    def test_an_ipv6_rule_admits_no_ipv4(self):
        self.assert_silent(self.one, "10.0.1.20", 80, "SG_INGRESS_DENIED")

    def test_the_internet_gateway_translates_no_ipv6(self):
        with self.outside.capture() as wire, self.one.connect(OUTSIDE, 80) as connection:
            self.assertEqual(ONE, connection.recv(100).decode().split()[0])
        self.assertTrue(wire.select(source=ONE, destination=OUTSIDE, opens_connection=True))

    def test_a_subnet_without_a_route_does_not_reach_the_internet(self):
        self.assert_silent(self.three, OUTSIDE, 80, "NO_ROUTE")

    def test_explain_agrees(self):
        self.assertIsNone(self.fabric.explain("one", f"[{TWO}]:80/tcp"))
        self.assertEqual("SG_INGRESS_DENIED", self.fabric.explain("one", f"[{TWO}]:81/tcp"))
        self.assertEqual("NO_ROUTE", self.fabric.explain("three", f"[{OUTSIDE}]:80/tcp"))


if __name__ == "__main__":
    main()
