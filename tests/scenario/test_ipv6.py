"""Two instances of a dual-stack subnet, and one across the VPC's router."""
import unittest

from scene import Fabric

TOPOLOGY = """
name: dual
vpcs:
  main:
    cidr: 10.0.0.0/16
    ipv6_cidr: 2001:db8:1::/56
    subnets:
      a: {cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:1:1::/64"}
      b: {cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:1:2::/64"}
    security_groups:
      web:
        ingress:
          - {protocol: tcp, ports: 80, from: "2001:db8:1::/56"}
          - {protocol: icmpv6, from: "2001:db8:1:1::/64"}
instances:
  one:   {subnet: a, ipv6: "2001:db8:1:1::10", security_groups: [web]}
  two:   {subnet: a, ipv6: "2001:db8:1:1::20", security_groups: [web]}
  three: {subnet: b, ipv6: "2001:db8:1:2::30", security_groups: [web]}
"""


class DualStack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fabric = cls.enterClassContext(Fabric(TOPOLOGY))
        for name in ("two", "three"):
            cls.fabric.serve(name, 80)

    def test_neighbors_find_each_other(self):
        self.assertEqual(0, self.fabric.run("one", "ping", "-c1", "-W5", "2001:db8:1:1::20").returncode)
        self.assertEqual("2001:db8:1:1::10", self.fabric.ask("one", "2001:db8:1:1::20", 80).split()[0])

    def test_the_router_forwards_between_subnets(self):
        self.assertEqual("2001:db8:1:1::10", self.fabric.ask("one", "2001:db8:1:2::30", 80).split()[0])

    def test_an_ipv6_rule_does_not_admit_ipv4(self):
        rows = {row["name"]: row for row in self.fabric.get("instances")}
        self.assertIsNone(self.fabric.ask("one", rows["two"]["private_ip"], 80))

    def test_icmpv6_is_filtered_like_anything_else(self):
        self.assertEqual(1, self.fabric.run("three", "ping", "-c1", "-W1", "2001:db8:1:1::20").returncode)

    def test_a_large_transfer_arrives_whole(self):
        self.fabric.apply(TOPOLOGY.replace("ports: 80", "ports: 80-81"))
        self.assertTrue(self.fabric.transfer("two", "2001:db8:1:1::20", 81, "one", 256 << 20))


if __name__ == "__main__":
    unittest.main()
