#!/usr/bin/python3
"""Plays the three-tier example and tells what happened, from captures of the wire. `scripts/demo` calls this.

Nothing here is known beforehand: every address printed under a hop was read from the frames that its namespace saw.
Exit: 0 the story went as README.md tells it · 1 it did not · 3 the host cannot run it.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
FABRIC = "three-tier"
URL = "https://mydomain.com/"
HEALTHY_WITHIN_SECONDS = 60
SILENCE_SECONDS = 2  # how long a connection into nowhere is tried
ROOT = [] if os.geteuid() == 0 else ["sudo"]


class StoryError(Exception):
    """The story did not go as it should."""


# --- talking ---

BOLD, DIM, GREEN, RED, PLAIN = "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m"
if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
    BOLD = DIM = GREEN = RED = PLAIN = ""


def title(text):
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def say(text=""):
    print(text, flush=True)


def progress(text):
    print(f"{DIM}… {text}{PLAIN}", file=sys.stderr, flush=True)


def check(true, sentence):
    if not true:
        raise StoryError(sentence)
    say(f"    {GREEN}✓{PLAIN} {sentence}")


# --- running ---


def run(command, expect=0, **options):
    """Runs to the end; returns the completed process. `expect`: the exit codes that are no failure (None: all)."""
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    allowed = {expect} if isinstance(expect, int) else expect
    if allowed is not None and result.returncode not in allowed:
        raise StoryError(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout}{result.stderr}".rstrip())
    return result


class Taploom:
    """The command line of one build."""

    def __init__(self, folder):
        self._program = str((folder / "taploom").resolve())

    def __call__(self, *arguments, expect=0):
        return run([*ROOT, self._program, *arguments], expect=expect)

    def rows(self, kind):
        answer = json.loads(self("get", kind, "--name", FABRIC, "-o", "json").stdout)
        return answer if isinstance(answer, list) else answer["rows"]

    def execute(self, instance, *command, expect=0):
        return self("exec", "--name", FABRIC, instance, "--", *command, expect=expect)


def namespace(instance):
    return f"tl-{FABRIC}-{instance.replace('/', '.')}"


class Capture:
    """tcpdump on one device of one namespace, from `start` to `stop`; then questions to tshark about what it saw."""

    def __init__(self, folder, label, instance, device="eth0"):
        self.path = folder / f"{label}.pcap"
        self._command = [*ROOT, "ip", "netns", "exec", namespace(instance), "tcpdump", "-i", device]
        self._command += ["-n", "-U", "--immediate-mode", "-Z", "root", "-w", str(self.path)]

    def start(self):
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        for line in self._process.stderr:
            if "listening on" in line:
                return
        raise StoryError(f"tcpdump did not start: {' '.join(self._command)}")

    def stop(self):
        if self._process.poll() is None:
            # Through sudo the signal must come from root; tcpdump is the last process of the session.
            run([*ROOT, "kill", "-INT", "--", f"-{self._process.pid}"], expect=None)
        self._process.stderr.read()
        self._process.wait()

    def fields(self, display_filter, *names, decode=()):
        """The named fields of every frame that matches, as tuples of text."""
        command = ["tshark", "-n", "-r", str(self.path), "-Y", display_filter, "-T", "fields"]
        for rule in decode:
            command += ["-d", rule]
        for name in names:
            command += ["-e", name]
        lines = run([*ROOT, *command]).stdout.splitlines()
        return [tuple(line.split("\t")) for line in lines if line]

    def first(self, what, display_filter, *extra, decode=()):
        """Source, destination and extra fields of the first matching frame."""
        names = ("ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", *extra)
        frames = self.fields(display_filter, *names, decode=decode)
        if not frames:
            raise StoryError(f"{self.path.name}: no frame with {what}")
        return Hop(*frames[0])

    def addresses(self):
        """Every IPv4 address in any frame."""
        return {address for frame in self.fields("ip", "ip.src", "ip.dst") for address in frame}


class Hop:
    """Addresses of one frame, and what else was asked for."""

    def __init__(self, source, source_port, destination, destination_port, *extra):
        self.source, self.source_port = source, int(source_port)
        self.destination, self.destination_port = destination, int(destination_port)
        self.extra = extra

    def __str__(self):
        return f"{self.source}:{self.source_port} → {self.destination}:{self.destination_port}"


@contextlib.contextmanager
def capturing(*captures):
    started = []
    try:
        for capture in captures:
            capture.start()
            started.append(capture)
        yield
    finally:
        for capture in started:
            capture.stop()


# --- the story ---


def wait_until_healthy(taploom):
    """Health is haproxy's own finding; nobody announces it, so it is asked for twice a second."""
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    last = None
    while True:
        targets = taploom.rows("targets")
        states = [f"{target['name']} {target['state']}" for target in targets]
        if states != last:
            progress(f"targets: {', '.join(states) or 'none yet'}")
            last = states
        if targets and all(target["state"] == "healthy" for target in targets):
            return
        if time.monotonic() > deadline:
            raise StoryError(f"not healthy within {HEALTHY_WITHIN_SECONDS} s: {json.dumps(targets)}")
        time.sleep(0.5)


