"""Frames made by hand, for what no ordinary program would send."""

import ipaddress
import struct


def checksum(data):
    """The internet checksum (RFC 1071) of bytes."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(header, at, covered=b""):
    """`header` with the checksum of `covered` + `header` at offset `at`."""
    value = checksum(covered + header[:at] + b"\0\0" + header[at + 2 :])
    return header[:at] + struct.pack("!H", value) + header[at + 2 :]


def ethernet(destination, source, ether_type, payload):
    return destination + source + struct.pack("!H", ether_type) + payload


def ip(source, destination, protocol, payload, ttl=64):
    """An IPv4 or IPv6 packet, whichever family the addresses have."""
    ends = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    if len(ends) == 32:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + ends + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, ttl, protocol, 0) + ends
    return with_checksum(header, 10) + payload


def _pseudo_header(source, destination, protocol, size):
    ends = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return ends + (struct.pack("!II", size, protocol) if len(ends) == 32 else struct.pack("!HH", protocol, size))


def udp(source, destination, source_port, destination_port, payload=b""):
    segment = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload
    segment = with_checksum(segment, 6, _pseudo_header(source, destination, 17, len(segment)))
    return ip(source, destination, 17, segment)


def tcp(source, destination, source_port, destination_port, flags, payload=b"", sequence=1, acknowledgement=0):
    segment = struct.pack(
        "!HHIIBBHHH", source_port, destination_port, sequence, acknowledgement, 5 << 4, flags, 65535, 0, 0
    )  # fmt: skip
    segment = with_checksum(segment + payload, 16, _pseudo_header(source, destination, 6, len(segment + payload)))
    return ip(source, destination, 6, segment)


def icmp(kind, code=0, rest=bytes(4), payload=b""):
    """An ICMP message without its IP header, as a raw socket sends it."""
    return with_checksum(struct.pack("!BBH", kind, code, 0) + rest + payload, 2)


def arp_request(mac, address, wanted):
    sender, target = ipaddress.ip_address(address).packed, ipaddress.ip_address(wanted).packed
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + sender + bytes(6) + target
