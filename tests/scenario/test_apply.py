"""`apply` under traffic: what changed changes at once, and nothing else is disturbed."""
import subprocess
import unittest

from scene import Fabric, wait_for

TOPOLOGY = """
name: change
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public: {cidr: 10.0.1.0/24, route_table: public}
      app:    {cidr: 10.0.2.0/24, route_table: app}
    nat_gateways:
      nat: {subnet: public, elastic_ip: 203.0.113.10}
    route_tables:
      public: {routes: [{to: 0.0.0.0/0, via: igw}]}
      app:    {routes: [{to: 0.0.0.0/0, via: nat}]}
    security_groups:
      client: {ingress: []}
      server: {ingress: [{protocol: tcp, ports: 80, from: sg:client}]}
      open:   {ingress: [{protocol: all, from: 0.0.0.0/0}]}
instances:
  client: {subnet: app, private_ip: 10.0.2.10, security_groups: [client]}
  server: {subnet: app, private_ip: 10.0.2.20, security_groups: [server]}
  bystander-a: {subnet: app, private_ip: 10.0.2.30, security_groups: [open]}
  bystander-b: {subnet: public, private_ip: 10.0.1.30, security_groups: [open]}
internet:
  hosts:
    outside: {address: 5.6.7.8}
"""
WITHOUT_RULE = TOPOLOGY.replace("server: {ingress: [{protocol: tcp, ports: 80, from: sg:client}]}", "server: {ingress: []}")
BLACKHOLE = TOPOLOGY.replace("via: nat}", "via: blackhole}")
# A conversation that goes on until its input ends: one line there, one line back.
CONVERSATION = """
import socket, sys
peer = socket.create_connection(("10.0.2.20", 80), timeout=10)
for line in sys.stdin:
    peer.sendall(line.encode())
    print(peer.recv(100).decode().strip(), flush=True)
"""


def with_late(topology):
    head, tail = topology.rsplit("internet:\n", 1)
    return head + "  late: {subnet: app, private_ip: 10.0.2.40, security_groups: [open]}\ninternet:\n" + tail


class Apply(unittest.TestCase):
    def setUp(self):
        self.fabric = self.enterContext(Fabric(TOPOLOGY))

    def steady_ping(self):
        """A ping between the bystanders every 10 ms, until finish() is called; finish returns (sent, received)."""
        program = self.fabric.start("bystander-a", "ping", "-q", "-i", "0.01", "10.0.1.30")
        wait_for(lambda: self.fabric.get("ports", "bystander-a")[0]["sent_packets"] > 3, "the ping is under way")

        def finish():
            program.send_signal(2)
            summary = program.communicate(timeout=10)[0]
            sent, received = [int(word) for word in summary.split("statistics ---")[1].split() if word.isdigit()][:2]
            return sent, received
        return finish

    def test_the_same_file_changes_nothing(self):
        before = self.fabric.get("instances")
        result = self.fabric.apply(TOPOLOGY)
        self.assertIn("no changes", result.stdout + result.stderr)
        self.assertEqual(before, self.fabric.get("instances"))

    def test_a_dry_run_prints_and_does_nothing(self):
        result = self.fabric.apply(BLACKHOLE, dry_run=True)
        self.assertIn("~ route-table main/app: 0.0.0.0/0 nat -> blackhole", result.stdout)
        self.fabric.serve("outside", 80)
        self.assertIsNotNone(self.fabric.ask("client", "5.6.7.8", 80))

    def test_traffic_follows_a_changed_route_at_once(self):
        self.fabric.serve("outside", 80)
        finish = self.steady_ping()
        self.assertIsNotNone(self.fabric.ask("client", "5.6.7.8", 80))
        self.fabric.apply(BLACKHOLE)
        self.assertIsNone(self.fabric.ask("client", "5.6.7.8", 80))
        self.assertIn("BLACKHOLE_ROUTE", self.fabric.drops("client"))
        self.fabric.apply(TOPOLOGY)
        self.assertIsNotNone(self.fabric.ask("client", "5.6.7.8", 80))
        sent, received = finish()
        self.assertEqual(sent, received)

    def test_a_tracked_connection_survives_its_rule_and_a_new_one_does_not(self):
        self.fabric.start("server", "socat", "TCP-LISTEN:80,reuseaddr,fork", "EXEC:cat")
        wait_for(lambda: self.fabric.run("server", "ss", "-ltnH", "sport = :80").stdout, "the server listens")
        finish = self.steady_ping()
        talk = self.fabric.start("client", "python3", "-u", "-c", CONVERSATION, stdin=subprocess.PIPE)

        def say(word):
            talk.stdin.write(word + "\n")
            talk.stdin.flush()
            return talk.stdout.readline().strip()

        self.assertEqual("before", say("before"))
        result = self.fabric.apply(WITHOUT_RULE)
        self.assertIn("- security-group-rule main/server: ingress tcp 80 from sg:client", result.stdout)
        self.assertEqual("after", say("after"))
        self.assertIsNone(self.fabric.ask("client", "10.0.2.20", 80))
        self.fabric.apply(TOPOLOGY)
        self.assertEqual("again", say("again"))
        sent, received = finish()
        self.assertEqual(sent, received)

    def test_an_added_instance_joins_and_a_removed_one_goes(self):
        finish = self.steady_ping()
        result = self.fabric.apply(with_late(TOPOLOGY))
        self.assertIn("+ instance late", result.stdout)
        self.assertEqual(0, self.fabric.run("bystander-a", "ping", "-c1", "-W5", "10.0.2.40").returncode)
        self.fabric.apply(TOPOLOGY)
        self.assertEqual(1, self.fabric.run("bystander-a", "ping", "-c1", "-W1", "10.0.2.40").returncode)
        self.assertNotIn("late", {row["name"] for row in self.fabric.get("instances")})
        sent, received = finish()
        self.assertEqual(sent, received)

    def test_a_broken_file_changes_nothing_and_says_where(self):
        finish = self.steady_ping()
        before = self.fabric.get("routes")
        result = self.fabric.apply(TOPOLOGY.replace("via: nat}", "via: nut}"), check=False)
        self.assertEqual(2, result.returncode)
        self.assertIn('did you mean "nat"?', result.stdout + result.stderr)
        self.assertEqual(before, self.fabric.get("routes"))
        sent, received = finish()
        self.assertEqual(sent, received)


if __name__ == "__main__":
    unittest.main()
