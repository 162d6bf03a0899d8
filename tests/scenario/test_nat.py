#!/usr/bin/python3
"""Private instances reach the internet through a NAT gateway, and nothing of the internet reaches them."""

import json
from socket import AF_INET, IPPROTO_IP, SOCK_DGRAM

import frames
from bulk import digests
from capture import ICMP, IPV4
from taploom_fabric import EXAMPLES, FabricTest, main, taploom
from waiting import wait_for

ELASTIC, OUTSIDE, PRIVATE, BALANCER = "203.0.113.10", "5.6.7.8", "10.0.2.50", "203.0.113.20"
FOREIGN_MAC = bytes.fromhex("02000000beef")
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0  # linux/in.h; Python has no names for them

TOPOLOGY = f"""
name: nat
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public: {{cidr: 10.0.1.0/24, route_table: public}}
      private: {{cidr: 10.0.2.0/24, route_table: private}}
    nat_gateways:
      nat: {{subnet: public, elastic_ip: {ELASTIC}}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
      private: {{routes: [{{to: 0.0.0.0/0, via: nat}}]}}
    security_groups:
      quiet: {{}}
      told: {{ingress: [{{protocol: icmp, type: 3, code: 4, from: 0.0.0.0/0}}]}}
      balancer: {{ingress: [{{protocol: tcp, ports: 80, from: 0.0.0.0/0}}]}}
    load_balancers:
      front:
        type: application
        subnets: [public]
        elastic_ips: {{public: {BALANCER}}}
        security_groups: [balancer]
        dns_name: front.example.com
        listeners: [{{protocol: http, port: 80, forward: all}}]
        target_groups:
          all: {{protocol: http, port: 80, targets: [inside]}}
instances:
  inside: {{subnet: private, private_ip: {PRIVATE}, security_groups: [quiet]}}
  told: {{subnet: private, private_ip: 10.0.2.51, security_groups: [told]}}
internet:
  hosts:
    outside:
      address: {OUTSIDE}
      run: ["exec python3 -B '{EXAMPLES}/three-tier/api.py' --port 80"]
"""


