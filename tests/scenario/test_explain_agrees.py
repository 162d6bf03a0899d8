#!/usr/bin/env python3
"""What `explain` foretells is what sockets meet: 200 random pairs, under four random configurations.

TAPLOOM_SEED repeats a run.
"""

import contextlib
import json
import os
import random

from taploom_fabric import FabricTest, main, taploom
from waiting import wait_for

from node import has_heard

ROUNDS, PAIRS_PER_ROUND = 4, 50
SEED = int(os.environ.get("TAPLOOM_SEED", random.SystemRandom().randrange(1 << 32)))
LISTENING, SILENT = [80, 443, 3306], 8080  # on every machine; nobody serves the last
MACHINES = ["web", "bare", "app-1", "app-2", "db", "client"]
GROUPS = ["{}", "{ingress: [{protocol: all, from: 0.0.0.0/0}]}",
          "{ingress: [{protocol: tcp, ports: 80-443, from: 0.0.0.0/0}]}",
          "{ingress: [{protocol: tcp, ports: 3306, from: sg:app}, {protocol: tcp, ports: 80, from: 10.0.1.0/24}]}",
          "{ingress: [{protocol: tcp, from: sg:web}], egress: []}",
          "{ingress: [{protocol: all, from: 10.0.0.0/16}], egress: [{protocol: tcp, ports: 80-3306, to: 10.0.0.0/16}]}"]
OPEN = "{rule: 200, action: allow, protocol: all, cidr: 0.0.0.0/0}"
ACLS = [f"{{ingress: [{OPEN}], egress: [{OPEN}]}}", f"{{ingress: [{OPEN}], egress: [{OPEN}]}}",
        f"{{ingress: [{{rule: 100, action: deny, protocol: tcp, ports: 3306, cidr: 10.0.2.0/24}}, {OPEN}], egress: [{OPEN}]}}",
        f"{{ingress: [{OPEN}], egress: [{{rule: 100, action: allow, protocol: tcp, ports: 1024-65535, cidr: 10.0.1.0/24}}]}}",
        f"{{ingress: [{{rule: 100, action: allow, protocol: tcp, ports: 80, cidr: 0.0.0.0/0}}], egress: [{OPEN}]}}"]
WAYS = ["igw", "igw", "nat", "blackhole"]


def topology(choose):
    return f"""
name: agrees
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public: {{cidr: 10.0.1.0/24, route_table: public, acl: public}}
      app:    {{cidr: 10.0.2.0/24, route_table: app, acl: app}}
      data:   {{cidr: 10.0.3.0/24, acl: data}}
    nat_gateways:
      nat: {{subnet: public, elastic_ip: 203.0.113.10}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: {choose(["igw", "igw", "blackhole"])}}}]}}
      app:    {{routes: [{{to: 0.0.0.0/0, via: {choose(WAYS)}}}]}}
    security_groups:
      web: {choose(GROUPS)}
      app: {choose(GROUPS)}
      db:  {choose(GROUPS)}
    network_acls:
      public: {choose(ACLS)}
      app:    {choose(ACLS)}
      data:   {choose(ACLS)}
instances:
  web:   {{subnet: public, private_ip: 10.0.1.10, elastic_ip: 203.0.113.11, security_groups: [web]}}
  bare:  {{subnet: public, private_ip: 10.0.1.11, security_groups: [web]}}
  app-1: {{subnet: app, private_ip: 10.0.2.10, security_groups: [app]}}
  app-2: {{subnet: app, private_ip: 10.0.2.11, security_groups: [app, web]}}
  db:    {{subnet: data, private_ip: 10.0.3.10, security_groups: [db]}}
internet:
  hosts:
    client: {{address: 1.2.3.4}}
"""


class Agrees(FabricTest):
    label = "agrees"
    topology = topology(random.Random(SEED).choice)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in MACHINES:
            for port in LISTENING:
                cls.enterClassContext(cls.fabric.node(name).tcp_server(port))

    def foretold(self, source, destination, port):
        """The address to connect to, and what will happen: "opens", "refused", or (who drops, reason)."""
        result = taploom("explain", source, f"{destination}:{port}", "--name", self.fabric.name, "-o", "json", expect=None)
        answer = json.loads(result.stdout)
        address = answer["destination"]["address"].rpartition(":")[0]
        for way, dropper in (("forward", source), ("reply", destination)):
            if "drop" in answer.get(way, {}):
                return address, (dropper, answer[way]["drop"]["reason"])
        codes = [each["ExplanationCode"] for each in answer["Explanations"] if each["is_failure"]]
        if codes == ["NOTHING_LISTENS"]:
            return address, "refused"
        self.assertTrue(answer["passes"] and not codes, result.stdout)
        return address, "opens"

    def last_reasons(self, dropper):
        """(reason, ports of either end) of the packet that `dropper` sent and that was dropped last."""
        return [(each["reason"], each["packet"]) for each in self.fabric.last_drops(dropper) if each["sender"] == dropper]

    def meet(self, source, destination, port):
        """Sends a SYN, and holds what comes of it against what was foretold."""
        address, expected = self.foretold(source, destination, port)
        node = self.fabric.node(source)
        if expected == "opens":
            with node.connect(address, port) as connection:
                self.assertTrue(connection.recv(100).endswith(b"\n"))
        elif expected == "refused":
            with self.assertRaises(ConnectionRefusedError), node.connect(address, port):
                pass
        else:
            dropper, reason = expected
            with contextlib.closing(node.begin_connect(address, port)) as connection:
                # Behind a translation the port is another one; the reason and the machine still say it.
                mark = f":{connection.getsockname()[1]}" if dropper == source else f":{port}"
                wait_for(lambda: any(why == reason and mark in packet for why, packet in self.last_reasons(dropper)),
                         f"{dropper} drops for {reason}; dropped last: {self.last_reasons(dropper)}")
                self.assertFalse(has_heard(connection), "an answer came all the same")
        return expected if isinstance(expected, str) else expected[1]

    def test_two_hundred_pairs(self):
        dice = random.Random(SEED)
        met = set()
        for round_number in range(ROUNDS):
            if round_number > 0:
                self.fabric.apply(self.fabric.write(topology(dice.choice)))
            for _ in range(PAIRS_PER_ROUND):
                source, destination = dice.sample(MACHINES, 2)
                port = dice.choice(LISTENING + [SILENT])
                with self.subTest(f"TAPLOOM_SEED={SEED}, round {round_number}: {source} -> {destination}:{port}"):
                    met.add(self.meet(source, destination, port))
        self.assertGreaterEqual(len(met), 3, f"TAPLOOM_SEED={SEED}: such a run tells little: {met}")


if __name__ == "__main__":
    main()
