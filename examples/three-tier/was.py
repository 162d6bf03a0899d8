#!/usr/bin/python3
"""The application behind Nginx on web-1: a visitors' book kept in the database.

    GET  /           writes a visit and shows it, with the ones before it
    GET  /visits     the last visits as JSON
    GET  /health     200 when the database answers, else 503
    GET  /bytes/N    N reproducible bytes (pattern.py)
    POST /digest     size and SHA-256 of the request's body

Every request opens its own database connection: one request, one connection on each hop, easy to follow on the wire.
"""

import argparse
import contextlib
import hashlib
import html
import json

import pymysql

import web

CONNECT_TIMEOUT_SECONDS = 2
SHOWN_VISITS = 10

PAGE = """<!DOCTYPE html>
<title>Visitors' book</title>
<h1>Visit {id}</h1>
<p>Row {id}, written at {at} from {writer}.</p>
<p>Your address, from X-Forwarded-For: {client}</p>
<h2>Last visits</h2>
<ol reversed start="{id}">
{rows}
</ol>
"""


class VisitorsBook:
    """The table `visits` (schema.sql)."""

    def __init__(self, address, port):
        self._where = {"host": address, "port": port}

    @contextlib.contextmanager
    def _cursor(self):
        connection = pymysql.connect(
            user="visits",
            password="visits",
            database="visits",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=CONNECT_TIMEOUT_SECONDS,
            autocommit=True,
            cursorclass=pymysql.cursors.DictCursor,
            **self._where,
        )
        with contextlib.closing(connection), connection.cursor() as cursor:
            yield cursor

    def ping(self):
        with self._cursor() as cursor:
            cursor.execute("SELECT 1 FROM visits LIMIT 1")

    def add(self, client):
        """Writes a visit; returns its row as read back, and `writer`: the address the database saw."""
        with self._cursor() as cursor:
            cursor.execute("INSERT INTO visits (client) VALUES (%s)", (client,))
            cursor.execute(
                "SELECT id, CAST(at AS CHAR) AS at, client, SUBSTRING_INDEX(USER(), '@', -1) AS writer"
                " FROM visits WHERE id = LAST_INSERT_ID()"
            )
            return cursor.fetchone()

    def last(self, count):
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT id, CAST(at AS CHAR) AS at, client FROM visits ORDER BY id DESC LIMIT %s", (count,)
            )
            return cursor.fetchall()


class Application(web.Handler):
    book = None  # a VisitorsBook

    def client_address_by_proxy(self):
        """The last entry is the one the load balancer appended; those before it are the client's own claim."""
        return self.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or "-"

    def with_database(self, action):
        try:
            action()
        except pymysql.MySQLError as error:
            self.log_error("database: %s", error)
            self.reply(503, "text/plain", "the database does not answer\n")

    def visit(self, _rest):
        self.with_database(self._visit)

    def _visit(self):
        row = self.book.add(self.client_address_by_proxy())
        listed = "\n".join(
            f"<li>{visit['at']} {html.escape(visit['client'])}</li>"
            for visit in self.book.last(SHOWN_VISITS)
        )
        page = PAGE.format(
            id=row["id"],
            at=row["at"],
            client=html.escape(row["client"]),
            writer=html.escape(row["writer"]),
            rows=listed,
        )
        self.reply(200, "text/html", page)

    def visits(self, _rest):
        self.with_database(
            lambda: self.reply(
                200, "application/json", json.dumps(self.book.last(SHOWN_VISITS)) + "\n"
            )
        )

    def health(self, _rest):
        self.with_database(lambda: (self.book.ping(), self.reply(200, "text/plain", "ok\n")))

    def digest(self, _rest):
        digest, size = hashlib.sha256(), 0
        for block in self.body_blocks():
            digest.update(block)
            size += len(block)
        self.reply(200, "application/json", json.dumps({"size": size, "sha256": digest.hexdigest()}) + "\n")

    routes = {
        ("GET", ""): visit,
        ("GET", "visits"): visits,
        ("GET", "health"): health,
        ("GET", "bytes"): web.Handler.stream_pattern,
        ("POST", "digest"): digest,
    }


def endpoint(text):
    address, _, port = text.rpartition(":")
    return address, int(port)


def main():
    parser = argparse.ArgumentParser(description="A visitors' book over HTTP.")
    parser.add_argument("--listen", type=endpoint, required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--database", type=endpoint, required=True, metavar="ADDRESS:PORT")
    arguments = parser.parse_args()
    Application.book = VisitorsBook(*arguments.database)
    web.Server(arguments.listen, Application).serve_forever()


if __name__ == "__main__":
    main()
