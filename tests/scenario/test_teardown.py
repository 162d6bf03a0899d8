#!/usr/bin/python3
"""However a fabric ends, and whatever ran in it, nothing of it is left on the host."""

import contextlib
import os
import pathlib
import signal
import subprocess
import unittest

from taploom_fabric import EXAMPLES, TAPLOOM, Fabric, host_taps, leftovers, main, start_time, taploom
from waiting import wait_for

THREE_TIER = EXAMPLES / "three-tier" / "topology.yaml"
PROGRAMS = {"nginx", "mariadbd", "haproxy", "taploom-control", "taploom-dataplane"}


def program_names(processes):
    """The names of those that still live, as the kernel has them (15 characters)."""
    names = set()
    for pid, since in processes:
        with contextlib.suppress(OSError):
            name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            if start_time(pid) == since:
                names.add(name)
    return names


class Teardown(unittest.TestCase):
    """The three-tier example with everything running in it: what `up` has started is what has to be gone."""

    def setUp(self):
        self.taps = host_taps()
        self.fabric = self.enterContext(Fabric("end", THREE_TIER))
        self.processes = self.everything()

    def everything(self):
        """The fabric's processes, once each of its programs is among them."""
        expected = {name[:15] for name in PROGRAMS}
        wait_for(lambda: expected <= program_names(self.fabric.processes()), f"{expected} run")
        return self.fabric.processes()

    def assert_nothing_left(self):
        self.assertEqual([], leftovers(self.fabric.name, self.processes))
        self.assertEqual(self.taps, host_taps())

    def control(self):
        return self.fabric.summary()["control_pid"]

    def kill_control(self):
        control = self.control()
        os.kill(control, signal.SIGKILL)
        return control

    def test_down_leaves_nothing(self):
        self.fabric.down()
        self.assert_nothing_left()
        self.assertIn("no fabric", taploom("down", self.fabric.name, expect=2).stderr)

    def test_a_daemon_that_left_its_session_and_ignores_sigterm_ends_too(self):
        daemon = "trap '' TERM; echo started; while :; do sleep 1000; done"
        # setsid forks and ends: the daemon is a child of nobody we know.
        with self.fabric.node("db-1").popen("setsid", "--fork", "bash", "-c", daemon, stdout=subprocess.PIPE) as setsid:
            self.assertEqual("started\n", setsid.stdout.readline())
        before, self.processes = self.processes, self.fabric.processes()
        self.assertIn("bash", program_names(self.processes - before))
        self.fabric.down()
        self.assert_nothing_left()

    def test_down_after_control_was_killed_leaves_nothing(self):
        self.kill_control()
        self.fabric.down()
        self.assert_nothing_left()

    def test_up_after_control_was_killed_starts_afresh(self):
        self.kill_control()
        self.assertIn("removing what a crashed run left behind", self.fabric.up().stderr)
        before, self.processes = self.processes, self.everything()
        self.assertEqual(set(), {process for process in before if start_time(process[0]) == process[1]})
        self.fabric.node("client").ping("5.6.7.8")
        self.fabric.down()
        self.assert_nothing_left()

    def test_a_killed_control_is_reported(self):
        control = self.kill_control()
        wait_for(lambda: start_time(control) is None, "control is dead")
        self.assertEqual("crashed", self.fabric.summary()["state"])
        self.assertEqual(2, taploom("get", "instances", "--name", self.fabric.name, expect=None).returncode)

    def test_a_killed_dataplane_is_reported_and_replaced(self):
        before = self.fabric.summary()
        os.kill(before["dataplane_pid"], signal.SIGKILL)
        wait_for(lambda: self.fabric.summary()["dataplane_restarts"] == 1, "the dataplane runs again")
        after = self.fabric.summary()
        self.assertEqual("running", after["state"])
        self.assertNotEqual(before["dataplane_pid"], after["dataplane_pid"])
        log = (self.fabric.folder / "control.log").read_text()
        self.assertIn("the dataplane has died: signal 9 (Killed)", log)
        self.fabric.node("client").ping("5.6.7.8")
        self.processes |= self.fabric.processes()
        self.fabric.down()
        self.assert_nothing_left()


class Foreground(unittest.TestCase):
    def test_ctrl_c_takes_a_fabric_in_the_foreground_down(self):
        fabric = Fabric("front", THREE_TIER)
        self.addCleanup(fabric.close)
        # A terminal sends Ctrl-C to the whole group: to `taploom up` and to control at once.
        up = subprocess.Popen([TAPLOOM, "up", "--foreground", fabric.file, "--name", fabric.name],
                              text=True, stderr=subprocess.PIPE, start_new_session=True)  # fmt: skip
        self.addCleanup(up.stderr.close)
        self.assertTrue(any("is up" in line for line in up.stderr))
        processes = fabric.processes()
        os.killpg(up.pid, signal.SIGINT)
        up.stderr.read()
        self.assertEqual(0, up.wait(timeout=20))
        self.assertEqual([], leftovers(fabric.name, processes))


class FailedUp(unittest.TestCase):
    def test_an_up_that_fails_half_way_leaves_nothing_and_touches_nothing(self):
        fabric = Fabric("fails", THREE_TIER)
        self.addCleanup(fabric.close)
        taken = f"tl-{fabric.name}-db-1"
        subprocess.run(["ip", "netns", "add", taken], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "del", taken], check=True)
        self.assertIn("exists already", fabric.up(expect=None).stderr)
        self.assertTrue(os.path.exists(f"/run/netns/{taken}"), "it was not ours")
        self.assertEqual([], [left for left in leftovers(fabric.name) if taken not in left])


if __name__ == "__main__":
    main()
