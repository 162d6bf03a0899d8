#!/usr/bin/env python3
"""Two builds of the dataplane beside each other, by real traffic through their fabrics, in many short turns: what one
gains or costs, to the per cent, on a machine that does not hold still. Not a test: run it by hand, as root.

    python3 -B tests/scenario/measure_builds.py BIN_FOLDER OTHER_BIN_FOLDER [PAIRS]

A folder holds the three programs. Prints, for the first as a ratio to the second, the median over all pairs and the
interval that holds it with 95 % certainty (bootstrap).
"""

import contextlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading

TOPOLOGY = """
name: build
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public: {cidr: 10.0.1.0/24, route_table: public}
      private: {cidr: 10.0.2.0/24, route_table: private}
    nat_gateways: {nat: {subnet: public, elastic_ip: 203.0.113.10}}
    route_tables:
      public: {routes: [{to: 0.0.0.0/0, via: igw}]}
      private: {routes: [{to: 0.0.0.0/0, via: nat}]}
instances:
  client: {subnet: private, private_ip: 10.0.2.10}
internet: {hosts: {server: {address: 198.51.100.7}}}
"""
SERVER = "198.51.100.7"
LOADS = {
    "TCP, one stream": [],
    "UDP, 16 bytes": ["-u", "-l", "16", "-b", "0"],
}


class Build:
    """A fabric that the programs of one folder run, with iperf3's server in it."""

    def __init__(self, folder, number, stack):
        self.taploom = str(pathlib.Path(folder).resolve() / "taploom")
        self.name = f"t{os.getpid()}-build-{number}"
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(TOPOLOGY)
            file.flush()
            self.run("up", file.name, "--name", self.name)
        stack.callback(self.run, "down", self.name)
        rows = json.loads(self.run("ls", "-o", "json"))
        self.pid = next(row["dataplane_pid"] for row in rows if row["name"] == self.name)
        server = subprocess.Popen([*self.inside("server"), "iperf3", "-s", "--forceflush"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        while "Server listening" not in server.stdout.readline():
            pass
        # It goes on talking, and would stop serving once the pipe is full.
        threading.Thread(target=server.stdout.read, daemon=True).start()

    def run(self, *arguments):
        return subprocess.run([self.taploom, *arguments], check=True, capture_output=True, text=True).stdout

    def inside(self, node):
        return ["nsenter", f"--net=/run/netns/tl-{self.name}-{node}"]

    def cpu_seconds(self):
        tasks = pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def measure(self, options):
        """(units delivered per second, CPU seconds of the dataplane per unit); a unit is a byte or a datagram."""
        before = self.cpu_seconds()
        command = [*self.inside("client"), "iperf3", "-c", SERVER, "-t", "1", "-J", *options]
        end = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["end"]
        used = self.cpu_seconds() - before
        if "-u" in options:
            units = end["sum"]["packets"] - end["sum"]["lost_packets"]
            return units / end["sum"]["seconds"], used / units
        return end["sum_received"]["bytes"] / end["sum_received"]["seconds"], used / end["sum_received"]["bytes"]


def interval(ratios):
    source = random.Random(1)
    medians = sorted(statistics.median(source.choices(ratios, k=len(ratios))) for _ in range(4000))
    return medians[100], medians[-101]


def main():
    folders, pairs = sys.argv[1:3], int(sys.argv[3]) if len(sys.argv) > 3 else 60
    if len(folders) != 2:
        sys.exit(__doc__)
    with contextlib.ExitStack() as stack:
        builds = [Build(folder, number, stack) for number, folder in enumerate(folders)]
        for load, options in LOADS.items():
            rates, costs = [], []
            for pair in range(pairs):
                order = (0, 1) if pair % 2 == 0 else (1, 0)
                results = {index: builds[index].measure(options) for index in order}
                rates.append(results[0][0] / results[1][0])
                costs.append(results[0][1] / results[1][1])
            for what, ratios in (("delivered per second", rates), ("dataplane's CPU time per unit", costs)):
                low, high = interval(ratios)
                print(f"{load:16} {what:30} {statistics.median(ratios):.4f}  ({low:.4f} to {high:.4f}, {pairs} pairs)",
                      flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
