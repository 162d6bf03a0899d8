#!/usr/bin/python3
"""An instance that sends garbage: the dataplane lives, the others notice nothing, and every frame is accounted for."""

import ipaddress
import random

import frames
from capture import ARP, IPV4, IPV6, ICMP, ICMPV6, RST, TCP
from steady_stream import SteadyStream
from taploom_fabric import FabricTest, main
from waiting import wait_for

FRAMES = 100_000
BATCH = 500  # half of what the TAP holds, so that the kernel drops none before the dataplane sees it
SEED = 20_240_601
LARGEST_FRAME, LARGEST_ON_INTERNET = 9001 + 14, 1500 + 14
VLAN, TIME_EXCEEDED = 0x8100, 11

HOSTILE, VICTIM, OUTSIDE, RESOLVER = "10.0.2.66", "10.0.2.50", "5.6.7.8", "10.0.0.2"
VPC = ipaddress.ip_network("10.0.0.0/16")
HOSTILE6, VICTIM6 = "2001:db8:1:2::66", "2001:db8:1:2::50"

TOPOLOGY = f"""
name: hostile
vpcs:
  main:
    cidr: 10.0.0.0/16
    ipv6_cidr: 2001:db8:1::/56
    internet_gateway: igw
    subnets:
      public: {{cidr: 10.0.1.0/24, route_table: public}}
      app: {{cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:1:2::/64", route_table: app}}
    nat_gateways:
      nat: {{subnet: public, elastic_ip: 203.0.113.10}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
      app: {{routes: [{{to: 0.0.0.0/0, via: nat}}, {{to: "::/0", via: igw}}]}}
    security_groups:
      open: {{ingress: [{{protocol: all, from: 0.0.0.0/0}}, {{protocol: all, from: "::/0"}}]}}
      web: {{ingress: [{{protocol: tcp, ports: 80, from: sg:open}}]}}
instances:
  hostile: {{subnet: app, private_ip: {HOSTILE}, ipv6: "{HOSTILE6}", security_groups: [open]}}
  victim: {{subnet: app, private_ip: {VICTIM}, ipv6: "{VICTIM6}", security_groups: [open]}}
  guarded: {{subnet: app, private_ip: 10.0.2.51, security_groups: [web]}}
  bystander-a: {{subnet: app, private_ip: 10.0.2.30, security_groups: [open]}}
  bystander-b: {{subnet: public, private_ip: 10.0.1.30, security_groups: [open]}}
internet:
  hosts:
    outside: {{address: {OUTSIDE}}}
"""


class Garbage:
    """An endless, reproducible supply of frames that are wrong somewhere, and of bytes that never were a frame."""

    def __init__(self, own_mac, macs):
        self._random = random.Random(SEED)
        packets = list(self._packets(own_mac))
        self._templates = [frames.ethernet(mac, own_mac, *packet) for mac in macs for packet in packets]

    def _packets(self, own_mac):
        quoted = frames.udp(HOSTILE, OUTSIDE, 1000, 53, b"quoted")
        for peer in (VICTIM, "10.0.2.51", "10.0.1.30", OUTSIDE, "203.0.113.10"):
            for flags in (0x02, 0x10, 0x11, 0x12, 0x04, 0x00, 0xFF):
                yield IPV4, frames.tcp(HOSTILE, peer, 4000 + flags, 80, flags, b"payload")
            yield IPV4, frames.udp(HOSTILE, peer, 4000, 53, bytes(60))
            yield IPV4, frames.ip(HOSTILE, peer, ICMP, frames.icmp(8, payload=bytes(40)))
            yield IPV4, frames.ip(HOSTILE, peer, ICMP, frames.icmp(3, 4, b"\0\0\5\0", quoted))
            yield IPV4, frames.ip(HOSTILE, peer, 47, bytes(30))
            yield IPV4, frames.ip(HOSTILE, peer, 17, bytes(20), ttl=1)
        yield IPV4, frames.udp(HOSTILE, RESOLVER, 4000, 53, b"\1\2\1\0\0\1\0\0\0\0\0\0\6victim\0\0\1\0\1")
        yield IPV4, frames.udp("0.0.0.0", "255.255.255.255", 68, 67, bytes(240))
        yield ARP, frames.arp_request(own_mac, HOSTILE, VICTIM)
        yield IPV6, frames.tcp(HOSTILE6, VICTIM6, 4000, 80, 0x02)
        yield IPV6, frames.udp(HOSTILE6, VICTIM6, 4000, 53, bytes(60))
        yield IPV6, frames.ip(HOSTILE6, VICTIM6, 0, bytes([44, 0, 1, 4, 0, 0, 0, 0]) + bytes([17, 0, 0, 1]) + bytes(16))
        yield IPV6, frames.ip(HOSTILE6, "ff02::1:ff00:50", ICMPV6, frames.icmp(135, payload=bytes(16)))
        yield VLAN, b"\0\1\x08\0" + frames.udp(HOSTILE, VICTIM, 4000, 53)

    def frame(self):
        chance = self._random.random()
        if chance < 0.1:
            return self._random.randbytes(self._random.randint(14, LARGEST_FRAME))
        frame = bytearray(self._random.choice(self._templates))
        if chance < 0.2:
            return bytes(frame)  # an honest one in between
        for _ in range(self._random.choice((1, 1, 1, 2, 4, 16))):
            # Mostly in the headers, where it matters.
            at = self._random.randrange(len(frame) if self._random.random() < 0.2 else min(64, len(frame)))
            frame[at] = self._random.choice((0, 1, 0x7F, 0x80, 0xFF, self._random.randrange(256)))
        if self._random.random() < 0.2:
            del frame[self._random.randint(14, len(frame)) :]
        elif self._random.random() < 0.1:
            frame += self._random.randbytes(self._random.randint(1, LARGEST_ON_INTERNET - len(frame)))
        return bytes(frame)


