#!/usr/bin/python3
"""Namespaces that others made join a subnet of a running fabric, and leave it as they came."""

import ipaddress
import os
import pathlib
import struct
import subprocess

from node import Node
from taploom_fabric import FabricTest, main, taploom
from waiting import wait_for

WEB, RESOLVER = "10.0.2.50", "10.0.0.2"

TOPOLOGY = f"""
name: attach
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets:
      app: {{cidr: 10.0.2.0/24}}
      data: {{cidr: 10.0.3.0/24}}
    security_groups:
      web: {{ingress: [{{protocol: tcp, ports: 80, from: sg:batch}}, {{protocol: icmp, from: 10.0.0.0/16}}]}}
      batch: {{ingress: [{{protocol: icmp, from: sg:web}}]}}
instances:
  web-1: {{subnet: app, private_ip: {WEB}, security_groups: [web]}}
"""


def dns_question(name):
    """A query for the A records of `name` (RFC 1035 §4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", 0x4242, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


class AttachTest(FabricTest):
    topology = TOPOLOGY

    def setUp(self):
        self.web = self.fabric.node("web-1")

    def attach(self, subnet, *options, expect=0):
        return taploom("attach", subnet, "--name", self.fabric.name, *options, expect=expect)

    def detach(self, name):
        return taploom("detach", name, "--name", self.fabric.name)

    def own_namespace(self):
        """A namespace that `ip netns` made, gone after the test."""
        name = f"own-{os.getpid()}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "del", name], check=True)
        node = Node(name, f"/run/netns/{name}", ["ip", "netns", "exec", name])
        node.run("ip", "link", "set", "lo", "up")
        return node

    def own_process(self, *unshared):
        """A process in namespaces of its own, as a container is, and its network namespace; gone after the test."""
        process = subprocess.Popen(["unshare", *unshared, "sleep", "infinity"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        # unshare has done its part once it has become the program.
        wait_for(lambda: pathlib.Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n", "unshare is done")
        enter = ["nsenter", "--target", str(process.pid), "--net", "--mount"]
        return process, Node(f"pid-{process.pid}", f"/proc/{process.pid}/ns/net", enter)

    def network_of(self, node):
        """Devices, addresses, routes and resolver of a namespace, in words."""
        questions = ("ip -o address", "ip route show table all", "cat /etc/resolv.conf /etc/hosts")
        answers = [node.run(*question.split()).stdout for question in questions]
        return answers, os.path.exists(f"/etc/netns/{node.name}")


class Attach(AttachTest):
    label = "attach"

    # --- joining ---

    def test_a_namespace_joins_with_a_chosen_address_and_group(self):
        own = self.own_namespace()
        before = self.network_of(own)
        result = self.attach("app", "--netns", own.name, "--as", "guest", "--ip", "10.0.2.99", "--sg", "batch")
        self.assertEqual("10.0.2.99\n", result.stdout)

        with self.web.tcp_server(80) as server:
            self.assert_open(own, WEB, 80)
            self.assertIsNone(self.fabric.explain("guest", "web-1:80/tcp"))
        self.assertEqual({"10.0.2.99"}, server.hosts)
        self.web.ping("10.0.2.99")
        self.assert_silent(self.web, "10.0.2.99", 22, "SG_INGRESS_DENIED")

        self.detach("guest")
        self.assertEqual(before, self.network_of(own))
        self.assertNotIn("guest", {row["name"] for row in self.fabric.get("instances")})
        self.web.ping("10.0.2.99", "-W", "1", expect=1)

    def test_names_resolve_inside_and_the_newcomer_is_known_by_name(self):
        own = self.own_namespace()
        self.attach("data", "--netns", own.name, "--as", "guest", "--ip", "10.0.3.77", "--sg", "batch")
        self.addCleanup(self.detach, "guest")
        own.ping("web-1")
        self.assertIn(f"nameserver {RESOLVER}\n", own.run("cat", "/etc/resolv.conf").stdout)
        self.assertIn("10.0.3.77", self.web.run("getent", "hosts", "guest").stdout)
        answer = own.ask_udp(RESOLVER, 53, dns_question("web-1"))
        self.assertTrue(answer.endswith(ipaddress.ip_address(WEB).packed), answer)

    def test_an_address_is_chosen_and_the_default_group_used_when_none_is_given(self):
        own = self.own_namespace()
        address = self.attach("data", "--netns", own.netns, "--as", "guest").stdout.strip()
        self.addCleanup(self.detach, "guest")
        self.assertIn(ipaddress.ip_address(address), ipaddress.ip_network("10.0.3.0/24"))
        (row,) = self.fabric.get("enis", "guest")
        self.assertEqual((address, "default"), (row["private_ips"], row["security_groups"]))
        own.ping(WEB)

    def test_what_does_not_fit_is_refused_and_changes_nothing(self):
        own = self.own_namespace()
        before = self.network_of(own), self.fabric.get("namespaces")
        for option, value in (("--ip", WEB), ("--ip", "10.9.9.9"), ("--sg", "absent"), ("--as", "web-1")):
            with self.subTest(f"{option} {value}"):
                refused = self.attach("app", "--netns", own.name, option, value, expect=2)
                self.assertIn(value, refused.stderr)
                self.assertEqual(before, (self.network_of(own), self.fabric.get("namespaces")))

    # --- processes and containers ---

    def test_a_process_joins_by_its_pid_and_goes_on(self):
        process, own = self.own_process("--net")
        before = own.run("ip", "-o", "address").stdout
        self.attach("app", "--pid", process.pid, "--as", "guest", "--ip", "10.0.2.98", "--sg", "batch")
        with self.web.tcp_server(80) as server:
            self.assert_open(own, WEB, 80)
        self.assertEqual({"10.0.2.98"}, server.hosts)
        self.detach("guest")
        self.assertIsNone(process.poll())
        self.assertEqual(before, own.run("ip", "-o", "address").stdout)

    def test_a_containers_resolver_files_are_covered_and_uncovered(self):
        process, own = self.own_process("--net", "--mount")
        before = self.network_of(own)
        self.attach("app", "--pid", process.pid, "--as", "guest", "--sg", "batch")
        own.ping("web-1")
        own.run("getent", "hosts", "web-1")
        self.detach("guest")
        self.assertEqual(before, self.network_of(own))

    # --- the fabric goes on ---

    def test_an_attached_namespace_survives_an_apply(self):
        own = self.own_namespace()
        self.attach("app", "--netns", own.name, "--as", "guest", "--sg", "batch")
        self.addCleanup(self.detach, "guest")
        with self.web.tcp_server(80), own.connect(WEB, 80) as connection:
            connection.recv(100)
            changed = TOPOLOGY.replace("instances:\n", "instances:\n  web-2: {subnet: app}\n")
            self.fabric.apply(self.fabric.write(changed))
            self.addCleanup(lambda: self.fabric.apply(self.fabric.write(TOPOLOGY)))
            connection.sendall(b"still here")
            self.assertEqual(b"still here", connection.recv(100))


class AttachedDown(AttachTest):
    label = "attached-down"

    def test_down_gives_the_namespace_back_and_ends_nothing_in_it(self):
        own = self.own_namespace()
        process = own.popen("sleep", "infinity")
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        before = self.network_of(own)
        self.attach("app", "--netns", own.name, "--as", "guest")
        self.fabric.down()
        self.assertIsNone(process.poll())
        self.assertEqual(before, self.network_of(own))


if __name__ == "__main__":
    main()
