"""What the example's two HTTP servers share: a keep-alive server, plain replies, and the byte stream of pattern.py."""

import http.server

import pattern

MAX_STREAM = 1 << 34  # 16 GiB


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True


class Handler(http.server.BaseHTTPRequestHandler):
    """Subclasses map paths to methods in `routes`, keyed by (method, first path segment)."""

    protocol_version = "HTTP/1.1"
    routes = {}

    def do_GET(self):
        self._dispatch("GET")

    def do_POST(self):
        self._dispatch("POST")

    def _dispatch(self, method):
        path = self.path.split("?", 1)[0]
        first, _, rest = path.lstrip("/").partition("/")
        handler = self.routes.get((method, first))
        if handler is None:
            self.reply(404, "text/plain", "not found\n")
        else:
            handler(self, rest)

    def reply(self, status, content_type, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream_pattern(self, size_text):
        """GET /bytes/N: the first N bytes of the pattern."""
        if not size_text.isdecimal() or int(size_text) > MAX_STREAM:
            self.reply(400, "text/plain", f"/bytes/N, N at most {MAX_STREAM}\n")
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(int(size_text)))
        self.end_headers()
        for block in pattern.blocks(int(size_text)):
            self.wfile.write(block)

    def body_blocks(self):
        """Yields the request's body, whose length the client must give."""
        left = int(self.headers.get("Content-Length", "0"))
        while left > 0:
            block = self.rfile.read(min(left, pattern.BLOCK_SIZE))
            if not block:
                return
            left -= len(block)
            yield block
