#!/usr/bin/python3
"""A load balancer that names two subnets is two nodes: one name, two addresses, each node on its own."""

import contextlib
import os
import pathlib
import signal

from taploom_fabric import EXAMPLES, FabricTest, main
from waiting import wait_for

CLIENT, NAME = "1.2.3.4", "front.example.com"
PUBLIC = {"a": "203.0.113.20", "b": "203.0.113.21"}
NODE = {"a": "10.0.1.100", "b": "10.0.4.100"}
TARGET = {"a": "10.0.2.50", "b": "10.0.5.50"}

API = f"exec python3 -B '{EXAMPLES}/three-tier/api.py' --port 80"
BOTH = "{public-a: 10.0.1.100, public-b: 10.0.4.100}"
ONE = "{public-a: 10.0.1.100}"
TOPOLOGY = f"""
name: balance
region: ap-northeast-2
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public-a: {{cidr: 10.0.1.0/24, az: ap-northeast-2a, route_table: public}}
      app-a: {{cidr: 10.0.2.0/24, az: ap-northeast-2a}}
      public-b: {{cidr: 10.0.4.0/24, az: ap-northeast-2b, route_table: public}}
      app-b: {{cidr: 10.0.5.0/24, az: ap-northeast-2b}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
    security_groups:
      front: {{ingress: [{{protocol: tcp, ports: [80, 443], from: 0.0.0.0/0}}]}}
      app: {{ingress: [{{protocol: tcp, ports: 80, from: sg:front}}]}}
    load_balancers:
      front:
        type: application
        subnets: {BOTH}
        elastic_ips: {{public-a: {PUBLIC["a"]}, public-b: {PUBLIC["b"]}}}
        security_groups: [front]
        dns_name: {NAME}
        listeners:
          - {{protocol: http, port: 80, forward: app}}
          - {{protocol: https, port: 443, forward: app}}
        target_groups:
          app:
            protocol: http
            port: 80
            targets: [app-a, app-b]
            health_check: {{path: /, interval: 5, timeout: 2, healthy_threshold: 2, unhealthy_threshold: 2}}
instances:
  app-a: {{subnet: app-a, private_ip: {TARGET["a"]}, security_groups: [app], run: ["{API}"]}}
  app-b: {{subnet: app-b, private_ip: {TARGET["b"]}, security_groups: [app], run: ["{API}"]}}
internet:
  hosts:
    client: {{address: {CLIENT}}}
"""
WITHOUT_B = TOPOLOGY.replace(BOTH, ONE).replace(f", public-b: {PUBLIC['b']}}}", "}")


EVERYBODY_HEALTHY = {(f"front/public-{node}", f"app-{target}"): "healthy" for node in "ab" for target in "ab"}


class LoadBalancer(FabricTest):
    label = "balance"
    topology = TOPOLOGY

    def setUp(self):
        self.client = self.fabric.node("client")
        self.nodes = {zone: self.fabric.node(f"front/public-{zone}") for zone in "ab"}
        self.targets = {zone: self.fabric.node(f"app-{zone}") for zone in "ab"}
        self.wait_for_health(EVERYBODY_HEALTHY)

    def health(self):
        return {(row["node"], row["name"]): row["state"] for row in self.fabric.get("targets")}

    def wait_for_health(self, states):
        wait_for(lambda: self.health() == states, f"the targets are {states}", 60)

    def ask(self, zone, scheme="https"):
        """One request to the node of that zone, by the load balancer's name; the body of the answer."""
        port = {"http": 80, "https": 443}[scheme]
        return self.client.run(
            "curl", "--silent", "--show-error", "--fail", "--max-time", "10", "--cacert", self.fabric.ca,
            "--resolve", f"{NAME}:{port}:{PUBLIC[zone]}", f"{scheme}://{NAME}/",
        ).stdout  # fmt: skip

    def addresses_of_name(self):
        answer = self.client.run("getent", "ahostsv4", NAME).stdout
        return {line.split()[0] for line in answer.splitlines()}

    def test_the_name_has_the_public_address_of_every_node(self):
        self.assertEqual(set(PUBLIC.values()), self.addresses_of_name())
        nodes = {row["node"]: (row["az"], row["address"]) for row in self.fabric.get("lbs")}
        zones = {f"front/public-{zone}": (f"ap-northeast-2{zone}", NODE[zone]) for zone in "ab"}
        self.assertEqual(zones, nodes)

    def test_each_node_serves_its_own_clients_from_its_own_address(self):
        for zone, other in ("ab", "ba"):
            for scheme in ("http", "https"):
                with self.subTest(zone=zone, scheme=scheme), contextlib.ExitStack() as stack:
                    here, there = (stack.enter_context(self.nodes[name].capture()) for name in (zone, other))
                    answer = self.ask(zone, scheme)
                    self.assertIn(f'"caller": "{NODE[zone]}"', answer)
                self.assertIn(CLIENT, here.addresses())
                self.assertNotIn(CLIENT, there.addresses())

    def test_a_node_spreads_its_requests_over_the_targets_of_both_zones(self):
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(target.capture(received_only=True)) for target in self.targets.values()]
            for _ in range(4):
                self.ask("a")
        requests = [[frame for frame in wire.containing(b"x-forwarded-for: " + CLIENT.encode())] for wire in wires]
        self.assertEqual([2, 2], list(map(len, requests)), "round robin, as an ALB does unless told otherwise")
        self.assertEqual({NODE["a"]}, {frame.source for frames in requests for frame in frames})

    def test_each_node_judges_each_target_and_leaves_out_the_failing_one(self):
        (program,) = (pid for pid, _ in self.fabric.processes() if _runs_in(pid, self.targets["b"], "api.py"))
        os.kill(program, signal.SIGSTOP)
        try:
            states = {"app-a": "healthy", "app-b": "unhealthy"}
            self.wait_for_health({(f"front/public-{node}", name): states[name] for node in "ab" for name in states})
            with self.targets["b"].capture(received_only=True) as wire:
                for zone in "abab":
                    self.ask(zone)
            self.assertEqual([], wire.containing(b"x-forwarded-for"))
        finally:
            os.kill(program, signal.SIGCONT)

    def test_a_subnet_taken_away_takes_its_node_and_leaves_the_other_alone(self):
        kept = {since for since in self.fabric.processes() if _runs_in(since[0], self.nodes["a"], "haproxy")}
        with self.client.connect(PUBLIC["a"], 80) as connection:
            request = f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
            connection.sendall(request)
            self.assertTrue(connection.recv(1 << 16).startswith(b"HTTP/1.1 200"))
            self.fabric.apply(self.fabric.write(WITHOUT_B))
            self.assertFalse(self.nodes["b"].exists())
            self.assertEqual({PUBLIC["a"]}, self.addresses_of_name())
            self.assertEqual("NO_INTERNET_DESTINATION", self.fabric.explain("client", f"{PUBLIC['b']}:80"))
            connection.sendall(request)
            self.assertTrue(connection.recv(1 << 16).startswith(b"HTTP/1.1 200"), "the old connection goes on")
        self.assertTrue(kept)
        self.assertLessEqual(kept, self.fabric.processes())
        self.fabric.apply(self.fabric.write(TOPOLOGY))
        self.wait_for_health(EVERYBODY_HEALTHY)
        self.assertIn(f'"caller": "{NODE["b"]}"', self.ask("b"))


def _runs_in(pid, node, program):
    """Whether the process is this program (a part of its command line) in the node's namespace."""
    try:
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        return os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(node.netns).st_ino and program in command
    except OSError:
        return False


if __name__ == "__main__":
    main()
