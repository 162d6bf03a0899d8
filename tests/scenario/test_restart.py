#!/usr/bin/env python3
"""The dataplane is killed while real connections are open through a NAT gateway: another one goes on with them."""

import concurrent.futures
import hashlib
import itertools
import os
import signal
import socket
import threading

from behind_nat import ELASTIC, OUTSIDE, behind_nat
from taploom_fabric import FabricTest, main
from waiting import wait_for

# Nothing may come in: that answers do is what the group remembers of its connections.
TOPOLOGY = behind_nat("restart", groups="{quiet: {}}", inside="security_groups: [quiet]")


class DataplaneDies(FabricTest):
    topology = TOPOLOGY

    def setUp(self):
        self.inside, self.outside = map(self.fabric.node, ("inside", "outside"))

    def kill_dataplane(self):
        """Returns what `ls` says once another one runs."""
        before = self.fabric.summary()
        os.kill(before["dataplane_pid"], signal.SIGKILL)
        restarts = before["dataplane_restarts"] + 1
        wait_for(lambda: self.fabric.summary()["dataplane_restarts"] == restarts, "the dataplane runs again")
        after = self.fabric.summary()
        self.assertNotEqual(before["dataplane_pid"], after["dataplane_pid"])
        return after

    def log(self):
        return (self.fabric.folder / "control.log").read_text()

    def flows(self):
        """Of the instance, by (protocol, the server's end)."""
        rows = self.fabric.flows("--from", "inside")
        return {(row["protocol"], row["destination"]): row for row in rows}

    def open_connection(self, port):
        """(the instance's end, the host's end) of a TCP connection."""
        with self.outside.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", port))
            listener.listen()
            client = self.enterContext(self.inside.connect(OUTSIDE, port))
            server = self.enterContext(listener.accept()[0])
        server.settimeout(client.gettimeout())
        return client, server

    def assert_carries(self, sender, receiver, text):
        sender.sendall(text)
        self.assertEqual(text, receiver.recv(len(text), socket.MSG_WAITALL))


class Once(DataplaneDies):
    label = "restart"

    def stream(self, sender, receiver):
        """Sends bytes as fast as they are taken, until `self.enough`; what left and what came, as futures of digests."""

        def send():
            digest, block = hashlib.sha256(), os.urandom(1 << 16)
            for number in itertools.count():
                part = number.to_bytes(8, "big") + block[8:]
                digest.update(part)
                sender.sendall(part)
                if self.enough.is_set():
                    sender.shutdown(socket.SHUT_WR)
                    return digest.hexdigest()

        def receive():
            digest = hashlib.sha256()
            while part := receiver.recv(1 << 16):
                digest.update(part)
                self.received += len(part)
            return digest.hexdigest()

        self.received, self.enough = 0, threading.Event()
        pool = self.enterContext(concurrent.futures.ThreadPoolExecutor())
        self.addCleanup(self.enough.set)
        return pool.submit(send), pool.submit(receive)

    def wait_for_mebibytes(self, count):
        target = self.received + (count << 20)
        wait_for(lambda: self.received > target, "the stream flows")

    def test_connections_go_on(self):
        silent = self.open_connection(9000)
        busy = self.open_connection(9001)
        question = self.enterContext(self.inside.socket(socket.AF_INET, socket.SOCK_DGRAM))
        question.settimeout(10)
        question.connect((OUTSIDE, 9002))
        datagrams = self.enterContext(self.outside.udp_server(9002))
        question.send(b"before")
        question.recv(100)
        sent, came = self.stream(*busy)
        self.wait_for_mebibytes(16)
        before = self.flows()

        after = self.kill_dataplane()

        # The host speaks first: nothing but what is remembered lets that in.
        self.assert_carries(silent[1], silent[0], b"are you still there?")
        self.assert_carries(silent[0], silent[1], b"yes")
        question.send(b"after")
        question.recv(100)
        self.assertEqual(1, len(set(datagrams.peers)), "the host sees the same address and port")
        self.wait_for_mebibytes(16)
        self.enough.set()
        self.assertEqual(sent.result(), came.result())

        flows = self.flows()
        for key in (("tcp", f"{OUTSIDE}:9000"), ("tcp", f"{OUTSIDE}:9001"), ("udp", f"{OUTSIDE}:9002")):
            with self.subTest(key):
                for part in ("source", "translated_source", "nat", "egress_rule"):
                    self.assertEqual(before[key][part], flows[key][part])
                self.assertGreaterEqual(flows[key]["age_ms"], before[key]["age_ms"])
                self.assertGreater(flows[key]["packets"], before[key]["packets"])
        self.assertGreaterEqual(after["adopted_connections"], 3)
        self.assertIn(f"the dataplane runs again with {after['adopted_connections']} connections", self.log())
        (nat,) = self.fabric.get("nats")
        self.assertEqual(2, nat["ActiveConnectionCount"])

        # What was not let in before is not let in now, and what begins now is like any other.
        port = int(flows["tcp", f"{OUTSIDE}:9000"]["translated_source"].rpartition(":")[2])
        self.assert_silent(self.outside, ELASTIC, port, "NAT_UNSOLICITED_INBOUND")
        self.open_connection(9003)
        wait_for(lambda: self.fabric.get("nats")[0]["ActiveConnectionCount"] == 3, "the gateway counts on")


class AgainAndAgain(DataplaneDies):
    label = "dies"

    def test_connections_are_dropped_when_they_may_be_what_it_dies_of(self):
        client, server = self.open_connection(9000)
        for _ in range(2):
            self.assertEqual(1, self.kill_dataplane()["adopted_connections"])
            self.assert_carries(client, server, b"still there?")
        self.assertEqual(0, self.kill_dataplane()["adopted_connections"])
        self.assertIn("has died 3 times in a row: connections begin anew", self.log())
        with self.assertRaises(ConnectionResetError):
            client.sendall(b"still there?")
            client.recv(1)
        self.open_connection(9001)


if __name__ == "__main__":
    main()
