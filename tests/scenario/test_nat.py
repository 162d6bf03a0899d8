"""Out through the NAT gateway, in through nothing."""
import unittest

from scene import Fabric, endpoints, host_of, wait_for

TOPOLOGY = """
name: nat
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public:  {cidr: 10.0.1.0/24, route_table: public}
      private: {cidr: 10.0.2.0/24, route_table: private}
    nat_gateways:
      nat: {subnet: public, elastic_ip: 203.0.113.10}
    route_tables:
      public:  {routes: [{to: 0.0.0.0/0, via: igw}]}
      private: {routes: [{to: 0.0.0.0/0, via: nat}]}
    security_groups:
      closed: {ingress: []}
      pmtu:   {ingress: [{protocol: icmp, type: 3, code: 4, from: 0.0.0.0/0}]}
      open:   {ingress: [{protocol: all, from: 0.0.0.0/0}]}
instances:
  inside:   {subnet: private, private_ip: 10.0.2.50, security_groups: [closed]}
  listener: {subnet: private, private_ip: 10.0.2.51, security_groups: [pmtu]}
  bastion:  {subnet: public, private_ip: 10.0.1.20, security_groups: [open], elastic_ip: 203.0.113.30}
internet:
  hosts:
    outside: {address: 5.6.7.8}
"""
ELASTIC_IP, OUTSIDE = "203.0.113.10", "5.6.7.8"


class NatGateway(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fabric = cls.enterClassContext(Fabric(TOPOLOGY))
        cls.fabric.serve("outside", 80)
        cls.fabric.serve("outside", 53, protocol="udp")

    def test_the_internet_sees_the_elastic_ip_over_tcp(self):
        self.assertEqual(ELASTIC_IP, self.fabric.ask("inside", OUTSIDE, 80).split()[0])

    def test_the_internet_sees_the_elastic_ip_over_udp(self):
        self.assertEqual(ELASTIC_IP, self.fabric.ask("inside", OUTSIDE, 53, "udp").split()[0])

    def test_the_internet_sees_the_elastic_ip_over_ping(self):
        capture = self.fabric.capture("outside", "icmp")
        self.assertEqual(0, self.fabric.run("inside", "ping", "-c1", "-W5", OUTSIDE).returncode)
        wait_for(lambda: len(capture.packets()) >= 2, "echo and reply at the host")
        self.assertEqual({(ELASTIC_IP, OUTSIDE), (OUTSIDE, ELASTIC_IP)}, endpoints(capture.stop()))

    def test_the_instance_sees_only_its_own_address(self):
        capture = self.fabric.capture("inside", "tcp")
        self.assertIsNotNone(self.fabric.ask("inside", OUTSIDE, 80))
        seen = {host_of(end) for pair in endpoints(capture.stop()) for end in pair}
        self.assertEqual({"10.0.2.50", OUTSIDE}, seen)

    def test_nobody_comes_in(self):
        self.fabric.serve("inside", 80)
        capture = self.fabric.capture("outside", "tcp or icmp")
        inside = self.fabric.capture("inside", "tcp")
        for address in ("10.0.2.50", ELASTIC_IP):
            with self.subTest(address):
                self.assertIsNone(self.fabric.ask("outside", address, 80))
                self.assertEqual(1, self.fabric.run("outside", "ping", "-c1", "-W1", address).returncode)
        # Silence: nothing but the host's own SYNs and echoes on its wire, nothing at all inside.
        self.assertEqual({OUTSIDE}, {host_of(source) for source, _ in endpoints(capture.stop())})
        self.assertEqual([], inside.stop())
        self.assertGreater(self.fabric.drops("outside")["NAT_UNSOLICITED_INBOUND"], 0)

    def test_an_elastic_ip_opens_both_ways(self):
        self.fabric.serve("bastion", 22)
        self.assertEqual(OUTSIDE, self.fabric.ask("outside", "203.0.113.30", 22).split()[0])
        self.assertEqual("203.0.113.30", self.fabric.ask("bastion", OUTSIDE, 80).split()[0])

    def test_a_gigabyte_arrives_with_the_right_digest(self):
        self.assertTrue(self.fabric.transfer("outside", OUTSIDE, 9000, "inside", 1 << 30))

    def test_path_mtu_discovery_needs_an_icmp_rule(self):
        large = ["ping", "-c1", "-W1", "-M", "do", "-s", "1600", OUTSIDE]
        heard = self.fabric.run("listener", *large)
        self.assertIn("Frag needed and DF set (mtu = 1500)", heard.stdout)
        self.assertIn("10.0.1.1", heard.stdout)  # the router of the gateway's subnet speaks
        self.assertNotIn("Frag needed", self.fabric.run("inside", *large).stdout)
        self.assertGreater(self.fabric.drops("inside")["MTU_EXCEEDED"], 0)

    def test_the_gateway_counts_under_cloudwatchs_names(self):
        before = self.fabric.get("nats")[0]
        self.assertIsNotNone(self.fabric.ask("inside", OUTSIDE, 80))
        after = self.fabric.get("nats")[0]
        self.assertEqual(1, after["ConnectionEstablishedCount"] - before["ConnectionEstablishedCount"])
        self.assertGreater(after["BytesInFromDestination"], before["BytesInFromDestination"])
        self.assertEqual(0, after["ErrorPortAllocation"])


if __name__ == "__main__":
    unittest.main()
