"""A running fabric as a test sees it: `taploom up` on entering, `taploom down` on leaving, its nodes in between.

Names of namespaces are the host's, so every fabric has a name of its own: t<process>-<test>. What an interrupted run
left behind is taken down by the next one.
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from node import Node, has_heard
from waiting import wait_for

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
TAPLOOM = str(pathlib.Path(os.environ.get("TAPLOOM_BIN_DIR", REPOSITORY / "build/release/bin")).resolve() / "taploom")
RUN_ROOT = pathlib.Path("/run/taploom")
SKIPPED = 77  # exit code, as CMakeLists.txt tells ctest


def taploom(*arguments, expect=0, timeout=60, **options):
    """Runs the command line to its end; `expect`: the exit code that is no failure, None for any."""
    result = subprocess.run([TAPLOOM, *map(str, arguments)], text=True, capture_output=True, timeout=timeout, **options)
    assert expect is None or result.returncode == expect, (
        f"taploom {' '.join(map(str, arguments))}: exit {result.returncode}\n{result.stdout}{result.stderr}"
    )
    return result


class Fabric:
    """Context manager. `topology`: a path, or the text of a topology file. `workers`: of the dataplane; None: as many
    as `up` chooses."""

    def __init__(self, label, topology, workers=os.environ.get("TAPLOOM_TEST_WORKERS")):
        self.workers = workers
        self.name = f"t{os.getpid()}-{label}"
        self.folder = RUN_ROOT / self.name
        self.ca = str(self.folder / "ca.pem")
        self._files = tempfile.TemporaryDirectory(prefix="taploom-scenario-")
        self.file = topology if isinstance(topology, pathlib.Path) else self.write(topology)

    def write(self, topology):
        """Writes a topology file and returns its path, for up and apply."""
        path = pathlib.Path(self._files.name) / "topology.yaml"
        path.write_text(topology)
        return path

    def __enter__(self):
        _take_down_abandoned()
        try:
            self.up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Takes the fabric down, whatever state it is in."""
        if self.folder.exists():
            taploom("down", self.name)
        self._files.cleanup()

    # --- the command line, on this fabric ---

    def up(self, expect=0):
        options = ["--workers", self.workers] if self.workers else []
        return taploom("up", self.file, "--name", self.name, *options, expect=expect)

    def down(self):
        return taploom("down", self.name)

    def apply(self, file, *options, expect=0):
        return taploom("apply", file, "--name", self.name, *options, expect=expect)

    def get(self, kind, *name):
        return json.loads(taploom("get", kind, *name, "--name", self.name, "-o", "json").stdout)

    def flows(self, *options):
        """The rows of `flows`; `options` choose them."""
        return json.loads(taploom("flows", "--name", self.name, "-o", "json", *options).stdout)

    def last_drops(self, name):
        """What `explain --last-drop` tells of the packets that were dropped last at a node."""
        result = taploom("explain", "--last-drop", name, "--name", self.name, "-o", "json", expect=None)
        return json.loads(result.stdout)["drops"]

    def summary(self):
        return next(row for row in json.loads(taploom("ls", "-o", "json").stdout) if row["name"] == self.name)

    def explain(self, source, destination):
        """None when `explain` says that a packet passes and its reply comes back, else the drop reason it gives.

        A path that is open and still of no use has its explanation code instead ("NOTHING_LISTENS").
        """
        result = taploom("explain", source, destination, "--name", self.name, "-o", "json", expect=None)
        assert result.returncode in (0, 1), result.stderr
        answer = json.loads(result.stdout)
        ways = [answer[way] for way in ("forward", "reply") if way in answer]
        reasons = [way["drop"]["reason"] for way in ways if "drop" in way]
        reasons += [each["ExplanationCode"] for each in answer["Explanations"] if each["is_failure"]]
        assert (result.returncode == 0) == answer["passes"] == (not reasons), result.stdout
        return reasons[0] if reasons else None

    # --- what runs ---

    def node(self, name):
        """An instance, an internet host, or a load-balancer node ("front/public-a")."""
        prefix = [TAPLOOM, "exec", name, "--name", self.name, "--"]
        return Node(name, f"/run/netns/tl-{self.name}-{name.replace('/', '.')}", prefix)

    def drops(self):
        """Counter of dropped packets by (the node that sent them, reason)."""
        rows = self.get("drops")
        return collections.Counter({(row["name"], row["reason"]): row["packets"] for row in rows})

    @contextlib.contextmanager
    def dropping(self, sender, reason):
        """What the block makes `sender` send ends as a drop for this reason, and for no other.

        Multicast is left out: kernels announce themselves (MLD, router solicitations) when they please.
        """
        def counted():
            news = self.drops() - before
            return {why: count for (who, why), count in news.items() if who == sender.name and why != ignored}

        ignored = None if reason == "NOT_UNICAST" else "NOT_UNICAST"
        before = self.drops()
        yield
        wait_for(counted, f"{sender.name}: a drop for {reason}")
        assert counted().keys() == {reason}, f"{sender.name}: dropped for {counted()}, not for {reason} alone"

    def processes(self):
        """(pid, start time) of control, the dataplane, and everything inside the instances."""
        summary = self.summary()
        namespaces = {os.stat(row["netns"]).st_ino for row in self.get("namespaces")}
        found = {summary["control_pid"], summary["dataplane_pid"]}
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.stat(process / "ns/net").st_ino in namespaces:
                    found.add(int(process.name))
        return {(pid, since) for pid in found if (since := start_time(pid)) is not None}