def is_gateways_reset(frame):
    """A RST in the name of a host outside that has passed no router: the NAT gateway does not know the connection."""
    is_outside = ipaddress.ip_address(frame.source) not in VPC
    return frame.flags & RST != 0 and is_outside and frame.raw[22] == 64


class HostileFrames(FabricTest):
    label = "hostile"
    topology = TOPOLOGY

    def setUp(self):
        names = ("hostile", "victim", "bystander-a", "bystander-b", "outside")
        self.hostile, self.victim, self.a, self.b, self.outside = map(self.fabric.node, names)

    def mac(self, name):
        (row,) = self.fabric.get("enis", name)
        return bytes.fromhex(row["mac"].replace(":", ""))

    def router_mac(self):
        """Found the way every instance finds it: by asking for the gateway."""
        self.hostile.ping("10.0.1.30")
        (line,) = self.hostile.run("ip", "neigh", "show", "10.0.2.1").stdout.splitlines()
        return bytes.fromhex(line.split("lladdr ")[1].split()[0].replace(":", ""))

    def received(self):
        (row,) = self.fabric.get("ports", "hostile")
        return row["received_packets"]

    def balance(self, wire):
        """Frames that came in, and frames of which it is known what became of them, over all ports."""
        ports, drops = self.fabric.get("ports"), self.fabric.drops()
        came = sum(row["received_packets"] for row in ports)
        left = sum(row["sent_packets"] for row in ports)
        dropped = sum(row["dropped_packets"] for row in ports)
        self.assertEqual(dropped, drops.total())
        # Dropped, and answered by the fabric itself: one frame in, one drop, one frame out.
        answered = len(wire.select(protocol=ICMP, icmp_type=TIME_EXCEEDED, sent=False))
        answered += len([frame for frame in wire.select(protocol=TCP, sent=False) if is_gateways_reset(frame)])
        return came, left + dropped - answered

    def test_every_frame_is_forwarded_or_counted_and_nobody_else_suffers(self):
        garbage = Garbage(self.mac("hostile"), [self.router_mac(), self.mac("victim"), self.mac("guarded")])
        before = self.fabric.summary()
        received, lost_by_kernel = self.received(), self.hostile.transmitted()[1]
        heard = self.enterContext(self.hostile.capture(received_only=True))
        with SteadyStream(self.a, self.b, "10.0.1.30") as stream, self.hostile.packet_socket() as wire:
            for sent in range(BATCH, FRAMES + 1, BATCH):
                for _ in range(BATCH):
                    wire.send(garbage.frame())
                wait_for(lambda: self.received() - received >= sent, "the dataplane has read the batch")
            answered = stream.answered
            wait_for(lambda: stream.answered > answered + 100, "the bystanders still talk")
        self.assertEqual([], stream.lost, "the bystanders lost nothing")

        after = self.fabric.summary()
        self.assertEqual((before["dataplane_pid"], 0), (after["dataplane_pid"], after["dataplane_restarts"]))
        self.assertEqual(lost_by_kernel, self.hostile.transmitted()[1], "the kernel handed every frame over")
        wait_for(lambda: self.received() == self.hostile.transmitted()[0], "all that the TAP carried was counted")
        wait_for(lambda: len(set(self.balance(heard))) == 1, "as many frames are accounted for as came in")

        reasons = {reason for who, reason in self.fabric.drops() if who == "hostile"}
        expected = {"MALFORMED", "UNSUPPORTED_ETHERTYPE", "NOT_UNICAST", "UNKNOWN_DESTINATION_MAC", "INVALID_TCP",
                    "SOURCE_DEST_CHECK_SOURCE", "SG_INGRESS_DENIED", "NO_SUCH_ADDRESS", "NAT_UNSUPPORTED_PROTOCOL",
                    "ICMP_ERROR_UNRELATED", "FOREIGN_SOURCE_MAC"}  # fmt: skip
        self.assertEqual(set(), expected - reasons, "the garbage reached every stage")
        with self.victim.tcp_server(80), self.outside.tcp_server(80):  # it may still do what it may
            self.assert_open(self.hostile, VICTIM, 80)
            self.assert_open(self.hostile, OUTSIDE, 80)


if __name__ == "__main__":
    main()
