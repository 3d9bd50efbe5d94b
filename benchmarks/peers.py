"""Who is measured: the same two doors, `me` and signing in, of Allium and of those beside it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from benchmarks.load import ask, request
from benchmarks.process import Measured
from benchmarks.stage import PASSWORD, Stage, email_of
from src.local.ports import answers

CONNECTIONS = 10


@dataclass(frozen=True)
class Peer:
    """A server application; `scheme` is how the passwords of its users are hashed."""

    name: str
    app: str
    scheme: str
    sign_in: Callable[[str], bytes]
    """The request by which the owner of an e-mail address signs in."""
    token: Callable[[bytes], str]
    """The access token out of the answer."""
    me: str = "/users/me/"
    users: str = "/users/"
    protocol: str = "httptools"
    """Of uvicorn: a name, or a class."""


@dataclass(frozen=True)
class Served:
    """A peer that runs, and the users who are signed in there."""

    peer: Peer
    process: Measured
    port: int
    tokens: list[str]

    def me(self, path: str = "") -> list[bytes]:
        return [request("GET", path or self.peer.me, token=token) for token in self.tokens]

    def page(self, query: str, path: str = "") -> list[bytes]:
        return [request("GET", f"{path or self.peer.users}?{query}", token=token) for token in self.tokens]

    def sign_ins(self, number: int) -> list[bytes]:
        return [self.peer.sign_in(email_of(self.peer.scheme, place + 1)) for place in range(number)]


LIMIT = Peer(
    name="limit",
    app="benchmarks.servers.limit:app",
    scheme="bcrypt",
    sign_in=lambda email: _post("/sign-in", {"email": email, "password": PASSWORD}),
    token=lambda body: str(json.loads(body)["access"]),
)
MANUAL = Peer(
    name="FastAPI + ORM",
    app="benchmarks.servers.manual:app",
    scheme="bcrypt",
    sign_in=lambda email: request(
        "POST",
        "/token",
        body=urlencode({"username": email, "password": PASSWORD}).encode(),
        kind="application/x-www-form-urlencoded",
    ),
    token=lambda body: str(json.loads(body)["access_token"]),
)
ALLIUM = Peer(
    name="Allium",
    app="src.app.interfaces.cli.main:app",
    scheme="bcrypt-sha256",
    sign_in=lambda email: _post("/api/v1/auth/tokens/", {"email": email, "password": PASSWORD}),
    token=lambda body: str(json.loads(body)["access"]),
    me="/api/v1/users/me/",
    users="/api/v1/users/",
    protocol="src.app.interfaces.api.wire:PatientProtocol",
)


@contextmanager
def served(stage: Stage, peer: Peer) -> Iterator[Served]:
    """Start a peer and sign users in, one for each connection of a load."""
    with stage.server(peer.name, peer.app, protocol=peer.protocol) as (process, port):
        process.wait_until(lambda: answers("127.0.0.1", port))
        with ThreadPoolExecutor(2) as pool:
            emails = [email_of(peer.scheme, number + 1) for number in range(CONNECTIONS)]
            tokens = list(pool.map(lambda email: peer.token(ask(port, peer.sign_in(email))), emails))
        yield Served(peer, process, port, tokens)


def _post(path: str, body: dict[str, str]) -> bytes:
    return request("POST", path, body=json.dumps(body).encode())
