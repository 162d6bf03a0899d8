#!/usr/bin/python3
"""One HTTPS request through examples/three-tier: who sees which address, whose replies pass, what arrives."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import ssl

from bulk import digests
from taploom_fabric import EXAMPLES, FabricTest, main
from waiting import wait_for

CLIENT, PUBLIC, BALANCER, WEB, DATABASE = "1.2.3.4", "203.0.113.20", "10.0.1.100", "10.0.2.50", "10.0.3.200"
HEALTHY_WITHIN_SECONDS = 60  # MariaDB makes its tables first, and a failed health check is repeated after 5 s
PARALLEL_CONNECTIONS = 64


class RequestPath(FabricTest):
    label = "path"
    topology = EXAMPLES / "three-tier" / "topology.yaml"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client, cls.web, cls.database = map(cls.fabric.node, ("client", "web-1", "db-1"))
        cls.balancer = cls.fabric.node("front/public-a")
        cls.wait_for_health("healthy")

    @classmethod
    def wait_for_health(cls, state):
        wait_for(lambda: [row["state"] for row in cls.fabric.get("targets")] == [state],
                 f"web-1 is {state}", HEALTHY_WITHIN_SECONDS)  # fmt: skip

    def curl(self, *arguments, node=None):
        command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "30", "--cacert", self.fabric.ca]
        return (node or self.client).run(*command, *arguments, timeout=60).stdout

    def visits_in_database(self):
        """Rows of the table, asked of MariaDB itself: {id: client}."""
        state_folder = self.fabric.folder / "instances" / "db-1"
        ask = ["mariadb", "--no-defaults", f"--socket={state_folder}/mariadb.sock", "--user=root", "--batch"]
        rows = self.database.run(*ask, "--skip-column-names", "--execute=SELECT id, client FROM visits.visits").stdout
        return {int(number): client for number, client in (line.split("\t") for line in rows.splitlines())}

    # --- addresses ---

    def test_every_hop_sees_the_addresses_of_its_own_connection(self):
        with contextlib.ExitStack() as stack:
            at_client, at_balancer, at_web, at_database = (
                stack.enter_context(node.capture())
                for node in (self.client, self.balancer, self.web, self.database)
            )
            inside_web = stack.enter_context(self.web.capture("lo"))
            self.curl("https://mydomain.com/?wire")

        self.assertEqual({CLIENT, PUBLIC}, at_client.addresses())
        ((source, port, *destination),) = at_client.connections(sent=True)
        self.assertEqual((CLIENT, [PUBLIC, 443]), (source, destination))

        self.assertEqual({(CLIENT, port, BALANCER, 443)}, at_balancer.connections(sent=False))
        self.assertNotIn(PUBLIC, at_balancer.addresses())

        request = next(frame for frame in at_web.containing(b"GET /?wire") if not frame.sent)
        self.assertEqual((BALANCER, WEB, 80), (request.source, request.destination, request.destination_port))
        self.assertNotIn(CLIENT, at_web.addresses())
        self.assertIn(b"x-forwarded-for: 1.2.3.4\r\n", request.payload.lower())
        self.assertIn(b"x-forwarded-proto: https\r\n", request.payload.lower())
        self.assertIn(b"x-forwarded-port: 443\r\n", request.payload.lower())

        handed_on = [frame for frame in inside_web.containing(b"GET /?wire") if frame.destination_port == 8080]
        self.assertTrue(handed_on, "Nginx asks the application over localhost")
        self.assertEqual({("127.0.0.1", "127.0.0.1")}, {frame.addresses for frame in handed_on})
        self.assertFalse([frame for frame in at_web if 8080 in (frame.source_port, frame.destination_port)])

        insert = next(frame for frame in at_database.containing(b"INSERT INTO visits") if not frame.sent)
        self.assertEqual((WEB, DATABASE, 3306), (insert.source, insert.destination, insert.destination_port))
        self.assertEqual({WEB, DATABASE}, at_database.addresses())

    def test_the_page_shows_the_row_just_written_and_the_clients_address(self):
        before = self.visits_in_database()
        page = self.curl("https://mydomain.com/")
        written = self.visits_in_database().items() - before.items()
        self.assertEqual({CLIENT}, {client for _, client in written})
        ((number, _),) = written
        self.assertRegex(page, rf"Row {number}, written at \S+ \S+ from {re.escape(WEB)}\.")
        self.assertIn(f"from X-Forwarded-For: {CLIENT}<", page)

    def test_a_forged_forwarding_header_does_not_hide_the_client(self):
        page = self.curl("-H", "X-Forwarded-For: 9.9.9.9", "https://mydomain.com/")
        self.assertIn(f"from X-Forwarded-For: {CLIENT}<", page)

    def test_port_80_redirects_to_https(self):
        told = "%{http_code} %{redirect_url}"
        answer = self.curl("--output", "/dev/null", "--write-out", told, "http://mydomain.com/a?b=c")
        self.assertEqual("301 https://mydomain.com:443/a?b=c", answer)

    def test_the_certificate_is_for_the_name_and_from_the_fabrics_own_authority(self):
        not_trusted = 60  # curl's exit code
        curl = ["curl", "--silent", "--max-time", "10"]
        self.client.run(*curl, "https://mydomain.com/", expect=not_trusted)
        other_name = ["--connect-to", "other.example:443:mydomain.com:443", "https://other.example/"]
        self.client.run(*curl, "--cacert", self.fabric.ca, *other_name, expect=not_trusted)

    # --- statefulness ---

    def test_the_database_answers_without_a_rule_and_opens_nothing(self):
        with self.database.capture() as wire:
            self.curl("https://mydomain.com/")
        self.assertTrue(wire.select(sent=True, source=DATABASE, source_port=3306, destination=WEB))
        rules = [row for row in self.fabric.get("rules") if row["name"] == "db" and row["direction"] == "egress"]
        self.assertEqual([], rules)
        self.assert_silent(self.database, WEB, 80, "SG_EGRESS_DENIED")

    def test_the_load_balancer_does_not_reach_the_database(self):
        self.assert_silent(self.balancer, DATABASE, 3306, "SG_INGRESS_DENIED")

    def test_the_client_reaches_no_private_address(self):
        for address in (BALANCER, WEB, DATABASE):
            self.assert_silent(self.client, address, 80, "NO_INTERNET_DESTINATION")

    # --- load ---

    def test_64_connections_at_once_are_all_answered(self):
        trust = ssl.create_default_context(cafile=self.fabric.ca)

        def open_connection(_):
            plain = self.client.connect(PUBLIC, 443)
            return trust.wrap_socket(plain, server_hostname="mydomain.com")

        def ask(connection):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: mydomain.com\r\nConnection: close\r\n\r\n")
            with connection, connection.makefile("rb") as answer:
                return answer.read()

        with concurrent.futures.ThreadPoolExecutor(PARALLEL_CONNECTIONS) as pool:
            connections = list(pool.map(open_connection, range(PARALLEL_CONNECTIONS)))
            ports = {connection.getsockname()[1] for connection in connections}
            established = {int(flow["source"].rpartition(":")[2]) for flow in self.fabric.get("flows")
                           if flow["from"] == "client" and flow["state"] == "ESTABLISHED"}  # fmt: skip
            answers = list(pool.map(ask, connections))
        self.assertEqual(PARALLEL_CONNECTIONS, len(ports))
        self.assertEqual(ports, ports & established)
        self.assertEqual({b"HTTP/1.1 200"}, {answer[:12] for answer in answers})
        rows = {re.search(rb"Row (\d+),", answer)[1] for answer in answers}
        self.assertEqual(PARALLEL_CONNECTIONS, len(rows), "every request wrote a row of its own")

    def test_a_gibibyte_arrives_as_it_was_sent(self):
        sent, received = digests(self.client, "https://mydomain.com", "--cacert", self.fabric.ca)
        self.assertEqual(sent, received)

    # --- health ---

    def test_a_target_that_stops_answering_becomes_unhealthy_and_recovers(self):
        (nginx,) = (pid for pid, _ in self.fabric.processes() if _command(pid).startswith("/usr/sbin/nginx"))
        os.kill(nginx, signal.SIGSTOP)
        try:
            self.wait_for_health("unhealthy")
            (row,) = self.fabric.get("targets")
            self.assertEqual("Target.Timeout", row["reason"])
        finally:
            os.kill(nginx, signal.SIGCONT)
        self.wait_for_health("healthy")


def _command(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


if __name__ == "__main__":
    main()
