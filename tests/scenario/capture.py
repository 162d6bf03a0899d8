"""What a network device saw: frames captured by a packet socket inside a namespace, and the addresses in them."""

import contextlib
import dataclasses
import ipaddress
import os
import select
import socket
import struct
import threading

ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 263, 6, 23
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER = 64 << 20
LARGEST_FRAME = 1 << 17  # superframes carry up to 64 KiB

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
SYN, RST, ACK = 0x02, 0x04, 0x10
ICMP_ERRORS = (3, 4, 5, 11, 12)  # unreachable, source quench, redirect, time exceeded, parameter problem


@dataclasses.dataclass(frozen=True)
class Frame:
    """Fields that a frame does not have are None; `flags` is 0 unless it is TCP."""

    raw: bytes
    sent: bool  # by this namespace; else received by it
    destination_mac: bytes
    source_mac: bytes
    ether_type: int
    source: str | None = None
    destination: str | None = None
    protocol: int | None = None
    source_port: int | None = None
    destination_port: int | None = None
    flags: int = 0
    icmp_type: int | None = None
    icmp_code: int | None = None
    payload: bytes = b""  # above TCP, UDP or ICMP

    @property
    def addresses(self):
        return (self.source, self.destination)

    @property
    def opens_connection(self):
        return self.protocol == TCP and self.flags & (SYN | ACK) == SYN

    @property
    def is_icmp_error(self):
        return (self.protocol == ICMP and self.icmp_type in ICMP_ERRORS) or (
            self.protocol == ICMPV6 and self.icmp_type is not None and self.icmp_type < 128
        )

    def __str__(self):
        way = "sent" if self.sent else "received"
        if self.source is None:
            return f"{way} ethertype {self.ether_type:#06x}, {len(self.raw)} bytes"
        ends = f"{self.source}:{self.source_port} > {self.destination}:{self.destination_port}"
        kind = f"icmp {self.icmp_type}/{self.icmp_code}" if self.icmp_type is not None else f"flags {self.flags:#04x}"
        return f"{way} {ends} protocol {self.protocol} {kind}, {len(self.payload)} bytes"


def parse(raw, sent):
    """A Frame of any bytes; what is too short for a header lacks that header's fields."""
    fields = {"raw": raw, "sent": sent, "destination_mac": raw[:6], "source_mac": raw[6:12]}
    fields["ether_type"] = int.from_bytes(raw[12:14], "big")
    packet = raw[14:]
    if fields["ether_type"] == IPV4 and len(packet) >= 20:
        source, destination = packet[12:16], packet[16:20]
        header, end, protocol = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big"), packet[9]
        transport = packet[header : end or None]  # a superframe larger than the field can say has 0 there
        is_later_fragment = int.from_bytes(packet[6:8], "big") & 0x1FFF != 0
    elif fields["ether_type"] == IPV6 and len(packet) >= 40:
        source, destination = packet[8:24], packet[24:40]
        protocol, transport, is_later_fragment = packet[6], packet[40:], False
    else:
        return Frame(**fields)
    fields |= {"source": str(ipaddress.ip_address(source)), "destination": str(ipaddress.ip_address(destination))}
    fields["protocol"] = protocol
    if is_later_fragment:
        return Frame(**fields)
    if protocol in (TCP, UDP) and len(transport) >= 8:
        fields["source_port"], fields["destination_port"] = struct.unpack("!HH", transport[:4])
    if protocol == TCP and len(transport) >= 20:
        fields |= {"flags": transport[13], "payload": transport[(transport[12] >> 4) * 4 :]}
    elif protocol == UDP:
        fields["payload"] = transport[8:]
    elif protocol in (ICMP, ICMPV6) and len(transport) >= 8:
        fields |= {"icmp_type": transport[0], "icmp_code": transport[1], "payload": transport[8:]}
    return Frame(**fields)


class Capture:
    """Context manager. Every frame that the device sent or received between its two ends is in `frames` afterwards.

    A packet socket is complete in a way that tcpdump is not: it has the frames from the moment it is bound, and at the
    end everything that happened before is already in its queue. `open_socket`: makes a socket inside the namespace.
    """

    def __init__(self, open_socket, device="eth0", received_only=False):
        self.frames = []
        self._device = device
        self._socket = open_socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, received_only)
        self._socket.setblocking(False)
        self._end = os.eventfd(0)
        self._reader = threading.Thread(target=self._read)

    def __enter__(self):
        self._socket.bind((self._device, ETH_P_ALL))
        self._reader.start()
        return self

    def __exit__(self, *_):
        os.eventfd_write(self._end, 1)
        self._reader.join()
        os.close(self._end)
        lost = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        self._socket.close()
        assert lost == 0, f"the capture on {self._device} lost {lost} frames"

    def _read(self):
        ending = False
        while not ending:
            ending = self._end in select.select([self._socket, self._end], [], [])[0]
            with contextlib.suppress(BlockingIOError):
                while True:
                    raw, where = self._socket.recvfrom(LARGEST_FRAME)
                    self.frames.append(parse(raw, where[2] == PACKET_OUTGOING))

    def __iter__(self):
        return iter(list(self.frames))

    def addresses(self):
        """Every IP address in any frame."""
        return {address for frame in self for address in frame.addresses if address}

    def select(self, **fields):
        """Frames whose fields all have these values."""
        return [frame for frame in self if all(getattr(frame, name) == value for name, value in fields.items())]

    def connections(self, sent):
        """(source, port, destination, port) of every TCP connection that the namespace opens, or is asked to open."""
        return {
            (frame.source, frame.source_port, frame.destination, frame.destination_port)
            for frame in self.select(opens_connection=True, sent=sent)
        }

    def containing(self, text):
        """Frames with these bytes anywhere in them."""
        return [frame for frame in self if text in frame.raw]

    def __str__(self):
        return "\n".join(map(str, self)) or "no frame"
