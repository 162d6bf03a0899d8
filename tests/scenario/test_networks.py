#!/usr/bin/python3
"""Between networks, with real connections: peered VPCs, an egress-only gateway, and a service behind a gateway endpoint."""

from taploom_fabric import FabricTest, main

SIX, OUTSIDE_SIX = "2001:db8:1:1::10", "2001:db8:ffff::1"

TOPOLOGY = f"""
name: networks
region: eu-central-1
vpcs:
  a:
    cidr: 10.1.0.0/16
    ipv6_cidr: 2001:db8:1::/56
    egress_only_internet_gateway: eigw
    subnets:
      a-1: {{cidr: 10.1.1.0/24, ipv6_cidr: "2001:db8:1:1::/64", route_table: t}}
    prefix_lists: {{storage: 52.216.0.0/15}}
    gateway_endpoints: {{store: {{service: s3, prefix_list: storage, route_tables: t}}}}
    route_tables:
      t: {{routes: [{{to: 10.2.0.0/16, via: "peering:a-b"}}, {{to: 10.3.0.0/16, via: "peering:a-b"}}, {{to: "::/0", via: eigw}}]}}
    security_groups:
      callers: {{}}
      open: {{ingress: [{{protocol: all, from: ["0.0.0.0/0", "::/0"]}}]}}
  b:
    cidr: 10.2.0.0/16
    subnets: {{b-1: {{cidr: 10.2.1.0/24, route_table: t}}}}
    route_tables: {{t: {{routes: [{{to: 10.1.0.0/16, via: "peering:a-b"}}, {{to: 10.3.0.0/16, via: "peering:b-c"}}]}}}}
    security_groups: {{called: {{ingress: [{{protocol: tcp, ports: 80, from: "sg:a/callers"}}]}}}}
  c:
    cidr: 10.3.0.0/16
    subnets: {{c-1: {{cidr: 10.3.1.0/24, route_table: t}}}}
    route_tables: {{t: {{routes: [{{to: 10.0.0.0/8, via: "peering:b-c"}}]}}}}
    security_groups: {{open: {{ingress: [{{protocol: all, from: 0.0.0.0/0}}]}}}}
peerings:
  a-b: {{requester: a, accepter: b}}
  b-c: {{requester: b, accepter: c}}
instances:
  one: {{subnet: a-1, private_ip: 10.1.1.10, ipv6: "{SIX}", security_groups: [callers, open]}}
  other: {{subnet: a-1, private_ip: 10.1.1.11, security_groups: [open]}}
  two: {{subnet: b-1, private_ip: 10.2.1.10, security_groups: [called]}}
  three: {{subnet: c-1, private_ip: 10.3.1.10, security_groups: [open]}}
internet:
  hosts:
    storage: {{address: 52.216.1.7}}
    outside: {{address: [198.51.100.7, "{OUTSIDE_SIX}"]}}
"""


class Networks(FabricTest):
    label = "networks"
    topology = TOPOLOGY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        names = ("one", "other", "two", "three", "storage", "outside")
        cls.one, cls.other, cls.two, cls.three, cls.storage, cls.outside = map(cls.fabric.node, names)
        for node in (cls.one, cls.two, cls.three, cls.storage, cls.outside):
            cls.enterClassContext(node.tcp_server(80, "::"))

    def peer_seen(self, node, address):
        with node.connect(address, 80) as connection:
            return connection.recv(100).decode().split()[0].removeprefix("::ffff:")

    def test_peers_reach_each_other_by_private_addresses_and_groups(self):
        self.assertEqual("10.1.1.10", self.peer_seen(self.one, "10.2.1.10"))
        with self.assertRaises(OSError):
            self.other.connect("10.2.1.10", 80, timeout=1)

    def test_peering_is_not_transitive(self):
        with self.assertRaises(OSError):
            self.one.connect("10.3.1.10", 80, timeout=1)
        self.assertEqual("10.2.1.10", self.peer_seen(self.two, "10.3.1.10"))

    def test_an_egress_only_gateway_lets_out_and_nobody_in(self):
        self.assertEqual(SIX, self.peer_seen(self.one, OUTSIDE_SIX))
        with self.assertRaises(OSError):
            self.outside.connect(SIX, 80, timeout=1)

    def test_a_service_behind_an_endpoint_sees_the_private_address(self):
        self.assertEqual("10.1.1.10", self.peer_seen(self.one, "52.216.1.7"))


if __name__ == "__main__":
    main()
