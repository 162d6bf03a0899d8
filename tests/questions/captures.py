"""Captures of raw IPv4 (LINKTYPE_RAW) for the questions that time or load asks. A packet is (seconds, bytes)."""

import socket
import struct

LINKTYPE_RAW = 101
SYN, PSH, ACK = 0x02, 0x08, 0x10
CRAWLER, APP, API = "10.0.2.10", "10.0.2.11", "5.6.7.8"
FIRST_PORT = 1024  # of a client that asks from as many ports as there are


def checksum(data):
    """RFC 1071, of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(source, destination, flags, sequence, acknowledgment=0, payload=b""):
    """A TCP segment in IPv4; `source` and `destination` are (address, port)."""
    ends = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    payload += bytes(len(payload) % 2)
    tcp = struct.pack("!HHIIBBHHH", source[1], destination[1], sequence, acknowledgment, 5 << 4, flags, 65535, 0, 0)
    tcp += payload
    pseudo = ends + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, socket.IPPROTO_TCP, 0) + ends
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def idle_connection(seconds):
    """A connection of app to the API that is made, and speaks again after that long a silence."""
    app, api = (CRAWLER, 40000), (API, 443)
    return [(0.0, segment(app, api, SYN, 1000)),
            (0.01, segment(api, app, SYN | ACK, 5000, 1001)),
            (0.02, segment(app, api, ACK, 1001, 5001)),
            (0.02 + seconds, segment(app, api, PSH | ACK, 1001, 5001, b"still there?"))]  # fmt: skip


def one_syn_each(count, destination):
    """So many connections of the crawler and, when its ports end, of app, to one destination, in five seconds."""
    ports = 65536 - FIRST_PORT
    sources = [((CRAWLER, APP)[i // ports], FIRST_PORT + i % ports) for i in range(count)]
    return [(5.0 * i / count, segment(source, (destination, 443), SYN, 1000)) for i, source in enumerate(sources)]


def pcap(packets):
    """The file's bytes."""
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW)]
    for seconds, packet in packets:
        microseconds = round(seconds * 1_000_000)
        records.append(struct.pack("<IIII", *divmod(microseconds, 1_000_000), len(packet), len(packet)) + packet)
    return b"".join(records)
