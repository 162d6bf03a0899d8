#!/usr/bin/python3
"""`apply` under traffic: what changed changes at once, and nothing else notices."""

import unittest

from node import has_heard
from steady_stream import SteadyStream
from taploom_fabric import Fabric, main, start_time
from waiting import wait_for

SERVER, OUTSIDE, LATE = "10.0.2.20", "5.6.7.8", "10.0.2.40"
ANYONE = "{protocol: tcp, ports: 80, from: 0.0.0.0/0}"
RULE = "{protocol: tcp, ports: 80, from: sg:client}"
LATE_INSTANCE = f"  late: {{subnet: app, private_ip: {LATE}, security_groups: [open]}}\n"

TOPOLOGY = f"""
name: change
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public: {{cidr: 10.0.1.0/24, route_table: public}}
      app: {{cidr: 10.0.2.0/24, route_table: app}}
    nat_gateways:
      nat: {{subnet: public, elastic_ip: 203.0.113.10}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
      app: {{routes: [{{to: 0.0.0.0/0, via: nat}}]}}
    security_groups:
      client: {{}}
      server: {{ingress: [{RULE}]}}
      anyone: {{ingress: [{ANYONE}]}}
      open: {{ingress: [{{protocol: all, from: 10.0.0.0/16}}]}}
instances:
  client: {{subnet: app, private_ip: 10.0.2.10, security_groups: [client]}}
  server: {{subnet: app, private_ip: {SERVER}, security_groups: [server], run: [sleep infinity]}}
  everyones: {{subnet: app, private_ip: 10.0.2.21, security_groups: [anyone]}}
  bystander-a: {{subnet: app, private_ip: 10.0.2.30, security_groups: [open]}}
  bystander-b: {{subnet: public, private_ip: 10.0.1.30, security_groups: [open]}}
internet:
  hosts:
    outside: {{address: {OUTSIDE}}}
"""
WITHOUT_RULE = TOPOLOGY.replace(RULE, "")
WITHOUT_ANYONE = TOPOLOGY.replace(ANYONE, "")
BLACKHOLE = TOPOLOGY.replace("via: nat}", "via: blackhole}")
WITH_LATE = TOPOLOGY.replace("internet:\n", LATE_INSTANCE + "internet:\n")


