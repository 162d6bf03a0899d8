#!/usr/bin/python3
"""An availability zone and a NAT gateway fail and come back while real connections are open (vpc-semantics §13)."""

from taploom_fabric import EXAMPLES, FabricTest, main, taploom
from waiting import wait_for

ZONE, OUTSIDE, INSIDE_A, INSIDE_B = "ap-northeast-2a", "5.6.7.8", "10.0.2.10", "10.0.4.10"
NODE_A, NODE_B = "203.0.113.11", "203.0.113.12"

TOPOLOGY = f"""
name: faults
region: ap-northeast-2
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      pub-a: {{cidr: 10.0.1.0/24, az: ap-northeast-2a, route_table: public}}
      app-a: {{cidr: 10.0.2.0/24, az: ap-northeast-2a, route_table: out-a}}
      pub-b: {{cidr: 10.0.3.0/24, az: ap-northeast-2b, route_table: public}}
      app-b: {{cidr: 10.0.4.0/24, az: ap-northeast-2b, route_table: out-b}}
      app-c: {{cidr: 10.0.5.0/24, az: ap-northeast-2b, route_table: out-a}}
    nat_gateways:
      nat-a: {{subnet: pub-a, elastic_ip: 203.0.113.1}}
      nat-b: {{subnet: pub-b, elastic_ip: 203.0.113.2}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
      out-a: {{routes: [{{to: 0.0.0.0/0, via: nat-a}}]}}
      out-b: {{routes: [{{to: 0.0.0.0/0, via: nat-b}}]}}
    security_groups:
      any: {{ingress: [{{protocol: all, from: 0.0.0.0/0}}]}}
    load_balancers:
      front:
        type: application
        subnets: {{pub-a: 10.0.1.100, pub-b: 10.0.3.100}}
        elastic_ips: {{pub-a: {NODE_A}, pub-b: {NODE_B}}}
        security_groups: [any]
        dns_name: front.example.com
        listeners: [{{protocol: http, port: 80, forward: all}}]
        target_groups:
          all: {{protocol: http, port: 80, targets: [in-b]}}
instances:
  in-a: {{subnet: app-a, private_ip: {INSIDE_A}, security_groups: [any]}}
  in-b:
    subnet: app-b
    private_ip: {INSIDE_B}
    security_groups: [any]
    run: ["exec python3 -B '{EXAMPLES}/three-tier/api.py' --port 80"]
  in-c: {{subnet: app-c, private_ip: 10.0.5.10, security_groups: [any]}}
internet: {{hosts: {{outside: {{address: {OUTSIDE}}}}}}}
"""


class Faults(FabricTest):
    label = "faults"
    topology = TOPOLOGY

    def setUp(self):
        self.in_a, self.in_b, self.in_c, self.outside = map(self.fabric.node, ("in-a", "in-b", "in-c", "outside"))
        for node in (NODE_A, NODE_B):
            wait_for(lambda node=node: self.fetch(f"http://{node}/", expect=None).returncode == 0, f"{node} has a target")

    def fault(self, kind, name, way, expect=0):
        return taploom("fault", kind, name, way, "--name", self.fabric.name, expect=expect)

    def fetch(self, url, expect=0):
        return self.outside.run("curl", "--silent", "--max-time", "10", "--fail", url, expect=expect)

    def state(self, kind, name, key="name"):
        return next(row["state"] for row in self.fabric.get(kind) if row[key] == name)

    def assert_alive(self, connection):
        connection.sendall(b"still there?")
        self.assertEqual(b"still there?", connection.recv(100))

    def test_a_zone_fails_and_comes_back(self):
        with self.outside.tcp_server(9000):
            through_a, through_b = self.in_c.connect(OUTSIDE, 9000), self.in_b.connect(OUTSIDE, 9000)
            for connection in (through_a, through_b):
                self.enterContext(connection)
                self.assertTrue(connection.recv(100).endswith(b"\n"))

            self.assertEqual(f"+ fault az {ZONE}\n", self.fault("az", ZONE, "--down").stdout)
            self.assertEqual("", self.fault("az", ZONE, "--down").stdout, "it is down already")

            # The other zone is undisturbed, and the load balancer's name means its node alone.
            self.assert_alive(through_b)
            self.fetch("http://front.example.com/")
            self.assertNotIn(NODE_A, self.outside.run("getent", "ahostsv4", "front.example.com").stdout)

            # What is in the zone is gone: instances, the gateway that zone b used, the balancer's node.
            self.assert_silent(self.in_b, INSIDE_A, 80, "AZ_DOWN")
            self.assert_silent(self.in_c, OUTSIDE, 9000, "AZ_DOWN")
            self.assert_silent(self.outside, NODE_A, 80, "AZ_DOWN")
            self.assertEqual("AZ_DOWN", self.fabric.explain("in-c", f"{OUTSIDE}:9000"))
            self.assertEqual("AZ_DOWN", self.fabric.explain("in-a", f"{INSIDE_B}:80"))
            self.assertEqual("down", self.state("azs", ZONE))
            self.assertEqual("down", self.state("nats", "nat-a"))
            self.assertEqual("available", self.state("nats", "nat-b"))
            self.assertEqual("down", self.state("lbs", "front/pub-a", key="node"))
            self.assertEqual([("az", ZONE)], [(row["kind"], row["name"]) for row in self.fabric.get("faults")])
            self.assertEqual({"active"}, {row["state"] for row in self.fabric.get("routes")})

            # A fault is not the file's: applying the file again does not end it.
            self.fabric.apply(self.fabric.file)
            self.assertEqual("down", self.state("azs", ZONE))

            self.assertEqual(f"- fault az {ZONE}\n", self.fault("az", ZONE, "--up").stdout)
            self.assert_alive(through_b)
            self.assert_open(self.in_c, OUTSIDE, 9000)
            with self.assertRaises(ConnectionResetError, msg="the gateway has forgotten"):
                through_a.sendall(b"still there?")
                through_a.recv(100)
        self.assertIn(NODE_A, self.outside.run("getent", "ahostsv4", "front.example.com").stdout)
        self.fetch(f"http://{NODE_A}/")
        self.assertIsNone(self.fabric.explain("in-b", INSIDE_A))
        self.assertEqual([], self.fabric.get("faults"))

    def test_a_nat_gateway_fails_and_comes_back(self):
        with self.outside.tcp_server(9001):
            self.assert_open(self.in_b, OUTSIDE, 9001)
            self.assertEqual("+ fault nat nat-b\n", self.fault("nat", "nat-b", "--down").stdout)
            self.assert_silent(self.in_b, OUTSIDE, 9001, "NAT_GATEWAY_DOWN")
            self.assertEqual("NAT_GATEWAY_DOWN", self.fabric.explain("in-b", f"{OUTSIDE}:9001"))
            self.assertEqual("down", self.state("nats", "nat-b"))
            self.assert_open(self.in_c, OUTSIDE, 9001)
            self.fetch(f"http://{NODE_B}/")
            self.fault("nat", "nat-b", "--up")
            self.assert_open(self.in_b, OUTSIDE, 9001)

    def test_what_is_not_there_cannot_fail(self):
        self.assertIn("did you mean", self.fault("az", "ap-northeast-2x", "--down", expect=2).stderr)
        self.assertIn("did you mean", self.fault("nat", "nat-z", "--down", expect=2).stderr)
        self.assertIn("az and nat can", self.fault("igw", "igw", "--down", expect=2).stderr)
        self.assertIn("up already", self.fault("nat", "nat-a", "--up").stderr)


if __name__ == "__main__":
    main()
