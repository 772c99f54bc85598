"""A web server of files in memory, with ranges or without, and with the faults a test asks for."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Web:
    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    etags: bool = True
    # Answers to give before the true one: a status, 'cut' (the body ends early), 'hang'.
    faults: list[object] = field(default_factory=list)
    # Status for every request to a path.
    refused: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    sent: int = 0
    # Content-Encoding that is told for a path; the body is what lies there, or with 'on the way' compressed for it.
    encodings: dict[str, str] = field(default_factory=dict)
    # Where redirections lead.
    location: str = "/x.csv"
    # Seconds before each answer.
    delay: float = 0.0
    # Requests being answered, and the most there were.
    open: int = 0
    at_once: int = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        web = self.server.web
        web.open += 1
        web.at_once = max(web.at_once, web.open)
        time.sleep(web.delay)
        try:
            self._answer(web)
        finally:
            web.open -= 1

    def _answer(self, web: Web) -> None:
        path, _, query = self.path.partition("?")
        wanted = self.headers.get("Range", "")
        web.requests.append((path, wanted, query))
        fault = web.faults.pop(0) if web.faults else None
        status = web.refused.get(path) or (fault if isinstance(fault, int) else None)
        if status is None and path not in web.files:
            status = 404
        if status is not None:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", web.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = web.files[path]
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
        status, body, extra = 200, data, {}
        if match and web.ranges:
            first, last = int(match[1]), min(int(match[2]), len(data) - 1)
            if first > last:
                status, body, extra = 416, b"", {"Content-Range": f"bytes */{len(data)}"}
            else:
                status, body = 206, data[first : last + 1]
                extra = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
        if fault == "hang":
            time.sleep(1.5)
        self.send_response(status)
        if web.etags:
            self.send_header("ETag", f'"{hashlib.md5(data).hexdigest()}"')
        encoding = web.encodings.get(path, "")
        if encoding == "on the way":
            encoding, body = "gzip", gzip.compress(body)
        if encoding:
            extra["Content-Encoding"] = encoding
        for name, value in extra.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        web.sent += len(body)
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    web: Web

    def handle_error(self, *arguments: object) -> None:
        # Clients may hang up.
        pass


@contextlib.contextmanager
def serving() -> Iterator[Web]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.web = Web(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.web
    finally:
        server.shutdown()
        server.server_close()
