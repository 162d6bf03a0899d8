#!/usr/bin/python3
"""Security groups and network ACLs between real sockets, and `explain` saying the same with the same reason."""

from socket import AF_INET, IPPROTO_ICMP, SOCK_DGRAM, SOCK_RAW

from frames import icmp
from taploom_fabric import FabricTest, main

TOPOLOGY = """
name: filters
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets:
      left: {cidr: 10.0.1.0/24}
      right: {cidr: 10.0.2.0/24}
      guarded: {cidr: 10.0.3.0/24, acl: guarded}
    security_groups:
      member: {}
      stranger: {}
      picky: {egress: [{protocol: tcp, ports: 80, to: sg:server}]}
      server:
        ingress:
          - {protocol: tcp, ports: 80, from: [sg:member, sg:picky]}
          - {protocol: tcp, ports: 22, from: 10.0.1.8/32}
          - {protocol: tcp, ports: 8000-8010, from: 10.0.1.0/24}
          - {protocol: udp, ports: 53, from: 10.0.1.6/31}
          - {protocol: icmp, type: 8, from: sg:member}
        egress: []
      clock: {ingress: [{protocol: icmp, type: 13, from: sg:member}]}
      open: {ingress: [{protocol: all, from: 10.0.0.0/16}]}
    network_acls:
      guarded:
        ingress:
          - {rule: 90, action: deny, protocol: tcp, ports: 81, cidr: 0.0.0.0/0}
          - {rule: 100, action: allow, protocol: tcp, ports: 80-90, cidr: 10.0.0.0/16}
        egress:
          - {rule: 100, action: allow, protocol: tcp, ports: 1024-65535, cidr: 10.0.1.7/32}
instances:
  member: {subnet: left, private_ip: 10.0.1.7, security_groups: [member]}
  stranger: {subnet: left, private_ip: 10.0.1.8, security_groups: [stranger]}
  both: {subnet: left, private_ip: 10.0.1.9, security_groups: [stranger, member]}
  picky: {subnet: left, private_ip: 10.0.1.10, security_groups: [picky]}
  server: {subnet: right, private_ip: 10.0.2.9, security_groups: [server]}
  clock: {subnet: right, private_ip: 10.0.2.10, security_groups: [clock]}
  guarded: {subnet: guarded, private_ip: 10.0.3.9, security_groups: [open]}
  beside-guarded: {subnet: guarded, private_ip: 10.0.3.10, security_groups: [open]}
"""
ADDRESS = {"member": "10.0.1.7", "server": "10.0.2.9", "clock": "10.0.2.10", "guarded": "10.0.3.9"}
LISTENING = {"member": [7000], "server": [22, 53, 80, 7999, 8000, 8005, 8010, 8011], "guarded": [80, 81, 90, 91]}


