#!/usr/bin/env python3
"""`explain` on a running fabric: what only the inside of an instance can tell."""

import json
import socket

from taploom_fabric import FabricTest, main, taploom

TOPOLOGY = """
name: why
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      a: {cidr: 10.0.1.0/24, az: eu-west-1a, route_table: out}
      b: {cidr: 10.0.2.0/24, az: eu-west-1a}
    route_tables:
      out: {routes: [{to: 0.0.0.0/0, via: igw}]}
    security_groups:
      open: {ingress: [{protocol: all, from: 0.0.0.0/0}]}
      closed: {ingress: [{protocol: tcp, ports: 80, from: 10.0.1.0/24}]}
      alb: {ingress: [{protocol: tcp, ports: 80, from: 0.0.0.0/0}]}
    load_balancers:
      front:
        subnets: {a: 10.0.1.100}
        elastic_ips: {a: 203.0.113.20}
        security_groups: [alb]
        listeners: [{protocol: http, port: 80, forward: web}]
        target_groups:
          web: {protocol: http, port: 8080, targets: [server], health_check: {interval: 5, timeout: 2}}
instances:
  one: {subnet: a, private_ip: 10.0.1.10, security_groups: [open]}
  server: {subnet: b, private_ip: 10.0.2.10, security_groups: [open]}
  guarded: {subnet: b, private_ip: 10.0.2.11, security_groups: [closed]}
internet:
  hosts:
    client: {address: 1.2.3.4}
"""


class Explain(FabricTest):
    label = "explain"
    topology = TOPOLOGY

    def ask(self, *words, expect):
        """What `explain` prints, and its JSON."""
        text = taploom("explain", *words, "--name", self.fabric.name, expect=expect).stdout
        answer = json.loads(taploom("explain", *words, "--name", self.fabric.name, "-o", "json", expect=expect).stdout)
        return text, answer

    def codes(self, answer):
        return [each["ExplanationCode"] for each in answer["Explanations"] if each["is_failure"]]

    def test_says_that_nothing_listens(self):
        text, answer = self.ask("one", "server:8080", expect=1)
        self.assertIn("reached server, but nothing listens on tcp 8080 there", text)
        self.assertEqual(["NOTHING_LISTENS"], self.codes(answer))
        self.assertTrue(answer["NetworkPathFound"], "AWS's analyser would call this reachable")
        with self.fabric.node("server").tcp_server(8080):
            text, answer = self.ask("one", "server:8080", expect=0)
            self.assertTrue(answer["passes"] and answer["listens"])
        with self.fabric.node("one").socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            with self.assertRaises(ConnectionRefusedError, msg="the kernel says the same"):
                client.connect(("10.0.2.10", 8080))

    def test_a_listener_on_localhost_is_none_for_others(self):
        with self.fabric.node("server").socket(socket.AF_INET, socket.SOCK_STREAM) as server:
            server.bind(("127.0.0.1", 8081))
            server.listen()
            self.ask("one", "server:8081", expect=1)

    def test_a_datagram_socket_listens_while_it_has_no_peer(self):
        self.ask("one", "server:5353/udp", expect=1)
        with self.fabric.node("server").udp_server(5353):
            self.ask("one", "server:5353/udp", expect=0)

    def test_behind_a_load_balancer_the_target_is_asked(self):
        _, answer = self.ask("client", "front:80", expect=1)
        self.assertEqual("ELBV2_LISTENER_REQUIRES_TG_ACCEPT", self.codes(answer)[0])
        self.assertIn("nothing listens on tcp 8080", answer["targets"][0]["verdict"])
        with self.fabric.node("server").tcp_server(8080):
            text, answer = self.ask("client", "front:80", expect=0)
        self.assertTrue(answer["targets"][0]["passes"])
        self.assertRegex(text, "target health: (initial|unhealthy|healthy)")

    def test_a_listener_that_the_filters_hide_is_not_reached(self):
        with self.fabric.node("guarded").tcp_server(443):
            _, answer = self.ask("one", "guarded:443", expect=1)
        self.assertEqual(["ENI_SG_RULES_MISMATCH"], self.codes(answer))


if __name__ == "__main__":
    main()
