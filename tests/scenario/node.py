"""One network namespace as a test sees it: its programs, its sockets, its wire."""

import os
import select
import socket
import subprocess

from capture import Capture
from netns import inside
from servers import LARGEST_DATAGRAM, TcpServer, UdpServer, family_of
from waiting import PATIENCE_SECONDS


class Node:
    """A namespace by its path. `prefix`: the command that runs a program in it the way its users would."""

    def __init__(self, name, netns, prefix):
        self.name, self.netns, self._prefix = name, netns, list(prefix)

    def __repr__(self):
        return f"<{self.name}>"

    def exists(self):
        return os.path.exists(self.netns)

    # --- programs ---

    def run(self, *command, expect=0, timeout=PATIENCE_SECONDS, **options):
        """Runs a program to its end; `expect`: the exit code that is no failure, None for any."""
        whole = [*self._prefix, *command]
        result = subprocess.run(whole, text=True, capture_output=True, timeout=timeout, **options)
        assert expect is None or result.returncode == expect, (
            f"{self.name}: {' '.join(command)}: exit {result.returncode}\n{result.stdout}{result.stderr}"
        )
        return result

    def popen(self, *command, **options):
        return subprocess.Popen([*self._prefix, *command], text=True, **options)

    def ping(self, address, *options, expect=0):
        return self.run("ping", "-n", "-c", "1", "-W", "5", *options, address, expect=expect)

    # --- sockets ---

    def socket(self, *arguments):
        with inside(self.netns):
            return socket.socket(*arguments)

    def connect(self, address, port, timeout=PATIENCE_SECONDS):
        """An open TCP connection, or OSError."""
        connection = self.socket(family_of(address), socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect((address, port))
        except OSError:
            connection.close()
            raise
        return connection

    def begin_connect(self, address, port):
        """A TCP connection that has sent its SYN and waits for nothing; has_heard() tells what became of it."""
        connection = self.socket(family_of(address), socket.SOCK_STREAM)
        connection.setblocking(False)
        connection.connect_ex((address, port))
        return connection

    def ask_udp(self, address, port, text=b"?", timeout=PATIENCE_SECONDS):
        """The answer to one datagram, or TimeoutError."""
        with self.socket(family_of(address), socket.SOCK_DGRAM) as question:
            question.settimeout(timeout)
            question.connect((address, port))
            question.send(text)
            return question.recv(LARGEST_DATAGRAM)

    def tcp_server(self, port, address=""):
        return TcpServer(self.netns, address, port)

    def udp_server(self, port, address=""):
        return UdpServer(self.netns, address, port)

    # --- the wire ---

    def capture(self, device="eth0", received_only=False):
        return Capture(self.socket, device, received_only)

    def packet_socket(self, device="eth0"):
        """A socket that sends Ethernet frames of any bytes, and receives none."""
        wire = self.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        wire.bind((device, 0))
        return wire

    def transmitted(self, device="eth0"):
        """Frames that the device has handed over, and those it lost because its queue was full."""
        with inside(self.netns), open("/proc/thread-self/net/dev") as devices:
            counters = next(line.split() for line in devices if line.split()[0] == f"{device}:")
        return int(counters[10]), int(counters[12])


def has_heard(connection):
    """Whether anything has come back to a begin_connect(): an answer, a reset or an ICMP error."""
    return bool(select.select([], [connection], [], 0)[1])