class Filters(FabricTest):
    label = "filters"
    topology = TOPOLOGY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, ports in LISTENING.items():
            for port in ports:
                cls.enterClassContext(cls.fabric.node(name).tcp_server(port))
        cls.dns = cls.enterClassContext(cls.fabric.node("server").udp_server(53))

    def check_tcp(self, source, destination, port, reason=None, counted_at=None):
        """Passes, or is dropped for `reason`: on the wire, and in the words of `explain`."""
        with self.subTest(f"{source} -> {destination}:{port}"):
            node = self.fabric.node(source)
            if reason is None:
                self.assert_open(node, ADDRESS[destination], port)
            else:
                at = self.fabric.node(counted_at or source)
                self.assert_silent(node, ADDRESS[destination], port, reason, counted_at=at)
            self.assertEqual(reason, self.fabric.explain(source, f"{destination}:{port}/tcp"))

    # --- security groups ---

    def test_a_group_reference_admits_the_members_of_that_group(self):
        self.check_tcp("member", "server", 80)
        self.check_tcp("stranger", "server", 80, "SG_INGRESS_DENIED")

    def test_the_rules_of_several_groups_add_up(self):
        self.check_tcp("both", "server", 80)

    def test_an_egress_rule_may_name_a_group(self):
        self.check_tcp("picky", "server", 80)
        self.check_tcp("picky", "server", 8000, "SG_EGRESS_DENIED")
        self.check_tcp("picky", "member", 7000, "SG_EGRESS_DENIED")

    def test_a_cidr_rule_admits_its_addresses(self):
        self.check_tcp("stranger", "server", 22)
        self.check_tcp("member", "server", 22, "SG_INGRESS_DENIED")

    def test_a_port_range_includes_both_ends_and_nothing_beyond(self):
        for port in (8000, 8005, 8010):
            self.check_tcp("stranger", "server", port)
        for port in (7999, 8011):
            self.check_tcp("stranger", "server", port, "SG_INGRESS_DENIED")

    def test_a_rule_is_for_its_protocol(self):
        member = self.fabric.node("member")
        self.assertEqual(b"10.0.1.7", member.ask_udp(ADDRESS["server"], 53).split()[0])
        self.assertIsNone(self.fabric.explain("member", "server:53/udp"))
        self.check_tcp("member", "server", 53, "SG_INGRESS_DENIED")

    def test_a_datagram_without_a_rule_does_not_arrive(self):
        stranger = self.fabric.node("stranger")
        with self.fabric.dropping(stranger, "SG_INGRESS_DENIED"), stranger.socket(AF_INET, SOCK_DGRAM) as question:
            question.sendto(b"?", (ADDRESS["server"], 53))
        self.assertNotIn("10.0.1.8", self.dns.hosts)
        self.assertEqual("SG_INGRESS_DENIED", self.fabric.explain("stranger", "server:53/udp"))

    def test_a_group_without_egress_rules_answers_and_opens_nothing(self):
        self.check_tcp("member", "server", 80)
        self.check_tcp("server", "member", 7000, "SG_EGRESS_DENIED")

    def test_an_icmp_rule_admits_its_type_only(self):
        member = self.fabric.node("member")
        member.ping(ADDRESS["server"])
        self.assertIsNone(self.fabric.explain("member", "server/icmp"))
        with self.fabric.dropping(member, "SG_INGRESS_DENIED"):
            self.ask_time(member, ADDRESS["server"]).close()

        with self.ask_time(member, ADDRESS["clock"]) as question:
            question.settimeout(5)
            answer = question.recv(100)
        self.assertEqual(14, answer[20], "an ICMP timestamp reply")
        with self.fabric.dropping(member, "SG_INGRESS_DENIED"):
            member.ping(ADDRESS["clock"], "-W", "1", expect=1)
        self.assertEqual("SG_INGRESS_DENIED", self.fabric.explain("member", "clock/icmp"))

    def test_an_icmp_rule_is_for_its_peer(self):
        stranger = self.fabric.node("stranger")
        with self.fabric.dropping(stranger, "SG_INGRESS_DENIED"):
            stranger.ping(ADDRESS["server"], "-W", "1", expect=1)
        self.assertEqual("SG_INGRESS_DENIED", self.fabric.explain("stranger", "server/icmp"))

    def ask_time(self, node, address):
        """Sends an ICMP timestamp request, and returns the socket that would hear the reply."""
        question = node.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
        question.sendto(icmp(13, rest=b"\x12\x34\x00\x01", payload=bytes(12)), (address, 0))
        return question

    # --- network ACLs ---

    def test_the_lowest_matching_rule_number_decides(self):
        self.check_tcp("member", "guarded", 80)
        self.check_tcp("member", "guarded", 90)
        self.check_tcp("member", "guarded", 81, "ACL_INBOUND_DENIED")
        self.check_tcp("member", "guarded", 91, "ACL_INBOUND_DENIED")

    def test_an_acl_is_stateless(self):
        """The SYN arrives; its answer has no rule to leave by, and AWS remembers nothing here."""
        self.check_tcp("stranger", "guarded", 80, "ACL_OUTBOUND_DENIED", counted_at="guarded")

    def test_an_acl_says_nothing_inside_its_subnet(self):
        self.check_tcp("beside-guarded", "guarded", 91)


if __name__ == "__main__":
    main()