class Nat(FabricTest):
    label = "nat"
    topology = TOPOLOGY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inside, cls.told, cls.outside = map(cls.fabric.node, ("inside", "told", "outside"))
        wait_for(lambda: cls.outside.run("curl", "--silent", "http://127.0.0.1/", expect=None).returncode == 0,
                 "the API listens")  # fmt: skip

    # --- out ---

    def test_tcp_comes_from_the_elastic_ip(self):
        with self.outside.capture() as wire:
            answer = self.inside.run("curl", "--silent", "--max-time", "10", f"http://{OUTSIDE}/").stdout
        self.assertEqual(ELASTIC, json.loads(answer)["caller"])
        self.assertEqual({ELASTIC, OUTSIDE}, wire.addresses())

    def test_udp_comes_from_the_elastic_ip(self):
        with self.outside.udp_server(53) as server:
            answer = self.inside.ask_udp(OUTSIDE, 53, b"question")
        ((host, port),) = server.peers
        self.assertEqual(ELASTIC, host)
        self.assertEqual(f"{ELASTIC} {port} question".encode(), answer)

    def test_ping_comes_from_the_elastic_ip_and_its_answer_finds_home(self):
        with self.outside.capture() as there, self.inside.capture() as here:
            self.inside.ping(OUTSIDE)
        self.assertEqual([(ELASTIC, OUTSIDE)], [frame.addresses for frame in there.select(icmp_type=8)])
        self.assertEqual([(OUTSIDE, PRIVATE)], [frame.addresses for frame in here.select(icmp_type=0)])

    def test_two_instances_with_the_same_source_port_are_told_apart(self):
        questions = [node.socket() for node in (self.inside, self.told)]
        for question in questions:
            question.bind(("", 40000))
            question.settimeout(5)
        with self.outside.tcp_server(9000) as server:
            greetings = []
            for question in questions:
                with question:
                    question.connect((OUTSIDE, 9000))
                    greetings.append(question.recv(100))
        self.assertEqual([f"{host} {port}\n".encode() for host, port in server.peers], greetings)
        self.assertEqual({ELASTIC}, server.hosts)
        self.assertEqual(2, len(set(server.peers)))

    def test_the_gateway_counts_under_cloudwatchs_names(self):
        (before,) = self.fabric.get("nats")
        self.inside.run("curl", "--silent", "--max-time", "10", f"http://{OUTSIDE}/")
        (after,) = self.fabric.get("nats")
        self.assertEqual(ELASTIC, after["public_ip"])
        self.assertEqual(1, after["ConnectionAttemptCount"] - before["ConnectionAttemptCount"])
        self.assertEqual(1, after["ConnectionEstablishedCount"] - before["ConnectionEstablishedCount"])
        self.assertEqual(0, after["ErrorPortAllocation"])
        grown = {name: after[name] - before[name] for name in after if name[0].isupper()}
        for side in ("Source", "Destination"):
            other = "Destination" if side == "Source" else "Source"
            self.assertGreater(grown[f"PacketsInFrom{side}"], 3)
            self.assertEqual(grown[f"PacketsInFrom{side}"], grown[f"PacketsOutTo{other}"], "none was lost between")
            self.assertEqual(grown[f"BytesInFrom{side}"], grown[f"BytesOutTo{other}"])
        self.assertEqual(0, grown["PacketsDropCount"])
        self.assertGreater(after["PeakBytesPerSecond"], 0)

    def test_a_gibibyte_arrives_as_it_was_sent(self):
        sent, received = digests(self.inside, f"http://{OUTSIDE}")
        self.assertEqual(sent, received)

    # --- in ---

    def test_connections_to_private_addresses_get_silence(self):
        self.assert_silent(self.outside, PRIVATE, 80, "NO_INTERNET_DESTINATION")

    def test_connections_to_the_nat_gateway_get_silence(self):
        for port in (22, 80, 1024, 65535):
            with self.subTest(port=port):
                self.assert_silent(self.outside, ELASTIC, port, "NAT_UNSOLICITED_INBOUND")

    def test_the_nat_gateway_answers_no_ping_and_no_datagram(self):
        with self.outside.capture() as wire, self.outside.socket(AF_INET, SOCK_DGRAM) as datagram:
            with self.fabric.dropping(self.outside, "NAT_UNSOLICITED_INBOUND"):
                self.outside.ping(ELASTIC, "-W", "1", expect=1)
            with self.fabric.dropping(self.outside, "NAT_UNSOLICITED_INBOUND"):
                datagram.sendto(b"?", (ELASTIC, 53))
        self.assertEqual([], wire.select(source=ELASTIC))

    def test_the_far_end_of_one_connection_cannot_open_another(self):
        with self.outside.tcp_server(9001) as server:
            with self.inside.connect(OUTSIDE, 9001) as connection:
                connection.recv(100)
                ((_, mapped_port),) = server.peers
                self.assert_silent(self.outside, ELASTIC, mapped_port, "NAT_UNSOLICITED_INBOUND")

    def test_closed_ports_of_the_load_balancer_get_silence_and_the_open_one_does_not(self):
        for port in (22, 443, 8080):
            with self.subTest(port=port):
                self.assert_silent(self.outside, BALANCER, port, "SG_INGRESS_DENIED")
        with self.outside.connect(BALANCER, 80):
            pass

    def test_a_forged_source_is_not_let_in(self):
        forged = (("10.0.2.51", "IGW_PRIVATE_SOURCE"), ("100.64.0.1", "IGW_SHARED_SOURCE"),
                  ("9.9.9.9", "SPOOFED_INTERNET_SOURCE"))  # fmt: skip
        for source, reason in forged:
            with self.subTest(source), self.fabric.dropping(self.outside, reason):
                self.outside.run("ip", "address", "add", f"{source}/32", "dev", "lo")
                try:
                    self.outside.ping(BALANCER, "-W", "1", "-I", source, expect=1)
                finally:
                    self.outside.run("ip", "address", "del", f"{source}/32", "dev", "lo")

    # --- packet size ---

    def test_too_large_a_packet_is_reported_only_to_whom_the_group_lets_icmp_in(self):
        """Frag-needed from the router is an ICMP packet like others and needs a rule (AWS since 2022)."""
        with self.told.capture() as wire:
            told = self.told.ping(OUTSIDE, "-M", "do", "-s", "2000", "-W", "1", expect=1)
        errors = wire.select(protocol=ICMP, icmp_type=3, icmp_code=4, sent=False)
        self.assertEqual({"10.0.1.1"}, {frame.source for frame in errors}, "from the router before the gateway")
        self.assertIn("Frag needed and DF set (mtu = 1500)", told.stdout)

        with self.inside.capture() as wire:
            self.inside.ping(OUTSIDE, "-M", "do", "-s", "2000", "-W", "1", expect=1)
        self.assertTrue(wire.select(icmp_type=8, sent=True), "the ping left")
        self.assertEqual([], wire.select(protocol=ICMP, sent=False))

    def test_a_packet_of_1500_bytes_passes_and_a_larger_one_only_in_fragments(self):
        self.inside.ping(OUTSIDE, "-M", "do", "-s", "1472")
        question = self.enterContext(self.inside.socket(AF_INET, SOCK_DGRAM))
        question.setsockopt(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        question.settimeout(5)
        with self.outside.udp_server(5001), self.outside.capture() as wire:
            question.sendto(bytes(4000), (OUTSIDE, 5001))
            self.assertTrue(question.recv(65535).endswith(bytes(4000)))
        self.assertEqual({ELASTIC, OUTSIDE}, wire.addresses())
        self.assertEqual(3, len(wire.select(sent=False, source=ELASTIC)))

    def test_fragments_of_a_large_ping_are_dropped_those_of_a_datagram_pass(self):
        """The instance's own stack cuts both; the gateway forwards fragments of UDP only."""
        with self.outside.udp_server(5002), self.inside.socket(AF_INET, SOCK_DGRAM) as question:
            question.settimeout(5)
            question.setsockopt(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
            question.sendto(bytes(12000), (OUTSIDE, 5002))
            self.assertTrue(question.recv(65535).endswith(bytes(12000)))
            before = self.fabric.drops()
            with self.outside.capture() as wire:
                self.inside.ping(OUTSIDE, "-s", "10000", "-W", "1", expect=1)
            self.assertEqual([], wire.select(protocol=ICMP))
            news = {why for (who, why), _ in (self.fabric.drops() - before).items() if who == "inside"}
            # The second fragment has no first that was let through.
            self.assertEqual({"NAT_FRAGMENT", "FRAGMENT_UNKNOWN"}, news - {"NOT_UNICAST"})

    # --- what the gateway has forgotten ---

    def test_a_connection_that_the_gateway_has_forgotten_is_reset(self):
        """As after 350 s idle, which a test does not wait for: the client's stack is told by RST."""
        with self.outside.tcp_server(9002), self.inside.connect(OUTSIDE, 9002) as connection:
            connection.recv(100)
            taploom("flows", "--name", self.fabric.name, "--kill", "--endpoint", f"{OUTSIDE}:9002")
            with self.assertRaises(ConnectionResetError):
                connection.sendall(b"still there?")
                connection.recv(100)

    # --- the link ---

    def test_a_frame_under_a_foreign_mac_is_dropped_and_explained(self):
        self.inside.ping(OUTSIDE)
        router = self.inside.run("ip", "neigh", "show", "10.0.2.1").stdout.split("lladdr ")[1].split()[0]
        packet = frames.udp(PRIVATE, OUTSIDE, 4000, 5003, b"?")
        frame = frames.ethernet(bytes.fromhex(router.replace(":", "")), FOREIGN_MAC, IPV4, packet)
        with self.fabric.dropping(self.inside, "FOREIGN_SOURCE_MAC"), self.inside.packet_socket() as wire:
            wire.send(frame)
        explained = taploom("explain", "--name", self.fabric.name, "--last-drop", "inside", expect=1).stdout
        self.assertIn("02:00:00:00:be:ef is not the MAC of inside", explained)


if __name__ == "__main__":
    main()
