"""A running fabric for scenario tests: real binaries, real namespaces, real programs.

    with Fabric(TOPOLOGY) as fabric:
        fabric.run("web-1", "ping", "-c1", "10.0.3.200")

Tests look at what is on the wire (capture) and at what the fabric says of itself (get). Nothing here sleeps for a result:
wait_for asks real state again until it holds or a deadline passes.
"""
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

BIN = pathlib.Path(os.environ["TAPLOOM_BIN_DIR"])
ROOT = pathlib.Path(__file__).resolve().parents[2]
PATTERN = ROOT / "examples" / "three-tier" / "pattern.py"
THREE_TIER = ROOT / "examples" / "three-tier" / "topology.yaml"
RUN_DIR = pathlib.Path("/run/taploom")
DEADLINE = 30.0  # seconds for anything that should take milliseconds: a loaded machine must not fail a test


def taploom(*arguments, check=True, timeout=60, **options):
    """Runs the command line; its CompletedProcess with text output."""
    result = subprocess.run([BIN / "taploom", *map(str, arguments)], text=True, capture_output=True, timeout=timeout,
                            **options)
    if check and result.returncode != 0:
        raise AssertionError(f"taploom {' '.join(map(str, arguments))}: exit {result.returncode}\n{result.stderr}")
    return result


