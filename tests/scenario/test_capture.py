#!/usr/bin/python3
"""`capture` records a running fabric in one pcapng, tshark reads it, and `replay` gives its verdicts again."""

import collections
import contextlib
import json
import pathlib
import signal
import subprocess
import tempfile

from taploom_fabric import TAPLOOM, FabricTest, main, taploom
from waiting import wait_for

ELASTIC, OUTSIDE, INSIDE, NEIGHBOR = "203.0.113.10", "5.6.7.8", "10.0.2.50", "10.0.2.51"

TOPOLOGY = f"""
name: capture
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
      web: {{ingress: [{{protocol: tcp, ports: 80, from: 0.0.0.0/0}}]}}
instances:
  inside: {{subnet: private, private_ip: {INSIDE}, security_groups: [quiet]}}
  neighbor: {{subnet: private, private_ip: {NEIGHBOR}, security_groups: [web], run: ["exec python3 -m http.server 80"]}}
internet:
  hosts:
    outside: {{address: {OUTSIDE}, run: ["exec python3 -m http.server 80"]}}
"""


class Recording:
    """A capture while it runs, and its file afterwards."""

    def __init__(self, path):
        self.path = path
        self.said = ""

    def frames(self, *fields, show="frame"):
        """The fields of every frame that the display filter shows, in order; a field that is not there is ''."""
        words = [word for field in fields for word in ("-e", field)]
        checks = [f"-o{protocol}.check_checksum:TRUE" for protocol in ("ip", "tcp", "udp")]
        result = subprocess.run(["tshark", "-n", "-r", self.path, *checks, "-Y", show, "-T", "fields", *words],
                                text=True, capture_output=True, check=True)  # fmt: skip
        complaints = [line for line in result.stderr.splitlines() if "Running as user" not in line]
        assert not complaints, complaints
        return [tuple(line.split("\t")) for line in result.stdout.splitlines()]


