"""Answers every TCP connection or UDP datagram on the given ports with the address and port it came from."""
import selectors
import socket
import sys


def main():
    protocol, ports = sys.argv[1], [int(port) for port in sys.argv[2:]]
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    selector = selectors.DefaultSelector()
    for port in ports:
        listener = socket.socket(socket.AF_INET6, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", port))
        if protocol == "tcp":
            listener.listen(128)
        selector.register(listener, selectors.EVENT_READ)
    print("listening", flush=True)
    while True:
        for key, _ in selector.select():
            if protocol == "tcp":
                connection, peer = key.fileobj.accept()
                with connection:
                    connection.sendall(text(peer))
            else:
                _, peer = key.fileobj.recvfrom(65536)
                key.fileobj.sendto(text(peer), peer)


def text(peer):
    return f"{peer[0].removeprefix('::ffff:')} {peer[1]}\n".encode()


main()
