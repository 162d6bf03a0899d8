#!/usr/bin/python3
"""`capture` records a running fabric in one pcapng, tshark reads it, and `replay` gives its verdicts again."""

import collections
import pathlib
import socket
import subprocess
import tempfile

import recording as recordings
from behind_nat import ELASTIC, INSIDE, NEIGHBOR, OUTSIDE, behind_nat
from recording import Recording, replayed_verdicts
from taploom_fabric import TAPLOOM, FabricTest, main, taploom
from waiting import wait_for

NAT_INSIDE = "10.0.1.4"  # the first address that a subnet gives away
BULK = 9000

SERVES = 'run: ["exec python3 -m http.server 80"]'
TOPOLOGY = behind_nat("capture", "{quiet: {}, web: {ingress: [{protocol: tcp, ports: 80, from: 0.0.0.0/0}]}}",
                      "security_groups: [quiet]", f"security_groups: [web], {SERVES}", SERVES)  # fmt: skip


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

    def capture(self, *options):
        return recordings.capture(self.fabric, self.files / f"{self.id()}.pcapng", *options)

    def fetch(self, address):
        self.inside.run("curl", "--silent", "--max-time", "10", "--output", "/dev/null", f"http://{address}/")

    def test_a_packet_has_one_id_at_every_hop_across_nat(self):
        with self.capture() as recording:
            self.fetch(OUTSIDE)
        fields = ("frame.packet_id", "frame.interface_name", "frame.packet_flags_direction", "ip.src", "ip.dst", "ip.ttl")
        syn = recording.frames(*fields, show="tcp.flags.syn == 1 && tcp.flags.ack == 0")
        came, left = "0x00000001", "0x00000002"
        self.assertEqual([("inside", came, INSIDE, OUTSIDE, "64"),
                          ("nat", came, INSIDE, OUTSIDE, "64"), ("nat", left, NAT_INSIDE, OUTSIDE, "63"),
                          ("igw", came, NAT_INSIDE, OUTSIDE, "63"), ("igw", left, ELASTIC, OUTSIDE, "62"),
                          ("outside", left, ELASTIC, OUTSIDE, "62")], [frame[1:] for frame in syn])  # fmt: skip
        self.assertEqual(1, len({frame[0] for frame in syn}))
        answer = recording.frames(*fields, show="tcp.flags.syn == 1 && tcp.flags.ack == 1")
        self.assertEqual([("outside", came, OUTSIDE, ELASTIC, "64"),
                          ("igw", came, OUTSIDE, ELASTIC, "64"), ("igw", left, OUTSIDE, NAT_INSIDE, "64"),
                          ("nat", came, OUTSIDE, NAT_INSIDE, "64"), ("nat", left, OUTSIDE, INSIDE, "63"),
                          ("inside", left, OUTSIDE, INSIDE, "63")], [frame[1:] for frame in answer])  # fmt: skip
        self.assertEqual([], recording.bad_frames())

    def test_only_a_gateway(self):
        with self.capture("--on", "nat") as recording:
            self.fetch(OUTSIDE)
            self.fetch(NEIGHBOR)
        frames = recording.frames("frame.interface_name", "ip.src", show="tcp.flags.syn == 1")
        self.assertEqual([("nat", INSIDE), ("nat", NAT_INSIDE), ("nat", OUTSIDE), ("nat", OUTSIDE)], frames)

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

    def test_a_drop_at_a_gateway_shows_there(self):
        with self.capture() as recording, self.fabric.dropping(self.outside, "NAT_UNSOLICITED_INBOUND"):
            self.outside.run("ping", "-c", "1", "-W", "1", ELASTIC, expect=None)
        frames = recording.frames("frame.packet_id", "frame.interface_name", "frame.packet_flags_direction", "ip.dst",
                                  "frame.comment", show="icmp")  # fmt: skip
        came, left = "0x00000001", "0x00000002"
        self.assertEqual([("outside", came, ELASTIC), ("igw", came, ELASTIC), ("igw", left, NAT_INSIDE),
                          ("nat", came, NAT_INSIDE)], [frame[1:4] for frame in frames])  # fmt: skip
        self.assertEqual(1, len({frame[0] for frame in frames}))
        comments = [frame[4] for frame in frames]
        self.assertRegex(comments[0], "^DROP NAT_UNSOLICITED_INBOUND .*NAT gateway: ")
        self.assertEqual([comments[0], "", "", comments[0]], comments)
        self.assertEqual([], recording.bad_frames())

    def test_an_error_that_is_dropped_was_at_the_gateways_that_let_it_pass(self):
        with self.capture() as recording, self.fabric.dropping(self.outside, "SG_INGRESS_DENIED"):
            with self.inside.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.sendto(b"anybody there?", (OUTSIDE, 9))
        fields = ("frame.interface_name", "frame.packet_flags_direction", "ip.dst", "ip.src", "udp.srcport")
        (sent,) = recording.frames("udp.srcport", show="udp && frame.interface_name == outside && !icmp")
        (asked,) = recording.frames("udp.srcport", show="udp && frame.interface_name == inside && !icmp")
        error = recording.frames(*fields, show="icmp.type == 3")
        came, left = "0x00000001", "0x00000002"
        # The outer destination, and of the quoted packet source and port.
        self.assertEqual([("outside", came, f"{ELASTIC},{OUTSIDE}", f"{OUTSIDE},{ELASTIC}", *sent),
                          ("igw", came, f"{ELASTIC},{OUTSIDE}", f"{OUTSIDE},{ELASTIC}", *sent),
                          ("igw", left, f"{NAT_INSIDE},{OUTSIDE}", f"{OUTSIDE},{NAT_INSIDE}", *sent),
                          ("nat", came, f"{NAT_INSIDE},{OUTSIDE}", f"{OUTSIDE},{NAT_INSIDE}", *sent),
                          ("nat", left, f"{INSIDE},{OUTSIDE}", f"{OUTSIDE},{INSIDE}", *asked)], error)  # fmt: skip
        self.assertEqual([], recording.bad_frames())

    def test_checksums_are_finished_and_nothing_is_malformed(self):
        with self.capture() as recording:
            self.fetch(OUTSIDE)
            self.fetch(NEIGHBOR)
        self.assertGreater(len(recording.frames("frame.number", show="tcp")), 20)
        self.assertEqual([], recording.bad_frames())

    def test_superframes_are_shown_whole_with_right_checksums(self):
        with self.capture("--filter", f"tcp port {BULK}") as recording, self.outside.tcp_server(BULK):
            with self.inside.connect(OUTSIDE, BULK) as connection:
                connection.sendall(bytes(600_000))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass
        large = recording.frames("frame.comment", show="frame.len > 9100 && frame.packet_flags_direction == 1 && "
                                                       "frame.interface_name == inside")  # fmt: skip
        self.assertTrue(large, "a sender with segmentation offload sends superframes")
        for (comment,) in large:
            self.assertRegex(comment, r"superframe, in segments of \d+ bytes of payload$")
        self.assertEqual([], recording.bad_frames())

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

    def test_it_ends_by_itself_when_the_time_is_over(self):
        path = self.files / "seconds.pcapng"
        said = taploom("capture", "--name", self.fabric.name, "-w", path, "--seconds", "1").stderr
        self.assertRegex(said, r"\nthe time is over: \d+ frames written, 0 lost\n$")
        Recording(path).frames("frame.number")

    def test_files_rotate_and_together_hold_everything(self):
        with self.capture("--rotate", "1", "--filter", f"tcp port {BULK}") as recording:
            with self.outside.tcp_server(BULK), self.inside.connect(OUTSIDE, BULK) as connection:
                for _ in range(4):
                    connection.sendall(bytes(300_000))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass
        files = sorted(self.files.glob(f"{recording.path.name}*"), key=lambda path: (len(path.name), path.name))
        self.assertGreater(len(files), 3, files)
        self.assertEqual([recording.path.name, f"{recording.path.name}.1", f"{recording.path.name}.2"],
                         [path.name for path in files[:3]])  # fmt: skip
        counts = [len(Recording(path).frames("frame.number")) for path in files]
        self.assertIn(f" {sum(counts)} frames written, 0 lost", recording.said)
        for path in files[:-1]:
            self.assertLess(path.stat().st_size, 1_000_000 + 400_000, "a packet's frames stay together")
        self.assertEqual({"inside", "outside", "nat", "igw"},
                         {name for path in files for (name,) in Recording(path).frames("frame.interface_name")})  # fmt: skip

    def test_no_more_of_a_frame_than_was_asked_for(self):
        with self.capture("--snap", "96", "--filter", "tcp") as recording:
            self.fetch(NEIGHBOR)
        sizes = [(int(whole), int(kept)) for whole, kept in recording.frames("frame.len", "frame.cap_len")]
        self.assertTrue(any(whole > 96 for whole, _ in sizes))
        self.assertEqual([min(whole, 96) for whole, _ in sizes], [kept for _, kept in sizes])

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
        lived = recording.verdicts({"inside", "neighbor", "outside"})
        self.assertEqual(lived, replayed_verdicts(recording.path, self.fabric.file))
        reasons = collections.Counter(dropped for _, dropped, _ in lived)
        self.assertEqual(1, reasons["SG_INGRESS_DENIED"], reasons)
        self.assertGreater(reasons[None], 15)

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
