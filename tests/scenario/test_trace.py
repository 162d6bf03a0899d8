#!/usr/bin/env python3
"""`trace` follows real packets through every stage, and leaves everybody else's alone."""

import contextlib
import json
import signal
import subprocess
import threading

from behind_nat import ELASTIC, INSIDE, NEIGHBOR, OUTSIDE, behind_nat
from steady_stream import SteadyStream
from taploom_fabric import TAPLOOM, FabricTest, main, taploom

GROUPS = """{web: {ingress: [
      {protocol: tcp, ports: 80, from: 10.0.0.0/16}, {protocol: udp, from: 10.0.0.0/16}, {protocol: icmp, from: 0.0.0.0/0}]}}"""
TOPOLOGY = behind_nat("trace", GROUPS, "security_groups: [web]")


class Told:
    """What a trace has said, once it has ended."""

    def __init__(self, verb):
        self.packets, self._lines = [], []
        self._verb = verb
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        self._lines = list(self._verb.stdout)

    def end(self):
        self._thread.join()
        self.packets = [json.loads(line) for line in self._lines]


class Trace(FabricTest):
    label = "trace"
    topology = TOPOLOGY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inside, cls.neighbor, cls.outside = map(cls.fabric.node, ("inside", "neighbor", "outside"))

    @contextlib.contextmanager
    def trace(self, *options):
        """Traces what the block does; ends as Ctrl-C does."""
        verb = subprocess.Popen([TAPLOOM, "trace", "--name", self.fabric.name, "-o", "json", *options],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        self.addCleanup(verb.stderr.close)
        said = verb.stderr.readline()
        self.assertTrue(said.startswith("tracing "), said)
        told = Told(verb)
        try:
            yield told
        finally:
            verb.send_signal(signal.SIGINT)
            told.end()
            verb.stdout.close()
            self.said = verb.stderr.read()
        self.assertEqual(0, verb.wait(), self.said)

    def stages(self, packet):
        return [stage["stage"] for stage in packet["stages"]]

    def ask(self, server, port):
        with self.inside.connect(server, port) as connection:
            self.assertTrue(connection.recv(100))

    def test_a_first_packet_meets_every_stage_and_is_rewritten(self):
        with self.outside.tcp_server(443), self.trace("--filter", "tcp[tcpflags] == tcp-syn") as told:
            self.ask(OUTSIDE, 443)
        (packet,) = told.packets
        self.assertEqual(("inside", "outside", "forward"), (packet["in"], packet["out"], packet["verdict"]))
        self.assertEqual(["link layer", "source check", "security group egress", "network ACL outbound", "route table",
                          "network ACL inbound", "NAT gateway", "network ACL outbound", "route table", "internet gateway"],
                         self.stages(packet)[:10])  # fmt: skip
        self.assertTrue(all(stage["passed"] for stage in packet["stages"]))
        entered, left = packet["entered"], packet["left"]
        self.assertTrue(entered["source"].startswith(f"{INSIDE}:"), entered)
        self.assertTrue(left["source"].startswith(f"{ELASTIC}:"), left)
        self.assertEqual(entered["destination"], left["destination"])
        self.assertNotEqual(entered["destination_mac"], left["destination_mac"])
        self.assertEqual(2, entered["ttl"] - left["ttl"], "both gateways are hops")
        (translation,) = [stage for stage in packet["stages"] if stage["stage"] == "internet gateway"]
        self.assertEqual(left["source"], translation["after"]["source"])

    def test_packets_of_a_known_connection_are_told_with_all_stages_too(self):
        with self.outside.tcp_server(443), self.inside.connect(OUTSIDE, 443) as connection:
            connection.recv(100)
            with self.trace("--filter", f"host {OUTSIDE}", "--on", "inside", "--count", "1") as told:
                connection.sendall(b"more")
                connection.recv(100)
        packet = told.packets[0]
        self.assertEqual("connection tracking", self.stages(packet)[0])
        self.assertEqual("of a known connection, ESTABLISHED, original direction", packet["stages"][0]["detail"])
        self.assertIn("internet gateway", self.stages(packet))
        self.assertEqual(packet["left"]["source"], packet["stages"][-1]["before"]["source"])

    def test_a_reply_finds_its_way_back_through_the_translation(self):
        with self.outside.tcp_server(443), self.trace("--on", "outside", "--filter", "tcp[tcpflags] & tcp-syn != 0") as told:
            self.ask(OUTSIDE, 443)
        (packet,) = told.packets
        self.assertTrue(packet["entered"]["destination"].startswith(f"{ELASTIC}:"))
        self.assertTrue(packet["left"]["destination"].startswith(f"{INSIDE}:"))
        self.assertEqual("of a known connection, SYN_SENT, reply", packet["stages"][0]["detail"])

    def test_a_filter_also_means_what_a_packet_becomes(self):
        with self.outside.udp_server(53), self.trace("--filter", f"src host {ELASTIC}") as told:
            self.inside.ask_udp(OUTSIDE, 53)
        (packet,) = told.packets
        self.assertTrue(packet["entered"]["source"].startswith(f"{INSIDE}:"), "nobody has that address where it enters")

    def test_a_drop_says_where_and_why(self):
        with self.trace("--filter", f"tcp and src host {NEIGHBOR}") as told:
            with self.fabric.dropping(self.neighbor, "SG_INGRESS_DENIED"):
                self.neighbor.begin_connect(INSIDE, 22).close()
        packet = told.packets[0]
        self.assertEqual(("drop", "SG_INGRESS_DENIED", "ENI_SG_RULES_MISMATCH"),
                         (packet["verdict"], packet["drop"]["reason"], packet["drop"]["code"]))
        last = packet["stages"][-1]
        self.assertEqual(("security group ingress", False, "inside"), (last["stage"], last["passed"], last["name"]))
        self.assertNotIn("left", packet)

    def test_an_answer_of_the_fabric_is_told(self):
        with self.trace("--filter", "icmp") as told:
            self.inside.ping(OUTSIDE, "-t", "1", expect=1)
        packet = told.packets[0]
        self.assertEqual(("answer", "TTL_EXCEEDED", "inside"), (packet["verdict"], packet["drop"]["reason"], packet["out"]))
        self.assertEqual((8, 11), (packet["entered"]["icmp_type"], packet["left"]["icmp_type"]))

    def test_every_nth_packet_and_no_other(self):
        with self.neighbor.udp_server(9000) as server, self.trace("--filter", "udp dst port 9000", "--sample", "1/5") as told:
            for number in range(20):
                self.inside.ask_udp(NEIGHBOR, 9000, b"%d" % number)
        ports = [int(packet["entered"]["source"].rpartition(":")[2]) for packet in told.packets]
        self.assertEqual([port for _, port in server.peers[::5]], ports)

    def test_it_ends_by_itself_at_the_count(self):
        verb = subprocess.Popen([TAPLOOM, "trace", "--name", self.fabric.name, "--filter", "udp", "--count", "3"],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        verb.stderr.readline()
        with self.neighbor.udp_server(9001):
            for _ in range(3):
                self.inside.ask_udp(NEIGHBOR, 9001)
        text, said = verb.communicate(timeout=20)
        self.assertEqual((0, "the count is reached: 3 packets told, 0 lost\n"), (verb.returncode, said))
        self.assertEqual(3, text.count("=> leaves to "), text)
        self.assertRegex(text, rf"#\d+ inside: {INSIDE}:\d+ -> {NEIGHBOR}:9001, udp, \d+ bytes, ttl 64\n")
        self.assertRegex(text, r"  ok   security group ingress  web +ingress udp .* \[sgr-[0-9a-f]{17}\]\n")

    def test_nobody_loses_a_packet_to_it(self):
        with SteadyStream(self.inside, self.neighbor, NEIGHBOR) as stream:
            for _ in range(3):
                with self.trace("--filter", "udp") as told:
                    before = stream.answered
                    while stream.answered < before + 50 and not stream.lost:
                        pass
                self.assertGreater(len(told.packets), 50)
        self.assertEqual([], stream.lost)

    def test_says_what_is_wrong(self):
        def refused(*options):
            return taploom("trace", "--name", self.fabric.name, *options, expect=2).stderr

        self.assertIn('called "insid"; did you mean "inside"?', refused("--on", "insid"))
        self.assertIn('"port eighty" is no filter: ', refused("--filter", "port eighty"))
        self.assertIn('--sample is "1/0", expected 1/N', refused("--sample", "1/0"))
        self.assertIn('--count is "none", expected 1-', refused("--count", "none"))


if __name__ == "__main__":
    main()
