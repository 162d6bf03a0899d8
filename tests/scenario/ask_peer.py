"""Asks an echo_peer and prints its answer; nothing when there was none in time."""
import socket
import sys


def main():
    protocol, address, port, timeout, source_port = sys.argv[1:6]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as asker:
        asker.settimeout(float(timeout))
        asker.bind(("", int(source_port)))
        try:
            asker.connect((address, int(port)))
            if protocol == "udp":
                asker.send(b"who am I?")
            print(asker.recv(100).decode().strip())
        except OSError as error:
            print(error, file=sys.stderr)


main()
