"""Security groups, network ACLs and what explain says of them, between real sockets."""
import unittest

from scene import Fabric

TOPOLOGY = """
name: filters
region: ap-northeast-2
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets:
      left:   {cidr: 10.0.1.0/24, az: ap-northeast-2a}
      right:  {cidr: 10.0.2.0/24, az: ap-northeast-2a}
      strict: {cidr: 10.0.3.0/24, az: ap-northeast-2a, acl: strict}
    security_groups:
      caller: {ingress: []}
      server:
        ingress:
          - {protocol: tcp, ports: 80, from: sg:caller}
          - {protocol: tcp, ports: 8000-8010, from: 10.0.1.0/24}
          - {protocol: udp, ports: 53, from: 10.0.1.7/32}
          - {protocol: icmp, type: 8, code: 0, from: sg:caller}
        egress: []
      open: {ingress: [{protocol: all, from: 0.0.0.0/0}]}
    network_acls:
      strict:
        ingress:
          - {rule: 90, action: deny, protocol: tcp, ports: 81, cidr: 0.0.0.0/0}
          - {rule: 100, action: allow, protocol: tcp, ports: 80-90, cidr: 10.0.0.0/16}
        egress:
          - {rule: 100, action: allow, protocol: tcp, ports: 32768-60999, cidr: 10.0.1.7/32}
instances:
  member:   {subnet: left, private_ip: 10.0.1.7, security_groups: [caller]}
  stranger: {subnet: left, private_ip: 10.0.1.8, security_groups: [open]}
  server:   {subnet: right, private_ip: 10.0.2.9, security_groups: [server]}
  guarded:  {subnet: strict, private_ip: 10.0.3.9, security_groups: [open]}
"""


class Filters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fabric = cls.enterClassContext(Fabric(TOPOLOGY))
        cls.fabric.serve("server", 80, 8000, 8010, 8011)
        cls.fabric.serve("server", 53, protocol="udp")
        cls.fabric.serve("guarded", 80, 81, 91)
        cls.fabric.serve("member", 7000)

    def check(self, source, destination, port, protocol, passes):
        """The socket and the explanation must both say `passes`."""
        address = {"server": "10.0.2.9", "guarded": "10.0.3.9", "member": "10.0.1.7"}[destination]
        with self.subTest(f"{source} -> {destination}:{port}/{protocol}"):
            answer = self.fabric.ask(source, address, port, protocol, timeout=1.0 if not passes else 10.0)
            self.assertEqual(passes, answer is not None)
            self.assertEqual(passes, self.fabric.explain(source, f"{destination}:{port}/{protocol}"))

    def test_a_group_reference_admits_its_members_only(self):
        self.check("member", "server", 80, "tcp", True)
        self.check("stranger", "server", 80, "tcp", False)

    def test_a_port_range_includes_both_ends_and_nothing_beyond(self):
        self.check("stranger", "server", 8000, "tcp", True)
        self.check("stranger", "server", 8010, "tcp", True)
        self.check("stranger", "server", 8011, "tcp", False)

    def test_a_host_cidr_admits_that_host_only(self):
        self.check("member", "server", 53, "udp", True)
        self.check("stranger", "server", 53, "udp", False)

    def test_an_icmp_type_rule_admits_echo_from_the_group(self):
        self.assertEqual(0, self.fabric.run("member", "ping", "-c1", "-W5", "10.0.2.9").returncode)
        self.assertEqual(1, self.fabric.run("stranger", "ping", "-c1", "-W1", "10.0.2.9").returncode)
        self.assertTrue(self.fabric.explain("member", "server"))
        self.assertFalse(self.fabric.explain("stranger", "server"))

    def test_replies_need_no_rule_but_new_connections_do(self):
        self.check("member", "server", 80, "tcp", True)  # the server's group has no egress rule
        self.check("server", "member", 7000, "tcp", False)

    def test_an_acl_decides_by_the_lowest_rule_number(self):
        self.check("member", "guarded", 80, "tcp", True)
        self.check("member", "guarded", 81, "tcp", False)   # rule 90 before rule 100
        self.check("member", "guarded", 91, "tcp", False)   # rule *

    def test_an_acl_is_stateless(self):
        self.check("stranger", "guarded", 80, "tcp", False)  # the SYN arrives, the SYN-ACK may not leave
        self.assertIn("ACL_OUTBOUND_DENIED", self.fabric.drops("guarded"))

    def test_every_refusal_is_counted_with_its_reason(self):
        before = self.fabric.drops("stranger").get("SG_INGRESS_DENIED", 0)
        self.assertIsNone(self.fabric.ask("stranger", "10.0.2.9", 80))
        self.assertGreater(self.fabric.drops("stranger")["SG_INGRESS_DENIED"], before)
        before = self.fabric.drops("server").get("SG_EGRESS_DENIED", 0)
        self.assertIsNone(self.fabric.ask("server", "10.0.1.7", 7000))
        self.assertGreater(self.fabric.drops("server")["SG_EGRESS_DENIED"], before)


if __name__ == "__main__":
    unittest.main()
