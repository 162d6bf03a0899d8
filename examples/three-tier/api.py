#!/usr/bin/python3
"""An API on the internet that the private instances call: it answers with the caller's address.

    GET  /           {"caller": "203.0.113.10", "port": 1024}
    GET  /bytes/N    N reproducible bytes (pattern.py)
"""

import argparse
import json

import web


class Api(web.Handler):
    def who(self, _rest):
        caller, port = self.client_address[:2]
        self.reply(200, "application/json", json.dumps({"caller": caller, "port": port}) + "\n")

    routes = {("GET", ""): who, ("GET", "bytes"): web.Handler.stream_pattern}


def main():
    parser = argparse.ArgumentParser(description="Tells every caller its address.")
    parser.add_argument("--port", type=int, required=True)
    web.Server(("", parser.parse_args().port), Api).serve_forever()


if __name__ == "__main__":
    main()