class Apply(unittest.TestCase):
    """In every test two bystanders talk all the while, who lose nothing, and no process is started anew."""

    def setUp(self):
        self.fabric = self.enterContext(Fabric("apply", TOPOLOGY))
        self.client, self.server, self.outside = map(self.fabric.node, ("client", "server", "outside"))
        self.everyones = self.fabric.node("everyones")
        self.bystanders = [self.fabric.node(f"bystander-{letter}") for letter in "ab"]
        self.stream = self.enterContext(SteadyStream(*self.bystanders, "10.0.1.30"))
        wait_for(lambda: self.stream.answered > 100, "the bystanders talk")
        self.processes = self.fabric.processes()

    def tearDown(self):
        answered = self.stream.answered
        wait_for(lambda: self.stream.answered > answered + 100, "the bystanders still talk")
        self.assertEqual([], self.stream.lost, "the bystanders lost nothing")
        restarted = {pid for pid, since in self.processes if start_time(pid) != since}
        self.assertEqual(set(), restarted, "every process goes on")

    def apply(self, topology, *options, expect=0):
        return self.fabric.apply(self.fabric.write(topology), *options, expect=expect)

    def assert_open(self, source, address):
        with source.connect(address, 80) as connection:
            self.assertTrue(connection.recv(100).endswith(b"\n"))

    def assert_dropped(self, source, address, reason):
        with self.fabric.dropping(source, reason):
            connection = source.begin_connect(address, 80)
        with connection:
            self.assertFalse(has_heard(connection))

    def ask(self, connection, word):
        connection.sendall(word)
        return connection.recv(100)

    # --- changes ---

    def test_traffic_follows_a_changed_route_at_once(self):
        with self.outside.tcp_server(80), self.client.connect(OUTSIDE, 80) as connection:
            connection.recv(100)
            changes = self.apply(BLACKHOLE).stdout
            self.assertEqual("~ route-table main/app: 0.0.0.0/0 nat -> blackhole\n", changes)
            self.assert_dropped(self.client, OUTSIDE, "BLACKHOLE_ROUTE")
            self.apply(TOPOLOGY)
            self.assert_open(self.client, OUTSIDE)
            self.assertEqual(b"the same NAT port", self.ask(connection, b"the same NAT port"))

    def test_an_established_connection_follows_a_changed_route_too(self):
        with self.outside.tcp_server(80), self.client.connect(OUTSIDE, 80) as connection:
            connection.recv(100)
            self.apply(BLACKHOLE)
            with self.fabric.dropping(self.client, "BLACKHOLE_ROUTE"):
                connection.sendall(b"?")

    def test_a_tracked_connection_survives_its_rule_and_a_new_one_is_refused(self):
        with self.server.tcp_server(80), self.client.connect(SERVER, 80) as connection:
            connection.recv(100)
            changes = self.apply(WITHOUT_RULE).stdout
            self.assertEqual("- security-group-rule main/server: ingress tcp 80 from sg:client\n", changes)
            self.assert_dropped(self.client, SERVER, "SG_INGRESS_DENIED")
            self.assertEqual(b"still here", self.ask(connection, b"still here"))
            self.apply(TOPOLOGY)
            self.assert_open(self.client, SERVER)
            self.assertEqual(b"as before", self.ask(connection, b"as before"))

    def test_an_untracked_connection_ends_with_its_rule(self):
        """Open to all with everything allowed back: AWS keeps no state for it."""
        with self.everyones.tcp_server(80), self.client.connect("10.0.2.21", 80) as connection:
            connection.recv(100)
            self.apply(WITHOUT_ANYONE)
            with self.fabric.dropping(self.client, "SG_INGRESS_DENIED"):
                connection.sendall(b"?")

    def test_an_instance_is_added_and_removed(self):
        changes = self.apply(WITH_LATE).stdout
        self.assertIn(f"+ instance late: {LATE} in main/app", changes)
        self.bystanders[0].ping(LATE)
        self.bystanders[0].ping("late")
        late = self.fabric.node("late")
        late.ping("10.0.1.30")

        changes = self.apply(TOPOLOGY).stdout
        self.assertIn("- instance late", changes)
        self.assertNotIn("late", {row["name"] for row in self.fabric.get("namespaces")})
        self.assertFalse(late.exists())
        self.bystanders[0].ping(LATE, "-W", "1", expect=1)

    # --- what changes nothing ---

    def state(self):
        kinds = ("namespaces", "enis", "subnets", "route-tables", "routes", "sgs", "rules", "acls")
        return self.fabric.summary()["generation"], {kind: self.fabric.get(kind) for kind in kinds}

    def test_the_same_file_changes_nothing(self):
        before = self.state()
        result = self.apply(TOPOLOGY)
        self.assertEqual(("", "no changes\n"), (result.stdout, result.stderr))
        self.assertEqual(before, self.state())

    def test_a_dry_run_prints_the_differences_and_makes_none(self):
        before = self.state()
        result = self.apply(BLACKHOLE, "--dry-run")
        self.assertEqual("~ route-table main/app: 0.0.0.0/0 nat -> blackhole\n", result.stdout)
        self.assertEqual(before, self.state())
        with self.outside.tcp_server(80):
            self.assert_open(self.client, OUTSIDE)

    def test_a_broken_file_is_refused_with_its_place_and_changes_nothing(self):
        before = self.state()
        broken = TOPOLOGY.replace("via: nat}", "via: nut}")
        line = broken[: broken.index("via: nut}")].count("\n") + 1
        result = self.apply(broken, expect=2)
        self.assertRegex(result.stderr, rf'topology\.yaml:{line}:\d+: .*did you mean "nat"\?')
        self.assertEqual("", result.stdout)
        self.assertEqual(before, self.state())


if __name__ == "__main__":
    main()
