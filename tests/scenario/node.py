"""One network namespace as a test sees it: its sockets, its programs, its wire."""

import contextlib
import ctypes
import os
import select
import socket
import socketserver
import subprocess
import threading

from capture import Capture
from waiting import PATIENCE_SECONDS

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(netns):
    """This thread is in the namespace at the path `netns`; sockets and processes made meanwhile stay there."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(netns, "rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


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
        result = subprocess.run(
            self._prefix + list(command), text=True, capture_output=True, timeout=timeout, **options
        )
        assert expect is None or result.returncode == expect, (
            f"{self.name}: {' '.join(command)}: exit {result.returncode}\n{result.stdout}{result.stderr}"
        )
        return result

    def popen(self, *command, **options):
        return subprocess.Popen(self._prefix + list(command), text=True, **options)

    def ping(self, address, *options, expect=0):
        return self.run("ping", "-n", "-c", "1", "-W", "5", *options, address, expect=expect)

    # --- sockets ---

    def socket(self, *arguments):
        with inside(self.netns):
            return socket.socket(*arguments)

    def connect(self, address, port, timeout=PATIENCE_SECONDS):
        """An open TCP connection, or OSError."""
        connection = self.socket(_family(address), socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect((address, port))
        except OSError:
            connection.close()
            raise
        return connection

    def begin_connect(self, address, port):
        """A TCP connection that has sent its SYN and waits for nothing; has_heard() tells what became of it."""
        connection = self.socket(_family(address), socket.SOCK_STREAM)
        connection.setblocking(False)
        connection.connect_ex((address, port))
        return connection

    def tcp_server(self, port, address=""):
        return TcpServer(self, address, port)

    def udp_server(self, port, address=""):
        return UdpServer(self, address, port)

    def ask_udp(self, address, port, text=b"?", timeout=PATIENCE_SECONDS):
        """The answer to one datagram, or TimeoutError."""
        with self.socket(_family(address), socket.SOCK_DGRAM) as question:
            question.settimeout(timeout)
            question.connect((address, port))
            question.send(text)
            return question.recv(65535)

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

    def capture(self, device="eth0", received_only=False):
        return Capture(self.socket, device, received_only)


def has_heard(connection):
    """Whether anything has come back to a begin_connect(): an answer, a reset or an ICMP error."""
    return bool(select.select([connection], [connection], [connection], 0)[1])


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _text(address):
    return f"{address[0]} {address[1]}".encode()


class _Server:
    """Context manager: a server in a thread. `peers`: addresses and ports of those who came, as the server saw them."""

    def __enter__(self):
        self.peers = []
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def hosts(self):
        return {peer[0] for peer in self.peers}


class TcpServer(_Server):
    """Greets every client with one line, the address and port it saw, then sends back whatever comes."""

    def __init__(self, node, address, port):
        peers = lambda peer: self.peers.append(peer[:2])  # noqa: E731

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                peers(self.client_address)
                with contextlib.suppress(OSError):
                    self.request.sendall(_text(self.client_address) + b"\n")
                    while data := self.request.recv(1 << 16):
                        self.request.sendall(data)

        class Server(socketserver.ThreadingTCPServer):
            address_family = _family(address) if address else socket.AF_INET
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False
            request_queue_size = 256

        with inside(node.netns):
            self._server = Server((address, port), Handler)


class UdpServer(_Server):
    """Answers every datagram with the address and port it saw, a blank, and the datagram."""

    def __init__(self, node, address, port):
        peers = lambda peer: self.peers.append(peer[:2])  # noqa: E731

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                data, responder = self.request
                peers(self.client_address)
                responder.sendto(_text(self.client_address) + b" " + data, self.client_address)

        class Server(socketserver.UDPServer):
            address_family = _family(address) if address else socket.AF_INET
            max_packet_size = 65535

        with inside(node.netns):
            self._server = Server((address, port), Handler)


class SteadyStream:
    """Context manager: question and answer over UDP without a pause, so that any lost packet shows.

    `answered` counts; `lost` holds the numbers of the questions that nobody answered.
    """

    LOST_AFTER_SECONDS = 2

    def __init__(self, source, destination, address, port=7777):
        self.answered, self.lost = 0, []
        self._server = destination.udp_server(port)
        self._socket = source.socket(_family(address), socket.SOCK_DGRAM)
        self._socket.connect((address, port))
        self._socket.settimeout(self.LOST_AFTER_SECONDS)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._talk)

    def __enter__(self):
        self._server.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._server.__exit__()
        self._socket.close()

    def _talk(self):
        number = 0
        while not self._ended.is_set():
            number += 1
            question = b"%d" % number
            try:
                self._socket.send(question)
                while not self._socket.recv(65535).endswith(b" " + question):
                    pass  # a late answer to an earlier question, which is lost already
                self.answered += 1
            except OSError:
                self.lost.append(number)


def command_in(netns_name):
    """The prefix of a Node that taploom did not make."""
    return ["ip", "netns", "exec", netns_name]


def is_root():
    return os.geteuid() == 0
