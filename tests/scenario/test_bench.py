#!/usr/bin/python3
"""`bench` measures beside its yardsticks, and leaves the host as it found it. No figure is judged here."""

import json
import pathlib
import signal
import subprocess
import unittest

from taploom_fabric import TAPLOOM, host_taps, main, taploom
from waiting import wait_for


def traces():
    """What benchmarks make on this host."""
    names = [path.name for path in pathlib.Path("/run/netns").glob("*tlbench-*")]
    names += [path.name for path in pathlib.Path("/run/taploom").glob("tlbench-*")]
    names += [path.name for path in pathlib.Path("/tmp").glob("taploom-bench-*")]
    return sorted(names) + sorted(host_taps())


class Bench(unittest.TestCase):
    def setUp(self):
        self.before = traces()

    def tearDown(self):
        self.assertEqual(self.before, traces())

    def test_every_figure_stands_beside_both_yardsticks(self):
        loads = ("--load", "round-trip", "--load", "http-new", "--load", "tcp-1", "--load", "udp-small")
        result = taploom("bench", "--rounds", "1", "--seconds", "1", *loads, "-o", "json", timeout=180)
        rows = json.loads(result.stdout)["rows"]
        figures = {(row["name"], row["yardstick_name"]) for row in rows}
        names = ("TCP 1 stream, client sends", "CPU per gigabit", "UDP 16 B delivered", "UDP 16 B lost",
                 "TCP round trip p50", "TCP round trip p99", "new HTTP connections")  # fmt: skip
        self.assertEqual({(name, rig) for name in names for rig in ("no-op forwarder", "kernel router")}, figures)
        for row in rows:
            if row["name"] == "UDP 16 B lost":
                continue
            self.assertGreater(row["value"], 0, row)
            self.assertGreater(row["yardstick"], 0, row)
            self.assertAlmostEqual(row["value"] / row["yardstick"], row["ratio"], msg=row)

    def test_bytes_arrive_as_they_were_sent_at_each_size_by_both_families(self):
        """A run ends with an error when a SHA-256 differs."""
        for arguments in (("--mtu", "1280", "--ipv6"), ("--mtu", "9001"), ("--mtu", "9001", "--ipv6")):
            with self.subTest(arguments=arguments):
                result = taploom("bench", "--rounds", "1", "--seconds", "1", "--load", "tcp-1-down", "-o", "json",
                                 *arguments, timeout=180)  # fmt: skip
                for row in json.loads(result.stdout)["rows"]:
                    self.assertGreater(row["value"], 0, row)
                    self.assertGreater(row["yardstick"], 0, row)

    def test_frames_by_io_uring_stand_beside_frames_one_by_one(self):
        checks = {row["check"]: row for row in json.loads(taploom("doctor", "-o", "json", expect=None).stdout)}
        if checks["io_uring"]["state"] != "ok":
            self.skipTest(checks["io_uring"]["detail"])
        loads = ("--load", "udp-small", "--load", "idle")
        result = taploom("bench", "--rounds", "1", "--seconds", "1", "--io", "io_uring", *loads, "-o", "json",
                         timeout=180)  # fmt: skip
        rows = json.loads(result.stdout)["rows"]
        (row,) = (
            row
            for row in rows
            if (row["name"], row["yardstick_name"]) == ("UDP 16 B delivered", "taploom, read-write")
        )
        self.assertGreater(row["value"], 0)
        self.assertEqual(1.5, row["target"])

    def test_an_interrupted_run_takes_everything_away(self):
        run = subprocess.Popen([TAPLOOM, "bench", "--seconds", "60"], stderr=subprocess.PIPE, text=True)
        for line in run.stderr:
            if "tcp-1 · taploom" in line:
                break
        wait_for(lambda: _children(run.pid), "the first load runs")
        run.send_signal(signal.SIGINT)
        _, talk = run.communicate(timeout=60)
        self.assertEqual(3, run.returncode, talk)
        self.assertIn("interrupted", talk)

    def test_what_makes_no_sense_is_said(self):
        for arguments, message in (
            (("--load", "tcp1"), 'taploom: no load "tcp1"; did you mean "tcp-1"?\n'),
            (("--rounds", "0"), 'taploom: --rounds takes a whole number of at least 1, not "0"\n'),
            (("--seconds", "2s"), 'taploom: --seconds takes a whole number of at least 1, not "2s"\n'),
            (("--mtu", "9000"), 'taploom: --mtu takes 1280, 1500 or 9001, not "9000"\n'),
            (("--io", "epoll"), 'taploom: --io takes read-write or io_uring, not "epoll"\n'),
            (("--peer", "vpp"), 'taploom: no peer "vpp"; there are: ovs, ovs-plain\n'),
            (("--ipv6", "--load", "round-trip"), "taploom: the program of the load round-trip knows no IPv6\n"),
        ):
            self.assertEqual(message, taploom("bench", *arguments, expect=2).stderr)


def _children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


if __name__ == "__main__":
    main()