def start_time(pid):
    """When the process began, in clock ticks; None when there is none. With the pid it names a process for good."""
    try:
        # The name in parentheses may contain anything; state and start time are fields 3 and 22.
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def host_taps():
    """TUN and TAP devices of the host's own namespace: a fabric has all of its own inside the instances."""
    return {path.parent.name for path in pathlib.Path("/sys/class/net").glob("*/tun_flags")}


def leftovers(name, processes=()):
    """Everything on this host that belongs to the fabric. `processes`: what its processes() told when it ran."""
    found = [str(path) for path in pathlib.Path("/run/netns").glob(f"tl-{name}-*")]
    found += map(str, pathlib.Path("/etc/netns").glob(f"tl-{name}-*"))
    if (RUN_ROOT / name).exists():
        found.append(str(RUN_ROOT / name))
    mine = re.compile(rf"tl-{name}-|{RUN_ROOT}/{name}/")
    found += [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if mine.search(line)]
    found += [f"process {pid}" for pid, since in processes if start_time(pid) == since]
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().split(b"\0")
            if f"TAPLOOM_FABRIC={name}".encode() in environment or name.encode() in command:
                found.append(f"process {process.name}: {b' '.join(command).decode(errors='replace')}")
    return found


def _take_down_abandoned():
    for folder in RUN_ROOT.glob("t*-*"):
        owner = re.fullmatch(r"t(\d+)-.+", folder.name)
        if owner and not pathlib.Path(f"/proc/{owner[1]}").exists():
            taploom("down", folder.name, expect=None)


class FabricTest(unittest.TestCase):
    """Tests that share one fabric. Subclasses set `label` and `topology`; leaving anything behind fails them.

    With the environment variable TAPLOOM_TEST_WORKERS the same story is told by a dataplane with so many workers.
    """

    label = None
    topology = None
    workers = os.environ.get("TAPLOOM_TEST_WORKERS")
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.fabric = Fabric(cls.label, cls.topology, cls.workers)
        cls.addClassCleanup(cls._close)
        cls.fabric.__enter__()

    @classmethod
    def _close(cls):
        cls.fabric.close()
        assert not (left := leftovers(cls.fabric.name)), f"left behind: {left}"

    def assert_open(self, source, address, port):
        """A TCP connection to a TcpServer is made and answers."""
        with source.connect(address, port) as connection:
            self.assertTrue(connection.recv(100).endswith(b"\n"))

    def assert_silent(self, source, address, port, reason, counted_at=None):
        """Nothing comes back to a SYN: it, or the answer of the node `counted_at`, is dropped for `reason`."""
        with source.capture() as wire:
            with self.fabric.dropping(counted_at or source, reason):
                connection = source.begin_connect(address, port)
            with connection:
                own_port = connection.getsockname()[1]
                self.assertFalse(has_heard(connection))
        received = [frame for frame in wire if not frame.sent]
        ends = (address, port, own_port)  # what other connections of this node hear meanwhile is theirs
        answers = [frame for frame in received if (frame.source, frame.source_port, frame.destination_port) == ends]
        errors = [frame for frame in received if frame.is_icmp_error]
        self.assertEqual([], list(map(str, answers + errors)))


def main():
    """Runs the tests of the calling script."""
    if os.geteuid() != 0:
        print("namespaces and TAP devices need root", file=sys.stderr)
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
