#!/usr/bin/python3
"""`replay --live`: captured frames enter a running fabric, and real programs at the other end receive them."""

import contextlib
import json
import os
import pathlib
import pty
import signal
import struct
import subprocess
import tempfile

import frames
from behind_nat import ELASTIC, INSIDE, NEIGHBOR, OUTSIDE, behind_nat
from taploom_fabric import TAPLOOM, FabricTest, main, taploom
from waiting import wait_for

TOPOLOGY = behind_nat("live", "{quiet: {}}", "security_groups: [quiet]")

LINKTYPE_RAW = 101


def write_pcap(path, packets):
    """`packets`: (seconds, IP packet). No link layer: who sends and to which MAC is for replay to find out."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW)
    records = [
        struct.pack("<IIII", int(at), round(at % 1 * 1_000_000), len(packet), len(packet)) + packet
        for at, packet in packets
    ]
    path.write_bytes(header + b"".join(records))
    return path


class ReplayLive(FabricTest):
    label = "live"
    topology = TOPOLOGY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inside, cls.neighbor, cls.outside = map(cls.fabric.node, ("inside", "neighbor", "outside"))
        folder = tempfile.TemporaryDirectory(prefix="taploom-live-")
        cls.addClassCleanup(folder.cleanup)
        cls.files = pathlib.Path(folder.name)

    def pcap(self, *packets):
        return write_pcap(self.files / f"{self.id()}.pcap", packets)

    def datagrams(self, count, port=4444, source=INSIDE):
        """From `inside` to the internet, a millisecond apart, each with a text of its own."""
        return self.pcap(*(
            (1 + i / 1000, frames.udp(source, OUTSIDE, 4000 + i, port, b"captured %d" % i)) for i in range(count)
        ))  # fmt: skip

    def replay(self, capture, *options):
        return json.loads(taploom("replay", capture, "--live", self.fabric.name, *options, "-o", "json").stdout)

    @contextlib.contextmanager
    def receiving(self, node, count):
        """The texts of the datagrams to port 4444 that the block makes `node` receive."""
        texts = []
        with node.capture(received_only=True) as wire:
            yield texts
            wait_for(lambda: len(wire.select(destination_port=4444)) >= count, f"{node.name} receives {count}")
        texts += [frame.payload for frame in wire.select(destination_port=4444)]
        self.sources = {frame.source for frame in wire.select(destination_port=4444)}

    def test_what_was_captured_is_received_through_the_nat_gateway(self):
        with self.receiving(self.outside, 20) as texts:
            summary = self.replay(self.datagrams(20))
        self.assertEqual([b"captured %d" % i for i in range(20)], texts)
        self.assertEqual({ELASTIC}, self.sources)
        self.assertEqual((20, 20, {"outside": 20}, {}, 0, {}),
                         tuple(summary[key] for key in ("sent", "received", "received_at", "lost", "unknown",
                                                        "skipped")))  # fmt: skip
        latency = summary["latency_us"]
        self.assertLessEqual(0, latency["least"])
        self.assertLessEqual(latency["least"], latency["p50"])
        self.assertLessEqual(latency["p99"], latency["most"])

    def test_an_answer_enters_where_its_question_left(self):
        capture = self.pcap((1, frames.udp(INSIDE, OUTSIDE, 4001, 53, b"question")),
                            (1, frames.udp(OUTSIDE, INSIDE, 53, 4001, b"answer")))  # fmt: skip
        with self.inside.capture(received_only=True) as wire:
            summary = self.replay(capture, "--topspeed")
            wait_for(lambda: wire.select(source=OUTSIDE), "the answer comes through the NAT gateway")
        (answer,) = wire.select(source=OUTSIDE)
        self.assertEqual((INSIDE, 4001, b"answer"), (answer.destination, answer.destination_port, answer.payload))
        self.assertEqual({"outside": 1, "inside": 1}, summary["received_at"])

    def test_what_the_fabric_drops_is_lost_for_its_reason(self):
        capture = self.pcap((1, frames.udp(NEIGHBOR, INSIDE, 1, 2)), (2, frames.udp("192.0.2.1", INSIDE, 1, 2)))
        with self.fabric.dropping(self.neighbor, "SG_INGRESS_DENIED"):
            summary = self.replay(capture, "--topspeed")
        self.assertEqual({"SG_INGRESS_DENIED": 1}, summary["lost"])
        self.assertEqual({"NO_ENTRANCE": 1}, summary["skipped"])
        self.assertEqual((1, 0), (summary["sent"], summary["received"]))

    def test_everything_enters_at_the_instance_that_in_names(self):
        with self.fabric.dropping(self.neighbor, "SOURCE_DEST_CHECK_SOURCE"):
            summary = self.replay(self.datagrams(1), "--in", "neighbor")
        self.assertEqual({"SOURCE_DEST_CHECK_SOURCE": 1}, summary["lost"])

    def test_networks_are_mapped(self):
        with self.receiving(self.outside, 1):
            summary = self.replay(self.datagrams(1, source="192.168.7.50"), "--map", "192.168.7.0/24=10.0.2.0/24")
        self.assertEqual({"outside": 1}, summary["received_at"])

    def test_loops_and_rates(self):
        capture = self.datagrams(7)
        for pace in (("--rate", "2000"), ("--speed", "10"), ("--topspeed",)):
            with self.receiving(self.outside, 21) as texts:
                summary = self.replay(capture, "--loop", "3", *pace)
            self.assertEqual([b"captured %d" % i for i in range(7)] * 3, texts, pace)
            self.assertEqual((21, 21), (summary["sent"], summary["received"]), pace)

    def test_a_capture_of_the_fabric_shows_what_was_injected(self):
        path = self.files / "seen.pcapng"
        verb = subprocess.Popen([TAPLOOM, "capture", "--name", self.fabric.name, "-w", path,
                                 "--filter", "udp port 4444"], text=True, stderr=subprocess.PIPE)  # fmt: skip
        self.assertTrue(verb.stderr.readline().startswith("capturing "))
        self.replay(self.datagrams(3), "--topspeed")
        verb.send_signal(signal.SIGINT)
        said = verb.communicate(timeout=20)[1]
        self.assertIn("18 frames written", said, "at inside and outside, and in and out at both gateways")

    def test_the_summary_for_people(self):
        said = taploom("replay", self.datagrams(2), "--live", self.fabric.name, "--topspeed")
        self.assertRegex(said.stdout, r"^2 frames sent in [0-9.]+ s \(\d+/s, [0-9.]+ Mbit/s\): 2 received, "
                                      r"0 answered by the fabric, 0 lost\n  at   2        outside\n"
                                      r"  latency in us: least [0-9.]+, half [0-9.]+, 99 % [0-9.]+, most [0-9.]+\n$")  # fmt: skip
        self.assertEqual("", said.stderr, "no bar where there is no terminal")

    def test_a_terminal_shows_how_far_it_is(self):
        screen, terminal = pty.openpty()
        verb = subprocess.Popen([TAPLOOM, "replay", self.datagrams(400), "--live", self.fabric.name],
                                stdout=subprocess.DEVNULL, stderr=terminal)  # fmt: skip
        os.close(terminal)
        drawn = b""
        with contextlib.suppress(OSError), os.fdopen(screen, "rb", buffering=0) as reader:
            while part := reader.read(4096):
                drawn += part
        self.assertEqual(0, verb.wait(timeout=20))
        self.assertRegex(drawn, rb"\r *\d+ % \[#+ *\] \d+ of 400 frames, \d+/s")
        self.assertTrue(drawn.endswith(b"\r\x1b[K"), "the line is left empty")

    def test_ctrl_c_ends_it_with_a_summary(self):
        capture = self.pcap(*((1 + i, frames.udp(INSIDE, OUTSIDE, 4000, 4444)) for i in range(1000)))
        with self.receiving(self.outside, 1):
            verb = subprocess.Popen([TAPLOOM, "replay", capture, "--live", self.fabric.name, "-o", "json"],
                                    text=True, stdout=subprocess.PIPE)  # fmt: skip
        verb.send_signal(signal.SIGINT)
        summary = json.loads(verb.communicate(timeout=20)[0])
        self.assertEqual(0, verb.returncode)
        self.assertEqual(summary["sent"], summary["received"])

    def test_says_what_is_wrong(self):
        capture = self.datagrams(1)

        def refused(*words):
            return taploom("replay", *words, expect=2).stderr

        wrong = self.fabric.name[:-1] + "f"
        self.assertIn(f'no fabric "{wrong}"; did you mean "{self.fabric.name}"?', refused(capture, "--live", wrong))
        self.assertIn('--in: no instance, interface or internet host is called "insid"; did you mean "inside"?',
                      refused(capture, "--live", self.fabric.name, "--in", "insid"))  # fmt: skip
        self.assertIn("cannot read absent.pcap: No such file",
                      refused("absent.pcap", "--live", self.fabric.name))  # fmt: skip
        cut = self.files / "cut.pcap"
        cut.write_bytes(capture.read_bytes()[:-3])
        self.assertRegex(refused(cut, "--live", self.fabric.name), r"cut.pcap is broken at byte \d+: .*; the 0 frames")

    def test_one_injects_at_a_time(self):
        capture = self.pcap(*((1 + i, frames.udp(INSIDE, OUTSIDE, 4000, 4444)) for i in range(1000)))
        with self.receiving(self.outside, 1):
            first = subprocess.Popen([TAPLOOM, "replay", capture, "--live", self.fabric.name],
                                     stdout=subprocess.DEVNULL)  # fmt: skip
        try:
            said = taploom("replay", self.datagrams(1), "--live", self.fabric.name, expect=2).stderr
            self.assertIn("Frames are being injected by somebody else already.", said)
        finally:
            first.send_signal(signal.SIGINT)
            first.wait(timeout=20)


if __name__ == "__main__":
    main()