class Capture(FabricTest):
    label = "capture"
    topology = TOPOLOGY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inside, cls.neighbor, cls.outside = map(cls.fabric.node, ("inside", "neighbor", "outside"))
        for node in (cls.neighbor, cls.outside):
            wait_for(lambda node=node: node.run("curl", "--silent", "http://127.0.0.1/", expect=None).returncode == 0,
                     f"{node.name} serves")  # fmt: skip
        folder = tempfile.TemporaryDirectory(prefix="taploom-capture-")
        cls.addClassCleanup(folder.cleanup)
        cls.files = pathlib.Path(folder.name)

    @contextlib.contextmanager
    def capture(self, *options):
        """Captures what the block does; ends the capture as Ctrl-C does."""
        recording = Recording(self.files / f"{self.id()}.pcapng")
        verb = subprocess.Popen([TAPLOOM, "capture", "--name", self.fabric.name, "-w", recording.path, *options],
                                text=True, stderr=subprocess.PIPE)  # fmt: skip
        recording.said = verb.stderr.readline()
        assert recording.said.startswith("capturing "), recording.said + verb.stderr.read()
        try:
            yield recording
        finally:
            verb.send_signal(signal.SIGINT)
            recording.said += verb.communicate(timeout=20)[1]
        assert verb.returncode == 0, recording.said

    def fetch(self, address):
        self.inside.run("curl", "--silent", "--max-time", "10", "--output", "/dev/null", f"http://{address}/")

    def test_a_packet_has_one_id_on_both_sides_of_the_nat_gateway(self):
        with self.capture() as recording:
            self.fetch(OUTSIDE)
        syn = recording.frames("frame.packet_id", "frame.interface_name", "frame.packet_flags_direction", "ip.src",
                               "ip.dst", show="tcp.flags.syn == 1 && tcp.flags.ack == 0")  # fmt: skip
        (entered, left) = syn
        self.assertEqual(("inside", "0x00000001", INSIDE, OUTSIDE), entered[1:])
        self.assertEqual(("outside", "0x00000002", ELASTIC, OUTSIDE), left[1:])
        self.assertEqual(entered[0], left[0])

    def test_the_first_packet_names_the_rules_that_let_it_pass(self):
        with self.capture() as recording:
            self.fetch(NEIGHBOR)
        ((comment,),) = recording.frames(
            "frame.comment", show="tcp.flags.syn == 1 && tcp.flags.ack == 0 && frame.packet_flags_direction == 1"
        )
        self.assertRegex(comment, r"^quiet sgr-[0-9a-f]{17} > web sgr-[0-9a-f]{17}$")

    def test_a_drop_names_its_rule(self):
        with self.capture() as recording, self.fabric.dropping(self.neighbor, "SG_INGRESS_DENIED"):
            self.neighbor.run("ping", "-c", "1", "-W", "1", INSIDE, expect=None)
        ((name, comment),) = recording.frames("frame.interface_name", "frame.comment", show="icmp")
        self.assertEqual("neighbor", name)
        self.assertEqual("DROP SG_INGRESS_DENIED (ENI_SG_RULES_MISMATCH) security group ingress: no ingress rule of "
                         f"quiet allows icmp type 8 code 0 from {NEIGHBOR}", comment)  # fmt: skip

    def test_checksums_are_finished_and_nothing_is_malformed(self):
        with self.capture() as recording:
            self.fetch(OUTSIDE)
            self.fetch(NEIGHBOR)
        self.assertGreater(len(recording.frames("frame.number", show="tcp")), 20)
        bad = '_ws.malformed || ip.checksum.status == "Bad" || tcp.checksum.status == "Bad"'
        self.assertEqual([], recording.frames("frame.number", "frame.interface_name", show=bad))

    def test_only_the_interfaces_and_frames_that_are_asked_for(self):
        with self.capture("--on", "outside", "--filter", "tcp port 80 and not src host 5.6.7.8") as recording:
            self.fetch(OUTSIDE)
            self.fetch(NEIGHBOR)
            self.inside.run("ping", "-c", "1", "-W", "1", OUTSIDE, expect=None)
        self.assertEqual({("outside", ELASTIC)}, set(recording.frames("frame.interface_name", "ip.src")))

    def test_it_ends_by_itself_at_the_count(self):
        path = self.files / "count.pcapng"
        verb = subprocess.Popen([TAPLOOM, "capture", "--name", self.fabric.name, "-w", path, "--count", "5"],
                                text=True, stderr=subprocess.PIPE)  # fmt: skip
        verb.stderr.readline()
        self.fetch(NEIGHBOR)
        said = verb.communicate(timeout=20)[1]
        self.assertEqual((0, "the count is reached: 5 frames written, 0 lost\n"), (verb.returncode, said))
        self.assertEqual(5, len(Recording(path).frames("frame.number")))

    def test_into_a_pipe(self):
        verb = subprocess.Popen([TAPLOOM, "capture", "--name", self.fabric.name, "-w", "-", "--count", "4"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        verb.stderr.readline()
        self.fetch(NEIGHBOR)
        data, said = verb.communicate(timeout=20)
        self.assertEqual(0, verb.returncode, said)
        path = self.files / "pipe.pcapng"
        path.write_bytes(data)
        self.assertEqual(4, len(Recording(path).frames("frame.number")))

    def test_replaying_it_gives_the_verdicts_that_the_fabric_gave(self):
        with self.capture() as recording:
            self.fetch(OUTSIDE)
            self.fetch(NEIGHBOR)
            self.neighbor.run("ping", "-c", "1", "-W", "1", INSIDE, expect=None)
            self.inside.ping(OUTSIDE)
        # By packet: where it left or why it did not.
        lived = {}
        for number, name, direction, comment in recording.frames(
            "frame.packet_id", "frame.interface_name", "frame.packet_flags_direction", "frame.comment"
        ):
            if direction == "0x00000001":
                dropped = comment.split()[1] if comment.startswith("DROP ") else None
                lived[int(number)] = [name, dropped, []]
            else:
                lived[int(number)][2].append(name)
        replayed = []
        result = taploom("replay", recording.path, "-f", self.fabric.file, "--verdicts", "-")
        for line in map(json.loads, result.stdout.splitlines()):
            dropped = line.get("drop", {}).get("reason")
            replayed.append([line["in"], dropped, [line["out"]] if "out" in line else []])
        self.assertEqual([lived[number] for number in sorted(lived)], replayed)
        verdicts = collections.Counter(dropped for _, dropped, _ in replayed)
        self.assertEqual(1, verdicts["SG_INGRESS_DENIED"], verdicts)
        self.assertGreater(verdicts[None], 15)

    def test_nothing_is_recorded_when_nobody_captures(self):
        with self.capture() as recording:
            pass
        self.fetch(NEIGHBOR)
        self.assertEqual([], recording.frames("frame.number", show="tcp"))

    def test_a_second_capture_takes_over(self):
        with self.capture() as second:
            pass  # makes sure that one can follow another
        first = subprocess.Popen([TAPLOOM, "capture", "--name", self.fabric.name, "-w", self.files / "first.pcapng"],
                                 text=True, stderr=subprocess.PIPE)  # fmt: skip
        first.stderr.readline()
        second.path = self.files / "second.pcapng"
        with self.capture():
            said = first.communicate(timeout=20)[1]
        self.assertTrue(said.startswith("another capture or trace has begun"), said)

    def test_says_what_is_wrong(self):
        def refused(*options):
            return taploom("capture", "--name", self.fabric.name, *options, expect=2).stderr

        self.assertIn('called "insid"; did you mean "inside"?', refused("--on", "insid"))
        self.assertIn('"port eighty" is no filter: ', refused("--filter", "port eighty", "-w", self.files / "x"))
        self.assertIn('--count is "none", expected 1-', refused("--count", "none"))


if __name__ == "__main__":
    main()