def wait_for(condition, what, deadline=DEADLINE):
    """The first true value of condition(); fails when there is none before the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}")
        time.sleep(0.05)  # between two looks at real state, not in place of one


def leftovers(name):
    """What of the fabric `name` still exists on this host."""
    prefix = f"tl-{name}-"
    left = [f"namespace {entry.name}" for entry in _entries("/run/netns") if entry.name.startswith(prefix)]
    left += [f"resolver files {entry}" for entry in _entries("/etc/netns") if entry.name.startswith(prefix)]
    if (RUN_DIR / name).exists():
        left.append(f"folder {RUN_DIR / name}")
    mounts = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    left += [f"mount {line}" for line in mounts if prefix in line or f"{RUN_DIR}/{name}/" in line]
    for process in _processes():
        with contextlib.suppress(OSError):
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            is_ours = f"TAPLOOM_FABRIC={name}".encode() in environment
            if command and (is_ours or (f"{RUN_DIR}/{name}/" in command)):
                left.append(f"process {process.name}: {command}")
    return left


def _entries(folder):
    path = pathlib.Path(folder)
    return sorted(path.iterdir()) if path.is_dir() else []


def _processes():
    return [entry for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]


class Capture:
    """tcpdump on a device of a namespace, from the moment it listens."""

    def __init__(self, namespace, expression="", device="eth0"):
        self.file = pathlib.Path(tempfile.mkstemp(suffix=".pcap")[1])
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, "tcpdump", "-i", device, "-U", "--immediate-mode", "-s", "200", "-n", "-w", self.file,
             *expression.split()], stderr=subprocess.PIPE, text=True)
        for line in self._process.stderr:
            if "listening on" in line:
                break
        else:
            raise AssertionError(f"tcpdump does not listen in {namespace}")

    def packets(self):
        """What was seen so far, one tcpdump line each: "10.0.1.100.40000 > 10.0.2.50.80: Flags [S], …"."""
        result = subprocess.run(["tcpdump", "-nn", "-t", "-r", self.file], text=True, capture_output=True, check=False)
        return result.stdout.splitlines()

    def stop(self):
        """Ends the capture; the packets that were seen."""
        self._process.send_signal(signal.SIGINT)
        self._process.stderr.read()
        self._process.wait(timeout=DEADLINE)
        self._process.stderr.close()
        packets = self.packets()
        self.file.unlink()
        return packets


@functools.lru_cache
def pattern_digest(size):
    """The SHA-256 of the first `size` bytes of the pattern, computed here and not from anything that crossed the fabric."""
    digest = hashlib.sha256()
    with subprocess.Popen(["python3", "-B", PATTERN, str(size)], stdout=subprocess.PIPE) as source:
        while chunk := source.stdout.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


ENDPOINTS = re.compile(r"^IP6? (\S+) > (\S+):")


def endpoints(packets):
    """The (source, destination) pairs of tcpdump lines, each as "address.port" or "address"."""
    return {match.groups() for match in map(ENDPOINTS.match, packets) if match}


def host_of(endpoint):
    """The address in "10.0.2.50.80"; an address without a port is returned as it is."""
    parts = endpoint.split(".")
    return ".".join(parts[:4]) if "." in endpoint else endpoint


class Fabric:
    """`taploom up` … `taploom down`. The topology is YAML text, or the path of a file."""

    def __init__(self, topology, name=None):
        self._folder = None
        if isinstance(topology, pathlib.Path):
            self.file = topology
        else:
            self._folder = pathlib.Path(tempfile.mkdtemp())
            self.file = self._folder / "topology.yaml"
            self.file.write_text(topology)
        text = self.file.read_text()
        self.name = name or re.search(r"^name: *(\S+)", text, re.MULTILINE).group(1)
        self._programs = []

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        for program in self._programs:
            program.kill()
            program.wait()
            for pipe in (program.stdin, program.stdout):
                if pipe:
                    pipe.close()
        taploom("down", self.name, check=False)
        if self._folder:
            shutil.rmtree(self._folder)
        left = leftovers(self.name)
        assert not left, f"left behind: {left}"

    def up(self):
        return taploom("up", self.file, "--name", self.name)

    def apply(self, topology, check=True, dry_run=False):
        self.file.write_text(topology)
        options = ["--dry-run"] if dry_run else []
        return taploom("apply", self.file, "--name", self.name, *options, check=check)

    def namespace(self, instance):
        return f"tl-{self.name}-{instance.replace('/', '.')}"

    def get(self, kind, *names):
        return json.loads(taploom("get", kind, *names, "--name", self.name, "-o", "json").stdout)

    def run(self, instance, *command, timeout=60, check=False, **options):
        """Runs a command inside; its CompletedProcess with text output."""
        return taploom("exec", "--name", self.name, instance, "--", *command, check=check, timeout=timeout, **options)

    def start(self, instance, *command, ready=None, **options):
        """Starts a program inside that runs until the fabric goes; waits for `ready` on its output when given."""
        program = subprocess.Popen(["ip", "netns", "exec", self.namespace(instance), *command], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        self._programs.append(program)
        if ready:
            for line in program.stdout:
                if ready in line:
                    return program
            raise AssertionError(f"{command} ended without saying {ready!r}")
        return program

    def serve(self, instance, *ports, protocol="tcp"):
        """A server on each port that answers every connection or datagram with the caller's address."""
        script = pathlib.Path(__file__).with_name("echo_peer.py")
        program = self.start(instance, "python3", "-B", str(script), protocol, *map(str, ports), ready="listening")
        return program

    def ask(self, instance, address, port, protocol="tcp", timeout=1.0, source_port=0):
        """What a server of serve() answers; None when nothing came back: silence, or (see `refused`) a reset."""
        script = pathlib.Path(__file__).with_name("ask_peer.py")
        result = self.run(instance, "python3", "-B", str(script), protocol, address, str(port), str(timeout),
                          str(source_port))
        return result.stdout.strip() or None

    def capture(self, instance, expression="", device="eth0"):
        return Capture(self.namespace(instance), expression, device)

    def transfer(self, sender, address, port, receiver, size):
        """Sends `size` reproducible bytes over TCP from a server on `sender` to a client on `receiver`; whether they arrived
        as they were sent."""
        listen = f"TCP6-LISTEN:{port}" if ":" in address else f"TCP4-LISTEN:{port}"
        peer = f"TCP6:[{address}]:{port}" if ":" in address else f"TCP4:{address}:{port}"
        self.start(sender, "sh", "-c", f"python3 -B {PATTERN} {size} | socat -u STDIN {listen},reuseaddr")
        wait_for(lambda: self.run(sender, "ss", "-ltnH", f"sport = :{port}").stdout, "the sender listens")
        result = self.run(receiver, "sh", "-c", f"socat -u {peer} STDOUT | sha256sum", timeout=120)
        return result.stdout.split()[0] == pattern_digest(size)

    def drops(self, port_name):
        """Dropped packets that entered at `port_name`, by reason."""
        return {row["reason"]: row["packets"] for row in self.get("drops") if row["name"] == port_name}

    def explain(self, source, destination):
        """True when explain says that it passes."""
        result = taploom("explain", "--name", self.name, source, destination, check=False)
        assert result.returncode in (0, 1), result.stderr
        return result.returncode == 0

    def control_pid(self):
        return int((RUN_DIR / self.name / "control.pid").read_text())

    def wait_until_healthy(self):
        wait_for(lambda: all(row["state"] == "healthy" for row in self.get("targets")), "every target is healthy")
