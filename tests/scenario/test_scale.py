#!/usr/bin/python3
"""A hundred instances are up and down within seconds, and the dataplane's memory is what its connections need."""

import pathlib
import re
import time
import unittest

import frames
from capture import IPV4
from taploom_fabric import Fabric, host_taps, leftovers, main
from waiting import wait_for

INSTANCES = 100
UP_SECONDS, DOWN_SECONDS = 5.0, 5.0

IDLE = "name: crowd\nvpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {cidr: 10.0.0.0/20}}}}\ninstances:\n" + "".join(
    f"  i-{number}: {{subnet: a}}\n" for number in range(INSTANCES)
)

CONNECTIONS = 100_000  # as many as AWS lets one interface track
BATCH = 500  # half of what the TAP holds
DATAPLANE_BYTES, CONNECTION_BYTES = 64 << 20, 256

TALKERS = """
name: talkers
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets: {a: {cidr: 10.0.0.0/24}}
    security_groups:
      sender: {}
      sink: {ingress: [{protocol: udp, from: sg:sender}]}
instances:
  sender: {subnet: a, private_ip: 10.0.0.10, security_groups: [sender]}
  sink: {subnet: a, private_ip: 10.0.0.20, security_groups: [sink]}
"""


def resident_bytes(pid):
    """Memory of a process, files it shares included: the connection table is one."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1]) << 10


class Crowd(unittest.TestCase):
    def test_a_hundred_idle_instances_come_and_go_within_seconds(self):
        taps = host_taps()
        with Fabric("crowd", IDLE) as fabric:
            fabric.down()

            began = time.monotonic()
            fabric.up()
            up = time.monotonic() - began
            summary, processes = fabric.summary(), fabric.processes()
            self.assertEqual((INSTANCES, "running"), (summary["instances"], summary["state"]))
            (last,) = fabric.get("instances", f"i-{INSTANCES - 1}")
            fabric.node("i-0").ping(last["private_ip"])
            memory = resident_bytes(summary["dataplane_pid"])

            began = time.monotonic()
            fabric.down()
            down = time.monotonic() - began
        print(f"{INSTANCES} instances: up {up:.2f} s, down {down:.2f} s, {memory / (1 << 20):.1f} MiB … ", end="")
        self.assertLess(up, UP_SECONDS)
        self.assertLess(down, DOWN_SECONDS)
        self.assertLess(memory, DATAPLANE_BYTES)
        self.assertEqual([], leftovers(fabric.name, processes))
        self.assertEqual(taps, host_taps())


class Memory(unittest.TestCase):
    def test_memory_is_64_mib_and_256_bytes_per_tracked_connection_at_most(self):
        with Fabric("talkers", TALKERS) as fabric:
            sender, sink = fabric.node("sender"), fabric.node("sink")
            pid = fabric.summary()["dataplane_pid"]
            sender.ping("10.0.0.20", "-W", "1", expect=1)  # no rule for it, but now its MAC is known
            idle = resident_bytes(pid)
            macs = [bytes.fromhex(fabric.get("enis", node.name)[0]["mac"].replace(":", "")) for node in (sink, sender)]
            began = time.monotonic()
            with sink.capture(received_only=True) as arrived, sender.packet_socket() as wire:
                for first in range(0, CONNECTIONS, BATCH):
                    for number in range(first, first + BATCH):
                        # Every datagram is a connection of its own: 1000 source ports, then the next destination.
                        datagram = frames.udp("10.0.0.10", "10.0.0.20", 1024 + number % 1000, 1024 + number // 1000)
                        wire.send(frames.ethernet(*macs, IPV4, datagram))
                    wait_for(lambda: len(arrived.frames) >= first + BATCH, "the batch arrives")
                memory = resident_bytes(pid)
            # All arrived within the 30 s for which an unanswered datagram is remembered: all are tracked now.
            self.assertLess(time.monotonic() - began, 30)
        per_connection = (memory - idle) / CONNECTIONS
        print(f"{CONNECTIONS} connections: {memory / (1 << 20):.1f} MiB, {per_connection:.0f} B each … ", end="")
        self.assertLess(memory, DATAPLANE_BYTES + CONNECTION_BYTES * CONNECTIONS)


if __name__ == "__main__":
    main()
