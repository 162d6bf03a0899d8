#!/usr/bin/python3
"""The same addresses twice at once, in two VPCs and in two fabrics, and neither sees a packet of the other."""

import contextlib
import unittest

import frames
from capture import IPV4
from taploom_fabric import Fabric, FabricTest, leftovers, main, taploom

SERVER, CLIENT = "10.0.2.50", "10.0.2.60"
COLORS = ("red", "blue")


def vpc(color):
    return f"""
  {color}:
    cidr: 10.0.0.0/16
    subnets: {{app-{color}: {{cidr: 10.0.2.0/24}}}}
    security_groups:
      open-{color}: {{ingress: [{{protocol: all, from: 10.0.0.0/16}}]}}"""


def instances(color):
    options = f"subnet: app-{color}, security_groups: [open-{color}]"
    return f"""
  {color}-server: {{{options}, private_ip: {SERVER}}}
  {color}-client: {{{options}, private_ip: {CLIENT}}}"""


def topology(*colors):
    return f"name: twins\nvpcs:{''.join(map(vpc, colors))}\ninstances:{''.join(map(instances, colors))}\n"


def talk(node, color):
    """Speaks to 10.0.2.50 over TCP, UDP and ping, with the color in every packet; returns what was answered."""
    with node.connect(SERVER, 80) as connection:
        connection.recv(100)
        connection.sendall(color.encode())
        answers = [connection.recv(100)]
    answers.append(node.ask_udp(SERVER, 53, color.encode()))
    node.ping(SERVER, "-p", color.encode().hex())
    return answers


class TwoVpcs(FabricTest):
    label = "twins"
    topology = topology(*COLORS)

    def setUp(self):
        self.clients = {color: self.fabric.node(f"{color}-client") for color in COLORS}
        self.servers = {color: self.fabric.node(f"{color}-server") for color in COLORS}
        for server in self.servers.values():
            self.enterContext(server.tcp_server(80))
            self.enterContext(server.udp_server(53))

    def macs(self, color):
        return {bytes.fromhex(row["mac"].replace(":", "")) for row in self.fabric.get("enis") if row["vpc"] == color}

    def test_neither_sees_a_packet_of_the_other(self):
        with contextlib.ExitStack() as stack:
            wires = {
                color: [stack.enter_context(node.capture()) for node in (self.clients[color], self.servers[color])]
                for color in COLORS
            }
            for color in COLORS:
                self.assertTrue(all(color.encode() in answer for answer in talk(self.clients[color], color)))
        for color, other in (COLORS, COLORS[::-1]):
            for wire in wires[color]:
                self.assertGreaterEqual(len(wire.containing(color.encode())), 6, "three questions and answers")
                self.assertEqual([], wire.containing(other.encode()))
                seen = {mac for frame in wire for mac in (frame.source_mac, frame.destination_mac)}
                self.assertEqual(set(), seen & self.macs(other))

    def test_the_same_connection_exists_in_both(self):
        """Equal five-tuples at the same time: only the VPC tells them apart."""
        with contextlib.ExitStack() as stack:
            connections = {}
            for color in COLORS:
                connection = stack.enter_context(self.clients[color].socket())
                connection.bind((CLIENT, 40000))
                connection.settimeout(5)
                connection.connect((SERVER, 80))
                self.assertEqual(f"{CLIENT} 40000\n".encode(), connection.recv(100))
                connections[color] = connection
            for color, connection in connections.items():
                connection.sendall(color.encode())
            for color, connection in connections.items():
                self.assertEqual(color.encode(), connection.recv(100))

    def test_a_frame_to_the_others_mac_goes_nowhere(self):
        (red_mac,) = self.interface_macs("red-client")
        (blue_mac,) = self.interface_macs("blue-server")
        frame = frames.ethernet(blue_mac, red_mac, IPV4, frames.udp(CLIENT, SERVER, 1, 53, b"stray"))
        with self.servers["blue"].capture() as blue, self.servers["red"].capture() as red:
            with self.fabric.dropping(self.clients["red"], "UNKNOWN_DESTINATION_MAC"):
                with self.clients["red"].packet_socket() as wire:
                    wire.send(frame)
        self.assertEqual([], blue.containing(b"stray") + red.containing(b"stray"))

    def interface_macs(self, instance):
        return [bytes.fromhex(row["mac"].replace(":", "")) for row in self.fabric.get("enis", instance)]


class TwoFabrics(unittest.TestCase):
    def test_two_fabrics_of_one_file_share_nothing(self):
        with Fabric("east", topology("red")) as east, Fabric("west", topology("red")) as west:
            nodes = {fabric: [fabric.node(f"red-{role}") for role in ("client", "server")] for fabric in (east, west)}
            with contextlib.ExitStack() as stack:
                wires = {}
                for fabric, (client, server) in nodes.items():
                    stack.enter_context(server.tcp_server(80))
                    stack.enter_context(server.udp_server(53))
                    wires[fabric] = stack.enter_context(server.capture())
                for fabric, (client, _) in nodes.items():
                    talk(client, fabric.name[-4:])
            for fabric, other in ((east, west), (west, east)):
                self.assertTrue(wires[fabric].containing(fabric.name[-4:].encode()))
                self.assertEqual([], wires[fabric].containing(other.name[-4:].encode()))

            refused = taploom("get", "instances", expect=2)
            self.assertIn("several fabrics run", refused.stderr)
            west.down()
            self.assertEqual([], leftovers(west.name))
            nodes[east][0].ping(SERVER)


if __name__ == "__main__":
    main()
