#!/usr/bin/env python3
"""`explain` and `flows` on a running fabric: what only the inside of an instance, and real packets, can tell."""

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
      b: {cidr: 10.0.2.0/24, az: eu-west-1a, route_table: through-nat}
    nat_gateways:
      nat: {subnet: a, elastic_ip: 203.0.113.10}
    route_tables:
      out: {routes: [{to: 0.0.0.0/0, via: igw}]}
      through-nat: {routes: [{to: 0.0.0.0/0, via: nat}]}
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

    # --- packets that were really dropped ---

    def test_the_last_drop_is_the_packet_that_was_sent(self):
        one = self.fabric.node("one")
        with self.fabric.dropping(one, "SG_INGRESS_DENIED"):
            with one.begin_connect("10.0.2.11", 2222) as connection:
                port = connection.getsockname()[1]
        for name in ("one", "guarded"):
            drop = next(each for each in self.fabric.last_drops(name) if each["sender"] == "one")
            self.assertEqual(f"10.0.1.10:{port} -> 10.0.2.11:2222, tcp SYN", drop["packet"])
            self.assertEqual(("SG_INGRESS_DENIED", "guarded", True),
                             (drop["reason"], drop["destination"], drop["still_dropped"]))
            self.assertEqual(["port"], drop["Explanations"][0]["near_miss"]["fails"])
        text = taploom("explain", "--last-drop", "one", "--name", self.fabric.name, expect=1).stdout
        self.assertIn("smallest fix: let security group closed accept tcp 2222 from sg:open", text)

    def test_a_drop_that_comes_of_a_connections_state_is_told_as_such(self):
        """Nobody asked for what comes to a NAT gateway from outside: no rule says so, and no rule is offered."""
        client = self.fabric.node("client")
        with self.fabric.dropping(client, "NAT_UNSOLICITED_INBOUND"):
            client.begin_connect("203.0.113.10", 443).close()
        drop = self.fabric.last_drops("client")[0]
        self.assertEqual("NAT_UNSOLICITED_INBOUND", drop["reason"])
        self.assertNotIn("fix", drop["Explanations"][0])

    def test_where_nothing_was_dropped_nothing_is_explained(self):
        self.assertEqual([], self.fabric.last_drops("server"))
        taploom("explain", "--last-drop", "server", "--name", self.fabric.name, expect=0)
        self.assertIn("did you mean", taploom("explain", "--last-drop", "servr", "--name", self.fabric.name, expect=2).stderr)

    # --- connections ---

    def test_who_was_behind_that_public_port(self):
        client, guarded = self.fabric.node("client"), self.fabric.node("guarded")
        with client.tcp_server(443) as server, guarded.connect("1.2.3.4", 443) as connection:
            self.assertTrue(connection.recv(100))
            (address, port), own_port = server.peers[0], connection.getsockname()[1]
            self.assertEqual("203.0.113.10", address)
            row, = self.fabric.flows("--endpoint", f"{address}:{port}")
            self.assertEqual(("guarded", f"10.0.2.11:{own_port}", "nat"), (row["from"], row["source"], row["nat"]))
            self.assertEqual([row["source"]], [each["source"] for each in self.fabric.flows("--nat", "nat")])
            self.assertGreater(row["reply_bytes"], 0)
            self.assertEqual(350_000, row["timeout_ms"], "of a NAT gateway, in which a silent connection ends")
            self.assertLess(row["idle_ms"], row["age_ms"] + 1)
            text = taploom("flows", "--name", self.fabric.name, "--nat", "nat").stdout
            self.assertIn(f"{address}:{port}", text)
            self.assertEqual([], self.fabric.flows("--endpoint", f"{address}:{port % 60000 + 1}"))

    def test_a_tracked_connection_outlives_its_rule_and_says_which_it_was(self):
        one, guarded = self.fabric.node("one"), self.fabric.node("guarded")
        rules = {row["id"]: row["hits"] for row in self.fabric.get("rules", "closed") if row["direction"] == "ingress"}
        rule, = rules
        with guarded.tcp_server(80), one.connect("10.0.2.11", 80) as connection:
            self.assertTrue(connection.recv(100))
            after = next(row["hits"] for row in self.fabric.get("rules", "closed") if row["id"] == rule)
            self.assertEqual(rules[rule] + 1, after)
            ours = ("--rule", rule, "--endpoint", f"10.0.1.10:{connection.getsockname()[1]}")
            self.assertEqual([rule], [row["ingress_rule"] for row in self.fabric.flows(*ours)])
            without = TOPOLOGY.replace("ports: 80, from: 10.0.1.0/24", "ports: 81, from: 10.0.1.0/24")
            self.fabric.apply(self.fabric.write(without))
            try:
                connection.sendall(b"still here")
                self.assertEqual(b"still here", connection.recv(100))
                row, = self.fabric.flows(*ours)
                self.assertEqual(rule[:20] + "…", row["ingress_rule"], "the rule is gone")
            finally:
                self.fabric.apply(self.fabric.write(TOPOLOGY))

    def test_a_connection_whose_rule_is_gone_can_be_ended(self):
        one, guarded = self.fabric.node("one"), self.fabric.node("guarded")
        rule = next(row["id"] for row in self.fabric.get("rules", "closed") if row["direction"] == "ingress")
        with guarded.tcp_server(80), one.connect("10.0.2.11", 80) as connection:
            self.assertTrue(connection.recv(100))
            self.fabric.apply(self.fabric.write(TOPOLOGY.replace("ports: 80, from: 10.0.1.0/24", "ports: 81, from: 10.0.1.0/24")))
            try:
                killed = taploom("flows", "--name", self.fabric.name, "--kill", "--rule", rule, "-o", "json")
                self.assertIn(f"10.0.1.10:{connection.getsockname()[1]}",
                              [row["source"] for row in json.loads(killed.stdout)])
                self.assertRegex(killed.stderr, r"^[1-9]\d* connections are forgotten")
                with self.fabric.dropping(one, "SG_INGRESS_DENIED"):
                    connection.sendall(b"still here?")
                self.assertEqual([], self.fabric.flows("--rule", rule))
            finally:
                self.fabric.apply(self.fabric.write(TOPOLOGY))

    def test_to_kill_everything_has_to_be_said(self):
        refused = taploom("flows", "--name", self.fabric.name, "--kill", expect=2)
        self.assertIn("--kill needs a filter", refused.stderr)

    def test_a_killed_connection_that_the_rules_allow_goes_on(self):
        one, server = self.fabric.node("one"), self.fabric.node("server")
        with server.tcp_server(9002), one.connect("10.0.2.10", 9002) as connection:
            self.assertTrue(connection.recv(100))
            taploom("flows", "--name", self.fabric.name, "--kill", "--endpoint", "10.0.2.10:9002")
            connection.sendall(b"still here")
            self.assertEqual(b"still here", connection.recv(100))

    def test_rules_that_admit_nothing_are_named(self):
        one, guarded = self.fabric.node("one"), self.fabric.node("guarded")
        with guarded.tcp_server(80), one.connect("10.0.2.11", 80) as connection:
            self.assertTrue(connection.recv(100))
        unused = json.loads(taploom("rules", "unused", "--name", self.fabric.name, "-o", "json").stdout)
        rules = {row["id"]: row for row in self.fabric.get("rules")}
        self.assertEqual({each for each, row in rules.items() if row["hits"] == 0}, {row["id"] for row in unused})
        used = next(row["id"] for row in rules.values() if row["name"] == "closed" and row["direction"] == "ingress")
        self.assertNotIn(used, {row["id"] for row in unused})
        why = {(row["name"], row["why"]) for row in unused}
        self.assertIn(("default", "its group is on no interface"), why)
        self.assertIn(("closed", "admitted nothing"), why, "guarded has opened no connection")
        self.assertIn('not "hidden"', taploom("rules", "hidden", "--name", self.fabric.name, expect=2).stderr)

    def test_the_graph_shows_what_flows_and_what_is_dropped(self):
        one, server = self.fabric.node("one"), self.fabric.node("server")
        with server.tcp_server(9003), one.connect("10.0.2.10", 9003) as connection:
            self.assertTrue(connection.recv(100))
            with self.fabric.dropping(one, "SG_INGRESS_DENIED"):
                one.begin_connect("10.0.2.11", 2223).close()
            graph = taploom("graph", "--live", "--name", self.fabric.name, "-o", "mermaid").stdout
        ids = {row["name"]: row["id"].replace("-", "_") for row in self.fabric.get("enis")}
        self.assertRegex(graph, rf'{ids["one"]} ==>\|"\d+ connections?, [^|]*"\| {ids["server"]}\n')
        self.assertRegex(graph, rf'{ids["one"]} -.-x\|"\d+ dropped, last SG_INGRESS_DENIED"\| {ids["guarded"]}\n')

    def test_the_largest_come_first(self):
        one, server = self.fabric.node("one"), self.fabric.node("server")
        with server.tcp_server(9000), one.connect("10.0.2.10", 9000) as small, one.connect("10.0.2.10", 9000) as large:
            for connection, size in ((small, 1), (large, 100_000)):
                greeting = connection.recv(100)
                connection.sendall(bytes(size))
                received = 0
                while received < size:
                    received += len(connection.recv(1 << 16))
                self.assertTrue(greeting)
            rows = self.fabric.flows("--from", "one", "--to", "server", "--top", "1")
            self.assertEqual([f"10.0.1.10:{large.getsockname()[1]}"], [row["source"] for row in rows])
            everything = self.fabric.flows("--from", "one", "--to", "server", "--all")
            ports = {row["source"] for row in everything}
            self.assertLessEqual({f"10.0.1.10:{each.getsockname()[1]}" for each in (small, large)}, ports)


if __name__ == "__main__":
    main()
