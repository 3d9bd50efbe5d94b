"""A small program in the product's place: `python child.py serve|refuse|beat|die|hang`."""

import http.server
import os
import signal
import sys
import time
from pathlib import Path


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/ready/" else 404)
        self.end_headers()


def serve() -> None:
    http.server.HTTPServer(("127.0.0.1", int(os.environ["API_PORT"])), _Health).serve_forever()


class _Missing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b'{"missing": ["migrations"]}')


def refuse() -> None:
    http.server.HTTPServer(("127.0.0.1", int(os.environ["API_PORT"])), _Missing).serve_forever()


def beat() -> None:
    Path(os.environ["HEARTBEAT_FILE"]).touch()
    while True:
        sys.stdout.write("I beat\n")
        sys.stdout.flush()
        time.sleep(0.2)


def die() -> None:
    Path(os.environ["HEARTBEAT_FILE"]).touch()
    time.sleep(0.5)
    sys.exit("I cannot go on")


def hang() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    beat()


{"serve": serve, "refuse": refuse, "beat": beat, "die": die, "hang": hang}[sys.argv[1]]()