def hop(number, where, frame, sentence):
    say(f"  {BOLD}{number}{PLAIN}  {where:<30} {BOLD}{frame}{PLAIN}")
    say(f"     {sentence}")


def tell_request(taploom, folder):
    title(f"The request: curl {URL} on 1.2.3.4")
    client = Capture(folder, "1-client", "client")
    balancer = Capture(folder, "2-load-balancer", "front/public-a")
    web = Capture(folder, "3-web-1", "web-1")
    local = Capture(folder, "4-web-1-localhost", "web-1", "lo")
    database = Capture(folder, "5-db-1", "db-1")
    authority = f"/run/taploom/{FABRIC}/ca.pem"
    page_path = "?story"  # tells this request from the load balancer's health checks
    with capturing(client, balancer, web, local, database):
        page = taploom.execute(
            "client", "curl", "--silent", "--show-error", "--fail", "--max-time", "10",
            "--cacert", authority, URL + page_path,
        ).stdout  # fmt: skip

    hello = "tls.handshake.type == 1"
    get = f'http.request.uri == "/{page_path}"'
    insert = 'mysql.query contains "INSERT"'
    at_client = client.first("a TLS hello", hello, "tls.handshake.extensions_server_name")
    at_balancer = balancer.first("a TLS hello", hello)
    at_web = web.first("the request", get, "http.x_forwarded_for")
    at_local = local.first("the request", get, decode=["tcp.port==8080,http"])
    at_database = database.first("the INSERT", insert, decode=["tcp.port==3306,mysql"])

    hop(1, "client, on its own wire", at_client, f"{at_client.extra[0]} is the load balancer's public address.")
    check(client.addresses() == {"1.2.3.4", "203.0.113.20"}, "the client saw no other address")
    hop(2, "load balancer, from the IGW", at_balancer, "The internet gateway put the private address in, 1:1.")
    check((at_balancer.source, at_balancer.source_port) == (at_client.source, at_client.source_port),
          "the client's address and port came through unchanged")
    check((at_balancer.destination, at_balancer.destination_port) == ("10.0.1.100", 443), "it reached 10.0.1.100:443")
    hop(3, "web-1, from the load balancer", at_web, f"A new connection; X-Forwarded-For: {at_web.extra[0]}.")
    check((at_web.source, at_web.destination, at_web.destination_port) == ("10.0.1.100", "10.0.2.50", 80),
          "web-1 saw the load balancer's private address")
    check("1.2.3.4" not in web.addresses(), "1.2.3.4 is in no frame on web-1's wire")
    hop(4, "inside web-1", at_local, "Nginx to the application, over localhost.")
    check(not web.fields("tcp.port == 8080", "frame.number"), "port 8080 is in no frame on web-1's wire")
    hop(5, "db-1, from web-1", at_database, "The application writes the visit.")
    check((at_database.source, at_database.destination, at_database.destination_port) == ("10.0.2.50", "10.0.3.200", 3306),
          "db-1 saw web-1's own address")

    title("The answer, back over the same connections")
    replies = [
        ("db-1", database, at_database, "mysql.response_code == 0 || tcp.len > 0", ["tcp.port==3306,mysql"]),
        ("web-1", web, at_web, "http.response.code == 200", []),
        ("load balancer", balancer, at_balancer, "tcp.len > 0", []),
        ("client", client, at_client, "tcp.len > 0", []),
    ]
    for where, capture, request, content, decode in replies:
        back = (f"({content}) && ip.src == {request.destination} && tcp.srcport == {request.destination_port}"
                f" && tcp.dstport == {request.source_port}")
        say(f"     {where:<30} {BOLD}{capture.first('an answer', back, decode=decode)}{PLAIN}")
    say("     No rule allows these; `db` has `egress: []`. Security groups are stateful.")

    title("The page")
    for line in page.splitlines():
        say(f"  │ {line}")
    check("X-Forwarded-For: 1.2.3.4" in page, "the application knows the client's address")
    check("from 10.0.2.50." in page, "the row just written is on it")

    title("Port 80: curl http://mydomain.com/")
    redirect = taploom.execute("client", "curl", "--silent", "--show-error", "--max-time", "10", "--output", "/dev/null",
                               "--write-out", "%{http_code} %{redirect_url}", "http://mydomain.com/").stdout
    check(redirect == "301 https://mydomain.com:443/", f"it answers {redirect}")


def tell_nat(taploom, folder):
    title("Out through the NAT gateway: curl http://api.example.com/ on web-1")
    inside = Capture(folder, "6-web-1-to-nat", "web-1")
    outside = Capture(folder, "7-api", "api")
    with capturing(inside, outside):
        answer = taploom.execute("web-1", "curl", "--silent", "--show-error", "--fail", "--max-time", "10",
                                 "http://api.example.com/").stdout
    get = 'http.request.method == "GET" && ip.dst == 5.6.7.8'
    at_web, at_api = inside.first("the call", get), outside.first("the call", get)
    hop(1, "web-1, on its own wire", at_web, "A private address, on its way to the default route.")
    hop(2, "api, from the internet", at_api, f"It answers: {answer.strip()}")
    check(at_web.source == "10.0.2.50" and at_api.source == "203.0.113.10", "the API saw the NAT gateway's elastic IP")
    check(json.loads(answer)["caller"] == "203.0.113.10", "and says so")


