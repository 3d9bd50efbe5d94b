"""The servers of one test run, started when the first test asks for them.

The process that starts the tests (under xdist the controller) enters `servers_for_tests`.
Every process below it enters the same function and finds the socket of the first in its
environment; so a server is started once, whoever asks first, and `pytest tests/domain`
starts none.
"""

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from src.local.processes import ProcessIdentity
from src.local.servers import Noida, PostgreSQL, RabbitMQ, Server, ServerError, Tansu, Valkey
from src.local.servers.rabbitmq import install, is_installed

_SOCKET = "TEST_SERVERS_SOCKET"
_WITHOUT_BROKERS = "TEST_WITHOUT_BROKERS"

_SERVERS: dict[str, Callable[[Path], Server]] = {
    # Nothing of a test run has to survive the machine.
    "postgresql": lambda folder: PostgreSQL(folder, durable=False),
    "valkey": Valkey,
    "rabbitmq": RabbitMQ,
    "tansu": Tansu,
    "noida": Noida,
}


class LeftOutError(Exception):
    """A broker was asked for in a run without brokers."""


class Addresses:
    """Where the servers of this test run are; asking starts the one that is asked for.

    Raises:
        ServerError: the server cannot be had here; one line says why and what to do.
        LeftOutError: it is a broker, and the run is without brokers.
    """

    def __init__(self, path: str, *, brokers: bool) -> None:
        self._path = path
        self.brokers = brokers

    @property
    def postgresql(self) -> dict[str, str]:
        """`DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER`, `DB_PASSWORD`; the user may make databases."""
        return self._ask("postgresql")

    @property
    def redis_url(self) -> str:
        return self._ask("valkey")["REDIS_URL"]

    @property
    def amqp_url(self) -> str:
        return self._ask_broker("rabbitmq")["MESSAGE_BROKER_URL"]

    @property
    def tansu(self) -> str:
        """`host:port` of the Kafka-protocol broker for rebalancing and dead members."""
        return self._ask_broker("tansu")["MESSAGE_BROKER_URL"].removeprefix("kafka://")

    @property
    def noida(self) -> str:
        """`host:port` of the Kafka-protocol broker for idempotence and transactions."""
        return self._ask_broker("noida")["MESSAGE_BROKER_URL"].removeprefix("kafka://")

    def _ask_broker(self, name: str) -> dict[str, str]:
        if not self.brokers:
            raise LeftOutError(f"this run is without brokers ({_WITHOUT_BROKERS}), and {name} is one")
        return self._ask(name)

    def _ask(self, name: str) -> dict[str, str]:
        answer: dict[str, str]
        if given := os.environ.get(f"TEST_{name.upper()}"):
            answer = json.loads(given)
            return answer
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._path)
            connection.sendall(name.encode())
            connection.shutdown(socket.SHUT_WR)
            answer = json.loads(connection.makefile("rb").read())
        if "error" in answer:
            raise ServerError(answer["error"])
        return answer


@contextmanager
def servers_for_tests(folder: Path, *, brokers: bool | None = None) -> Iterator[Addresses]:
    """Offer the servers of this test run; at the end the outermost process stops them.

    The data lies in `folder`, each run's in its own, and can be looked at until the next run
    removes it. `brokers=None` follows the variable `TEST_WITHOUT_BROKERS`.
    """
    with_brokers = os.environ.get(_WITHOUT_BROKERS, "") in ("", "0") if brokers is None else brokers
    if path := os.environ.get(_SOCKET):
        yield Addresses(path, brokers=with_brokers)
        return
    # The name of a Unix socket has at most 107 bytes, and a checkout may lie deep.
    with TemporaryDirectory() as short, _Desk(_own_folder(folder), f"{short}/socket") as desk:
        os.environ[_SOCKET] = desk.path
        try:
            yield Addresses(desk.path, brokers=with_brokers)
        finally:
            del os.environ[_SOCKET]


class _Desk:
    """Starts each server once, for whoever asks first, and answers where it is."""

    def __init__(self, folder: Path, path: str) -> None:
        self.path = path
        self._folder = folder
        self._servers: dict[str, Server] = {}
        self._locks = {name: threading.Lock() for name in _SERVERS}
        self._socket = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        self._socket.bind(self.path)
        self._socket.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        ending = [threading.Thread(target=server.stop) for server in self._servers.values()]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            name = connection.makefile("rb").read().decode()
            try:
                answer = self._provide(name)
            except (ServerError, OSError) as error:
                answer = {"error": str(error)}
            connection.sendall(json.dumps(answer).encode())

    def _provide(self, name: str) -> dict[str, str]:
        with self._locks[name]:
            if name not in self._servers:
                if name == "rabbitmq" and not is_installed():
                    install(self._folder / "apt.log")
                server = _SERVERS[name](self._folder / name)
                server.start()
                self._servers[name] = server
            return self._servers[name].settings


def _own_folder(folder: Path) -> Path:
    """Make a folder for this run, named after its process, and remove those whose process is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*-*"):
        pid, _, started = old.name.partition("-")
        if not ProcessIdentity(int(pid), int(started)).is_alive():
            shutil.rmtree(old, ignore_errors=True)
    own = ProcessIdentity.own()
    path = folder / f"{own.pid}-{own.started}"
    path.mkdir()
    return path
