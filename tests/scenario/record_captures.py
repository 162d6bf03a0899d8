#!/usr/bin/python3
"""Records pcaps/programs anew: one whole-fabric capture per story, with real programs. Needs root.

Usage: sudo TAPLOOM_BIN_DIR=build/release/bin python3 -B tests/scenario/record_captures.py [STORY...]

Afterwards write the verdicts anew (pcaps/README.md) and look at what changed.
"""

import ctypes
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys

import frames
from taploom_fabric import REPOSITORY, TAPLOOM, Fabric
from waiting import wait_for

FOLDER = REPOSITORY / "pcaps/programs"
OUTSIDE, ELASTIC, PUBLIC = "198.51.100.7", "203.0.113.10", "203.0.113.20"
INSIDE, PEER, FRONT = "10.0.2.10", "10.0.2.11", "10.0.1.10"
INSIDE6, OUTSIDE6 = "2001:db8:1:2::10", "2001:db8:ffff::7"
ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
SERVE = "import http.server,sys;http.server.test(http.server.SimpleHTTPRequestHandler,port=int(sys.argv[1]),bind=sys.argv[2])"


def serve(node, folder, port=80, bind="::"):
    """A web server of Python's in `folder`, until it is ended."""
    server = node.popen("python3", "-c", SERVE, str(port), bind, cwd=folder,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    local = "[::1]" if bind == "::" else "127.0.0.1"
    wait_for(lambda: node.run("curl", "-s", f"http://{local}:{port}/", expect=None).returncode == 0, "the server serves")
    return server


def http(fabric):
    """A page from the internet, through the NAT gateway; one from the elastic IP of an instance."""
    fabric["inside"].run("curl", "-s", "-o", "/dev/null", f"http://{OUTSIDE}/page.txt")
    fabric["outside"].run("curl", "-s", "-o", "/dev/null", f"http://{PUBLIC}/page.txt")
    fabric["outside"].run("curl", "-s", "--max-time", "1", f"http://{PUBLIC}:8080/", expect=None)


def dns(fabric):
    """The fabric's resolver answers; so does nobody, for a name that is not there."""
    fabric["inside"].run("getent", "hosts", "outside.example.com")
    fabric["inside"].run("getent", "hosts", "nobody.example.com", expect=None)


def tcp_loss(fabric):
    """60 KB to a receiver that loses one segment in eight: retransmissions, out of order behind what came later.

    Its socket's filter throws them away at random (netem would do it on the wire; not every kernel has it).
    """
    random, mask, keep = (0x20, 0, 0, 0xFFFFF038), (0x54, 0, 0, 7), (0x15, 0, 1, 0)  # SKF_AD_OFF + SKF_AD_RANDOM
    program = [random, mask, keep, (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    connection = fabric["peer"].connect(INSIDE, 80, timeout=60)
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                          struct.pack("HL", len(program), ctypes.addressof(code)))  # fmt: skip
    connection.sendall(b"GET /large.bin HTTP/1.0\r\n\r\n")
    received = 0
    while part := connection.recv(65536):
        received += len(part)
    connection.close()
    assert received > 60_000, received


def fragments(fabric):
    """Echoes larger than the internet's MTU: fragments that a NAT gateway refuses, and UDP ones that it forwards."""
    fabric["front"].run("ping", "-n", "-c", "1", "-W", "1", "-M", "dont", "-s", "3000", OUTSIDE, expect=None)
    fabric["outside"].run("ping", "-n", "-c", "1", "-W", "1", "-s", "2000", PUBLIC, expect=None)
    fabric["inside"].run("ping", "-n", "-c", "1", "-W", "1", "-M", "dont", "-s", "9500", OUTSIDE, expect=None)
    with fabric["outside"].udp_server(4444):
        fabric["inside"].ask_udp(OUTSIDE, 4444, b"x" * 9500)


def icmp_errors(fabric):
    """A closed port, a time to live that ends, a packet too large for the internet, and errors about nothing."""
    for port in (9, 10):
        question = fabric["inside"].socket(socket.AF_INET, socket.SOCK_DGRAM)
        question.sendto(b"anybody?", (OUTSIDE, port))
        question.close()
    fabric["inside"].run("ping", "-n", "-c", "1", "-W", "1", "-t", "1", OUTSIDE, expect=None)
    fabric["inside"].run("ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", "5000", OUTSIDE, expect=None)
    unrelated = frames.icmp(3, 3, payload=frames.udp(PUBLIC, OUTSIDE, 1, 2)[:28])
    raw = fabric["outside"].socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.sendto(unrelated, (PUBLIC, 0))
    raw.close()
    fabric["inside"].ping(OUTSIDE)


def ipv6(fabric):
    """The same page over IPv6, which nothing translates, and an echo."""
    fabric["inside"].run("curl", "-s", "-o", "/dev/null", f"http://[{OUTSIDE6}]/page.txt")
    fabric["outside"].run("curl", "-s", "-o", "/dev/null", f"http://[{INSIDE6}]/page.txt")
    fabric["inside"].run("ping", "-n", "-c", "1", "-W", "5", OUTSIDE6)


def sctp_and_gre(fabric):
    """An SCTP INIT and a GRE packet: within the VPC they pass by address, a NAT gateway translates neither."""
    init = struct.pack("!HHII", 5000, 5001, 0, 0) + struct.pack("!BBHIIHHI", 1, 0, 20, 7, 65535, 1, 1, 9)
    gre = struct.pack("!HH", 0, 0x0800) + frames.udp("192.168.0.1", "192.168.0.2", 1, 2, b"inner")
    for protocol, packet in ((socket.IPPROTO_SCTP, init), (socket.IPPROTO_GRE, gre)):
        for node, target in (("inside", PEER), ("inside", OUTSIDE), ("front", OUTSIDE), ("outside", PUBLIC)):
            raw = fabric[node].socket(socket.AF_INET, socket.SOCK_RAW, protocol)
            raw.sendto(packet, (target, 0))
            raw.close()


def malformed(fabric):
    """What no program would send: headers that lie about themselves, from a packet socket."""
    node = fabric["inside"]
    row = node.run("cat", "/sys/class/net/eth0/address").stdout.strip()
    mine = bytes.fromhex(row.replace(":", ""))
    node.run("ping", "-n", "-c", "1", "-W", "5", OUTSIDE)  # the router's MAC is known afterwards
    router = bytes.fromhex(node.run("ip", "neigh", "show", "10.0.2.1").stdout.split("lladdr ")[1][:17].replace(":", ""))
    good = frames.udp(INSIDE, OUTSIDE, 4000, 53, b"question")
    segment = frames.tcp(INSIDE, OUTSIDE, 4000, 80, 2)

    def changed(packet, at, value):
        return packet[:at] + value + packet[at + len(value):]

    def checked(packet):
        return frames.with_checksum(packet[:20], 10) + packet[20:]

    packets = [
        ("a version of 5", changed(good, 0, b"\x55")),
        ("a header shorter than 20 bytes", changed(good, 0, b"\x44")),
        ("a header longer than the packet", checked(changed(good[:36], 0, b"\x4f"))),
        ("a wrong header checksum", changed(good, 10, b"\xde\xad")),
        ("a total length beyond the frame", checked(changed(good, 2, b"\x10\x00"))),
        ("a total length of zero", checked(changed(good, 2, b"\x00\x00"))),
        ("a UDP length beyond the packet", changed(good, 24, b"\x40\x00")),
        ("a TCP header of 4 bytes", changed(segment, 32, b"\x10")),
        ("a TCP header beyond the packet", changed(segment, 32, b"\xf0")),
        ("every TCP flag", changed(segment, 33, b"\xff")),
        ("from and to the same address", frames.tcp(INSIDE, INSIDE, 80, 80, 2)),
        ("a source of somebody else", frames.udp(PEER, OUTSIDE, 4000, 53)),
        ("a multicast source", frames.udp("224.0.0.1", OUTSIDE, 4000, 53)),
        ("a fragment whose first was never sent", checked(changed(good, 6, b"\x00\x10"))),
        ("a fragment beyond 65535", checked(changed(good, 6, b"\x1f\xff"))),
        ("nothing behind the IP header", frames.ip(INSIDE, OUTSIDE, 17, b"")),
        ("an ICMP error that quotes nothing", frames.ip(INSIDE, OUTSIDE, 1, frames.icmp(3, 1))),
    ]
    six = frames.ip(INSIDE6, OUTSIDE6, 0, bytes((0, 0, 1, 4, 0, 0, 0, 0)) * 20)
    whole = [frames.ethernet(router, mine, 0x0800, packet) for _, packet in packets]
    whole += [
        frames.ethernet(router, mine, 0x86DD, six),  # extension headers without end
        frames.ethernet(router, mine, 0x86DD, six[:30]),
        frames.ethernet(router, mine, 0x8100, b"\x00\x07\x08\x00" + good),  # a VLAN tag
        frames.ethernet(router, mine, 0x0026, b"\xaa\xaa\x03" + good),  # 802.3 with LLC
        frames.ethernet(router, bytes(6), 0x0800, good),  # somebody else's MAC
        frames.ethernet(b"\xff" * 6, mine, 0x0800, good),  # broadcast
        frames.ethernet(router, mine, 0x0806, b"\x00\x01"),  # a cut ARP
    ]
    wire = node.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.bind(("eth0", 0))
    for frame in whole:
        wire.send(frame)
    wire.close()
    node.run("ping", "-n", "-c", "1", "-W", "5", OUTSIDE)  # everything before it has been forwarded or dropped


STORIES = {"http": http, "dns": dns, "tcp-loss": tcp_loss, "fragments": fragments, "icmp-errors": icmp_errors,
           "ipv6": ipv6, "sctp-and-gre": sctp_and_gre, "malformed": malformed}  # fmt: skip


def record(fabric, nodes, name):
    path = FOLDER / f"{name}.pcapng"
    verb = subprocess.Popen([TAPLOOM, "capture", "--name", fabric.name, "-w", path], text=True, stderr=subprocess.PIPE)
    assert (said := verb.stderr.readline()).startswith("capturing "), said
    try:
        STORIES[name](nodes)
    finally:
        verb.send_signal(signal.SIGINT)
        print(name, verb.communicate(timeout=20)[1].strip(), flush=True)
    assert verb.returncode == 0


def main(stories):
    with Fabric("record", FOLDER / "topology.yaml") as fabric:
        nodes = {name: fabric.node(name) for name in ("front", "inside", "peer", "outside")}
        folder = pathlib.Path("/tmp") / f"taploom-record-{os.getpid()}"
        folder.mkdir()
        (folder / "page.txt").write_text("A page.\n")
        (folder / "large.bin").write_bytes(bytes(60_000))
        servers = [serve(nodes[name], folder) for name in ("front", "inside", "outside")]
        try:
            for name in stories:
                record(fabric, nodes, name)
        finally:
            for server in servers:
                server.terminate()
                server.wait()
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()


if __name__ == "__main__":
    main(sys.argv[1:] or list(STORIES))
