"""A client that costs as little as Python can: blocking sockets under epoll, nothing parsed twice.

It shares the machine with the server, so what it uses, the server cannot have. That is why
figures are judged by the server's CPU time per request, which is the same whoever else runs.
"""

import math
import re
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

PATIENCE = 30.0
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class LoadError(Exception):
    """The server did not answer as it should; the message shows what it said."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests to one server: each on a connection of its own, sent again when its answer is there.

    It ends after `seconds` or `count` answers, whichever comes first.
    """

    port: int
    requests: Sequence[bytes]
    seconds: float = math.inf
    count: float = math.inf


@dataclass(frozen=True, slots=True)
class Outcome:
    count: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.count / self.seconds


@contextmanager
def clients(number: int) -> Iterator[ProcessPoolExecutor]:
    """Have processes in which `drive` can run beside this one."""
    # Ctrl-C reaches them too; it is this process that ends them.
    pool = ProcessPoolExecutor(
        number, get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def drive(load: Load) -> Outcome:
    """Put a load on a server and measure each answer.

    Raises:
        LoadError: an answer was not 200, or did not come.
    """
    poll = select.epoll()
    connections = {}
    for request in load.requests:
        connection = _Connection(load.port, request)
        connections[connection.fileno] = connection
        poll.register(connection.fileno, select.EPOLLIN)
    latencies: list[float] = []
    began = time.perf_counter()
    deadline = began + load.seconds
    unsent = load.count
    try:
        for connection in connections.values():
            connection.send()
            unsent -= 1
        waiting = len(connections)
        while waiting:
            ready = poll.poll(PATIENCE)
            if not ready:
                raise LoadError(f"No answer within {PATIENCE:.0f} s")
            for fileno, _ in ready:
                connection = connections[fileno]
                if not connection.receive():
                    continue
                now = time.perf_counter()
                latencies.append(now - connection.sent)
                if now < deadline and unsent > 0:
                    connection.send()
                    unsent -= 1
                else:
                    waiting -= 1
        ended = time.perf_counter()
    finally:
        poll.close()
        for connection in connections.values():
            connection.close()
    latencies.sort()
    return Outcome(
        count=len(latencies),
        seconds=ended - began,
        p50_ms=_quantile(latencies, 0.50) * 1000,
        p99_ms=_quantile(latencies, 0.99) * 1000,
    )


def ask(port: int, request: bytes) -> bytes:
    """Send one request and return the body of its answer.

    Raises:
        LoadError: the answer was not 200.
        OSError: nobody listens there.
    """
    connection = _Connection(port, request)
    try:
        connection.send()
        while not connection.receive():
            pass
        return connection.body
    finally:
        connection.close()


def request(
    method: str, path: str, *, token: str = "", body: bytes = b"", kind: str = "application/json"
) -> bytes:
    """Return a request as it stands on the wire."""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    if token:
        head.append(f"Authorization: Bearer {token}")
    if body:
        head += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join((*head, "", "")).encode() + body


class _Connection:
    def __init__(self, port: int, request: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._received = b""
        self.fileno = self._socket.fileno()
        self.sent = 0.0

    def send(self) -> None:
        self._received = b""
        self.sent = time.perf_counter()
        self._socket.sendall(self._request)

    def receive(self) -> bool:
        """Take what has come, and tell whether the answer is whole."""
        part = self._socket.recv(65_536)
        if not part:
            raise LoadError("The server closed the connection")
        self._received += part
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = _LENGTH.search(self._received, 0, end)
        if length is None or not self._received.startswith(b"HTTP/1.1 200 "):
            raise LoadError(f"Not the answer that was expected: {self._received[:500].decode(errors='replace')}")
        return len(self._received) >= end + 4 + int(length[1])

    @property
    def body(self) -> bytes:
        return self._received.partition(b"\r\n\r\n")[2]

    def close(self) -> None:
        self._socket.close()


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
