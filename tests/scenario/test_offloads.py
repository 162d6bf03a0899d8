#!/usr/bin/python3
"""Whatever the two ends leave to their devices, and whatever size they send: the bytes arrive as they were sent."""

import itertools
import os
import socket
import struct
import threading

from servers import family_of
from taploom_fabric import FabricTest, main

# What an instance may leave to its device: checksums, segmentation of TCP and of UDP; and what it lets the kernel put
# together again. Those that depend on another are switched off by the kernel with it.
OFFLOADS = ("tx", "tso", "tx-udp-segmentation", "gro")
SIZES = (1280, 1500, 9001)
BYTES = 3 << 20
SOL_UDP, UDP_SEGMENT = 17, 103  # linux/udp.h; Python has no names for them
SEGMENT, SEGMENTS = 1200, 40

ONE, TWO = ("10.0.1.10", "2001:db8:1:1::10"), ("10.0.2.20", "2001:db8:1:2::20")
OUTSIDE, ELASTIC = "5.6.7.8", "203.0.113.10"
TOPOLOGY = f"""
name: offloads
vpcs:
  main:
    cidr: 10.0.0.0/16
    ipv6_cidr: 2001:db8:1::/56
    internet_gateway: igw
    subnets:
      public: {{cidr: 10.0.0.0/24, route_table: public}}
      a: {{cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:1:1::/64", route_table: private}}
      b: {{cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:1:2::/64"}}
    nat_gateways:
      nat: {{subnet: public, elastic_ip: {ELASTIC}}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
      private: {{routes: [{{to: 0.0.0.0/0, via: nat}}]}}
    security_groups:
      open:
        ingress:
          - {{protocol: all, from: 10.0.0.0/16}}
          - {{protocol: all, from: "2001:db8:1::/56"}}
instances:
  one: {{subnet: a, private_ip: {ONE[0]}, ipv6: "{ONE[1]}", security_groups: [open]}}
  two: {{subnet: b, private_ip: {TWO[0]}, ipv6: "{TWO[1]}", security_groups: [open]}}
internet:
  hosts:
    outside: {{address: {OUTSIDE}}}
"""


class Offloads(FabricTest):
    label = "offloads"
    topology = TOPOLOGY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.one, cls.two, cls.outside = map(cls.fabric.node, ("one", "two", "outside"))
        # Far end, its address: within the VPC by both families, and through the NAT gateway.
        cls.roads = [(cls.two, TWO[0]), (cls.two, TWO[1]), (cls.outside, OUTSIDE)]

    def tearDown(self):
        self.configure(dict.fromkeys(OFFLOADS, "on"), 1500, self.one, self.two, self.outside)

    def configure(self, offloads, size, *nodes):
        words = [word for offload in offloads.items() for word in offload]
        for node in nodes:
            node.run("ethtool", "-K", "eth0", *words)
            node.run("ip", "link", "set", "eth0", "mtu", str(size))

    def send_tcp(self, sender, receiver, address):
        """Sends BYTES of noise and asserts that they arrive."""
        sent = os.urandom(BYTES)
        received = bytearray()
        with receiver.socket(family_of(address), socket.SOCK_STREAM) as listener:
            listener.bind((address, 0))
            listener.listen()
            with sender.connect(address, listener.getsockname()[1]) as out, listener.accept()[0] as arriving:
                arriving.settimeout(20)

                def send():
                    out.sendall(sent)
                    out.shutdown(socket.SHUT_WR)

                thread = threading.Thread(target=send)
                thread.start()
                while piece := arriving.recv(1 << 20):
                    received += piece
                thread.join()
        self.assertEqual(len(sent), len(received))
        self.assertTrue(sent == received, "the bytes changed on the way")

    def send_datagrams(self, sender, receiver, address):
        """SEGMENTS datagrams in one system call: one superframe where the device segments UDP, else many frames."""
        family = family_of(address)
        with receiver.socket(family, socket.SOCK_DGRAM) as server, sender.socket(family, socket.SOCK_DGRAM) as out:
            server.bind((address, 0))
            server.settimeout(5)
            out.setsockopt(SOL_UDP, UDP_SEGMENT, SEGMENT)
            sent = os.urandom(SEGMENT * (SEGMENTS - 1) + 77)
            out.sendto(sent, server.getsockname()[:2])
            received = [server.recv(65535) for _ in range(SEGMENTS)]
        self.assertEqual({SEGMENT, 77}, {len(datagram) for datagram in received})
        self.assertEqual(sorted(sent[at : at + SEGMENT] for at in range(0, len(sent), SEGMENT)), sorted(received))

    def test_every_combination_at_every_size_on_every_road(self):
        for states in itertools.product(("on", "off"), repeat=len(OFFLOADS)):
            offloads = dict(zip(OFFLOADS, states))
            for size in SIZES:
                self.configure(offloads, size, self.one, self.two)
                self.configure(offloads, min(size, 1500), self.outside)
                for far_end, address in self.roads:
                    with self.subTest(**offloads, size=size, to=address):
                        self.send_tcp(self.one, far_end, address)
                        self.send_datagrams(self.one, far_end, address)

    def test_what_this_kernel_does_right_is_known_from_the_start(self):
        states = {row["name"]: row["state"] for row in self.fabric.get("offloads")}
        self.assertEqual(["checksum", "TSO4", "TSO6", "USO4", "USO6"], list(states))
        for name, state in states.items():
            self.assertIn(state, ("works", "absent"), name)
        self.assertEqual({0}, {row["cut_superframes"] for row in self.fabric.get("ports")})

    def test_ends_that_differ_understand_each_other(self):
        off, on = dict.fromkeys(OFFLOADS, "off"), dict.fromkeys(OFFLOADS, "on")
        for at_one, at_far, size_of_one, size_of_far in ((on, off, 9001, 1280), (off, on, 1280, 9001)):
            self.configure(at_one, size_of_one, self.one)
            self.configure(at_far, size_of_far, self.two)
            self.configure(at_far, min(size_of_far, 1500), self.outside)
            for far_end, address in self.roads:
                with self.subTest(at_one=at_one["tx"], to=address):
                    self.send_tcp(self.one, far_end, address)
            for address in ONE:
                with self.subTest(at_one=at_one["tx"], to=address):
                    self.send_tcp(self.two, self.one, address)

    def test_a_checksum_left_to_the_device_is_one_for_the_translated_addresses(self):
        """Between devices the field holds the sum of the pseudo-header only (virtio 1.2, 5.1.6.2): with the source that
        the NAT gateway has put in, or the frame is wrong once a real device finishes it."""
        self.configure({"tx": "on"}, 1500, self.one)
        with self.outside.capture(received_only=True) as wire, self.outside.udp_server(5000):
            self.one.ask_udp(OUTSIDE, 5000, b"summed")
        (frame,) = wire.select(source=ELASTIC, destination=OUTSIDE, destination_port=5000)
        ip = frame.raw[14:]
        datagram = ip[(ip[0] & 15) * 4 :]
        pseudo_header = ip[12:20] + struct.pack("!BBH", 0, ip[9], len(datagram))
        self.assertEqual(_sum(pseudo_header), int.from_bytes(datagram[6:8], "big"))


def _sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


if __name__ == "__main__":
    main()
