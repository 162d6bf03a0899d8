#!/usr/bin/env python3
"""What it costs to read a million connections: time, memory, and what packets notice meanwhile. Not a test: run it by
hand, as root, on a machine that does nothing else.

    sudo TAPLOOM_BIN_DIR=build/release/bin python3 -B tests/scenario/measure_flows.py [CONNECTIONS]
"""

import contextlib
import json
import os
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import time

import frames
from capture import IPV4
from steady_stream import SteadyStream
from taploom_fabric import TAPLOOM, Fabric, leftovers

CONNECTIONS = 1_000_000
ACK = 0x10  # a segment picked up in mid-stream begins a connection that lives for days
QUIET_SECONDS = 5
PORTS, PORTS_OFFSET = struct.Struct("!HH"), 14 + 20

TOPOLOGY = """
name: million
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets: {a: {cidr: 10.0.0.0/24}}
    security_groups:
      sender: {}
      open: {ingress: [{protocol: all, from: sg:sender}]}
limits: {connections: 1200000, connections_per_eni: 1200000}
instances:
  sender: {subnet: a, private_ip: 10.0.0.10, security_groups: [sender]}
  sink: {subnet: a, private_ip: 10.0.0.20, security_groups: [open]}
  asker: {subnet: a, private_ip: 10.0.0.11, security_groups: [sender]}
  answerer: {subnet: a, private_ip: 10.0.0.21, security_groups: [open]}
"""


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1]) >> 10


def count_of(fabric):
    rows = json.loads(subprocess.run([TAPLOOM, "flows", "--by", "from", "--name", fabric.name, "-o", "json"],
                                     capture_output=True, text=True, check=True).stdout)  # fmt: skip
    return {row["from"]: row["connections"] for row in rows}.get("sender", 0)


def open_connections(fabric, count):
    sender, sink = fabric.node("sender"), fabric.node("sink")
    macs = [bytes.fromhex(fabric.get("enis", node.name)[0]["mac"].replace(":", "")) for node in (sink, sender)]
    # One frame whose ports change: its TCP checksum is wrong then, which only the receiver's kernel looks at.
    frame = bytearray(frames.ethernet(*macs, IPV4, frames.tcp("10.0.0.10", "10.0.0.20", 0, 0, ACK)))
    with sender.packet_socket() as wire:
        for number in range(count):
            PORTS.pack_into(frame, PORTS_OFFSET, 1024 + number % 60_000, 1 + number // 60_000)
            wire.send(frame)


def ping_pong(fabric):
    return SteadyStream(fabric.node("asker"), fabric.node("answerer"), "10.0.0.21")


def figures(stream):
    ordered = sorted(seconds * 1e6 for seconds in stream.delays)
    return {"packets": len(ordered), "lost": len(stream.lost), "p50_us": round(statistics.median(ordered)),
            "p99_us": round(ordered[len(ordered) * 99 // 100]), "max_us": round(ordered[-1])}  # fmt: skip


@contextlib.contextmanager
def busy(processes):
    """As much work for the machine as the readers are, that has nothing to do with the fabric."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def read_all(fabric, *options):
    """(seconds, rows, MiB of the command line at its largest)."""
    began = time.monotonic()
    verb = subprocess.Popen([TAPLOOM, "flows", "--name", fabric.name, *options], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)  # fmt: skip
    lines = sum(chunk.count(b"\n") for chunk in iter(lambda: verb.stdout.read1(1 << 20), b""))
    _, status, usage = os.wait4(verb.pid, 0)
    verb.returncode = os.waitstatus_to_exitcode(status)
    assert verb.returncode == 0, verb.returncode
    return round(time.monotonic() - began, 2), lines, usage.ru_maxrss >> 10


def main():
    count = int(sys.argv[1]) if sys.argv[1:] else CONNECTIONS
    with Fabric("million", TOPOLOGY) as fabric:
        summary = fabric.summary()
        while (opened := count_of(fabric)) < count:
            print(f"{opened} connections", file=sys.stderr)
            open_connections(fabric, count * 23 // 20)  # some are lost where the device sends faster than is read
        result = {"connections": opened}
        with ping_pong(fabric) as stream:
            time.sleep(QUIET_SECONDS)
        result["nobody reads"] = figures(stream)
        with busy(2), ping_pong(fabric) as stream:
            time.sleep(QUIET_SECONDS)
        result["two busy loops instead"] = figures(stream)
        for title, options in {"the forty largest": (), "all, as JSON": ("--all", "-o", "json"), "by source": ("--by", "source")}.items():
            with ping_pong(fabric) as stream:
                seconds, lines, mib = read_all(fabric, *options)
            result[title] = {"seconds": seconds, "lines": lines, "command_line_MiB": mib, **figures(stream)}
        for name in ("control", "dataplane"):
            result[f"{name}_MiB"] = resident_mib(summary[f"{name}_pid"])
        print(json.dumps(result, indent=2))
    assert not leftovers(fabric.name)


if __name__ == "__main__":
    main()
