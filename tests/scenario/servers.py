"""Servers inside a namespace that tell every client the address they saw, and send back what it says."""

import contextlib
import socket
import socketserver
import threading

from netns import inside

LARGEST_DATAGRAM = 65535


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _text(peer):
    return f"{peer[0]} {peer[1]}".encode()


class _InNamespace:
    """Context manager: bound at once, serving in a thread from entering on. `peers`: (address, port) of each client."""

    def __init__(self, netns, address, port):
        self.address_family = family_of(address)
        self.peers = []
        with inside(netns):
            super().__init__((address, port), self.Handler)

    def __enter__(self):
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def hosts(self):
        return {address for address, _ in self.peers}


class TcpServer(_InNamespace, socketserver.ThreadingTCPServer):
    """Greets every client with one line, "ADDRESS PORT", then sends back whatever comes."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.server.peers.append(self.client_address[:2])
            with contextlib.suppress(OSError):
                self.request.sendall(_text(self.client_address) + b"\n")
                while data := self.request.recv(1 << 16):
                    self.request.sendall(data)


class UdpServer(_InNamespace, socketserver.UDPServer):
    """Answers every datagram with "ADDRESS PORT ", and the datagram."""

    max_packet_size = LARGEST_DATAGRAM

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            data, responder = self.request
            self.server.peers.append(self.client_address[:2])
            responder.sendto(_text(self.client_address) + b" " + data, self.client_address)
