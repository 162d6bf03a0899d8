"""Two VPCs, two fabrics: the same addresses, and never each other's packets."""
import json
import unittest

from scene import Fabric, endpoints, taploom

VPC = """
  {vpc}:
    cidr: 10.0.0.0/16
    subnets:
      app: {{cidr: 10.0.2.0/24}}
    security_groups:
      open-{vpc}: {{ingress: [{{protocol: all, from: 0.0.0.0/0}}]}}
"""
INSTANCES = """
  {vpc}-server: {{subnet: {vpc}/app, private_ip: 10.0.2.50, security_groups: [open-{vpc}]}}
  {vpc}-client: {{subnet: {vpc}/app, private_ip: 10.0.2.60, security_groups: [open-{vpc}]}}
"""


def topology(name):
    return (f"name: {name}\nvpcs:\n" + VPC.format(vpc="red") + VPC.format(vpc="blue") + "instances:\n" +
            INSTANCES.format(vpc="red") + INSTANCES.format(vpc="blue"))


class Isolation(unittest.TestCase):
    def test_two_vpcs_with_one_cidr_never_see_each_others_packets(self):
        with Fabric(topology("twins")) as fabric:
            fabric.serve("red-server", 80)
            fabric.serve("blue-server", 80)
            red = fabric.capture("red-server", "tcp")
            blue = fabric.capture("blue-server", "tcp")
            self.assertEqual("10.0.2.60 5001", fabric.ask("red-client", "10.0.2.50", 80, source_port=5001))
            self.assertEqual("10.0.2.60 5002", fabric.ask("blue-client", "10.0.2.50", 80, source_port=5002))
            ports_seen = [{end for pair in endpoints(capture.stop()) for end in pair} for capture in (red, blue)]
            self.assertEqual({"10.0.2.50.80", "10.0.2.60.5001"}, ports_seen[0])
            self.assertEqual({"10.0.2.50.80", "10.0.2.60.5002"}, ports_seen[1])

    def test_two_fabrics_share_nothing(self):
        with Fabric(topology("east")) as east, Fabric(topology("west")) as west:
            east.serve("red-server", 80)
            self.assertEqual("10.0.2.60", east.ask("red-client", "10.0.2.50", 80).split()[0])
            self.assertIsNone(west.ask("red-client", "10.0.2.50", 80))  # its own server does not listen
            self.assertEqual({"east", "west"}, {row["name"] for row in _fabrics()} & {"east", "west"})
            refused = taploom("get", "instances", check=False)
            self.assertEqual(2, refused.returncode)  # which one is meant must be said
            self.assertIn("east", refused.stderr)
            self.assertIn("west", refused.stderr)


def _fabrics():
    return json.loads(taploom("ls", "-o", "json").stdout)


if __name__ == "__main__":
    unittest.main()