def tell_silence(taploom):
    title("And nobody comes in")
    doors = [
        ("web-1's private address", "http://10.0.2.50/"),
        ("the NAT gateway's elastic IP", "http://203.0.113.10/"),
        ("a port the load balancer does not open", "http://203.0.113.20:8080/"),
    ]
    timed_out = 28  # curl's exit code
    for what, url in doors:
        begin = time.monotonic()
        result = taploom.execute("client", "curl", "--silent", "--max-time", str(SILENCE_SECONDS), url, expect=None)
        took = time.monotonic() - begin
        check(result.returncode == timed_out, f"{url:<28} silence for {took:.0f} s ({what})")


def drops(taploom):
    """Dropped packets by the interface they came from and the reason."""
    return {(row["name"], row["reason"]): row["packets"] for row in taploom.rows("drops")}


def tell_rules(taploom):
    title("Why: taploom explain")
    for source, destination, code in (("web-1", "db-1:3306/tcp", 0), ("front/public-a", "db-1:3306/tcp", 1)):
        result = taploom("explain", "--name", FABRIC, source, destination, expect=(0, 1))
        say(f"  $ taploom explain {source} {destination}")
        for line in result.stdout.splitlines():
            say(f"  │ {line}")
        check(result.returncode == code, "allowed" if code == 0 else "denied")

    title("The same, tried: the load balancer's node opens 10.0.3.200:3306")
    before = drops(taploom)
    result = taploom.execute("front/public-a", "curl", "--silent", "--max-time", str(SILENCE_SECONDS),
                             "telnet://10.0.3.200:3306", expect=None)
    check(result.returncode == 28, "silence")
    counted = {key: count - before.get(key, 0) for key, count in drops(taploom).items() if count > before.get(key, 0)}
    for (interface, reason), count in counted.items():
        say(f"  dropped: {count} × {reason}, from {interface}")
    check(bool(counted), "the drop is counted, with its reason")


def namespaces_and_files():
    """What a running fabric of this name has outside of its processes."""
    found = [line.split()[0] for line in run(["ip", "netns", "list"]).stdout.splitlines()
             if line.startswith(f"tl-{FABRIC}-")]
    found += map(str, pathlib.Path("/etc/netns").glob(f"tl-{FABRIC}-*"))
    folder = pathlib.Path("/run/taploom") / FABRIC
    return found + ([str(folder)] if folder.exists() else [])


def devices():
    """Network devices of the host itself: a fabric has all of its own inside namespaces."""
    return {line.split()[0] for line in run(["ip", "-brief", "link"]).stdout.splitlines()}


def processes():
    """Those whose command line names the fabric's or the example's folder."""
    found = set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if f"/run/taploom/{FABRIC}/" in command or f"{HERE}/" in command:
                found.add(f"{process.name} {command}")
    return found


def play(taploom, folder):
    if namespaces_and_files():
        raise StoryError(f"a fabric named {FABRIC} is here already; `taploom down {FABRIC}` ends it")
    devices_before = devices()
    others = processes()  # an editor, say, that has the topology open
    progress("taploom up examples/three-tier/topology.yaml")
    try:
        taploom("up", str(HERE / "topology.yaml"))
        wait_until_healthy(taploom)
        tell_request(taploom, folder)
        tell_nat(taploom, folder)
        tell_silence(taploom)
        tell_rules(taploom)
    finally:
        progress(f"taploom down {FABRIC}")
        ended = taploom("down", FABRIC, expect=None)
        if ended.returncode != 0:
            progress(ended.stderr.strip())
    title("Afterwards")
    left = namespaces_and_files() + sorted(devices() - devices_before) + sorted(processes() - others)
    check(not left, "no namespace, device, process or file is left" if not left else f"left behind: {left}")


def main():
    parser = argparse.ArgumentParser(description="Plays examples/three-tier and tells what was on the wire.")
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder of the taploom binaries")
    parser.add_argument("--captures", type=pathlib.Path, help="folder to keep the captures in")
    arguments = parser.parse_args()
    if not (arguments.bin / "taploom").exists():
        print(f"{arguments.bin}/taploom: not built; see scripts/build", file=sys.stderr)
        return 3
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, lambda *_: sys.exit(1))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="taploom-demo-"))
    try:
        play(Taploom(arguments.bin), folder)
        if arguments.captures:
            arguments.captures.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.pcap")):
                shutil.copyfile(path, arguments.captures / path.name)
            say(f"captures: {arguments.captures}")
        return 0
    except StoryError as error:
        print(f"{RED}✗ {error}{PLAIN}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        run([*ROOT, "rm", "-rf", str(folder)], expect=None)


if __name__ == "__main__":
    sys.exit(main())
