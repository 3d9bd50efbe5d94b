"""The limit: what the machine gives if nothing but the work is done.

A bare ASGI application: the token is checked by hand, one prepared statement is run, the row
becomes JSON once. No router, no validation, no request id, no log, no metrics, no revocation.
"""

import asyncio
import hmac
import json
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import asyncpg
import bcrypt
import orjson

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]

_USER = """
SELECT id, uuid, email, phone, first_name, last_name, birthday, photo AS avatar_url, is_active, is_guest,
       is_verified, is_superuser, street, city, state, zip_code, country, meta, version, created_at, updated_at
FROM users WHERE uuid = $1 AND NOT is_deleted
"""
_PAGE = """
SELECT id, uuid, email, phone, first_name, last_name, birthday, photo AS avatar_url, is_active, is_guest,
       is_verified, is_superuser, street, city, state, zip_code, country, meta, version, created_at, updated_at,
       count(*) OVER () AS total
FROM users WHERE city = $1 AND is_active = $2 AND created_at >= $3 AND NOT is_deleted
ORDER BY created_at DESC LIMIT 50
"""
_SECRET = os.environ["SECRET_KEY"].encode()
_HEADER = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")

# As many as hash at once without being in each other's way, behind whatever else runs here.
_hashing = ThreadPoolExecutor(os.cpu_count(), initializer=lambda: os.setpriority(os.PRIO_PROCESS, 0, 10))
_pool: "asyncpg.Pool[asyncpg.Record]"


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    # Nothing here changes the state of a session, so nothing is reset, which would be a round trip.
    def get_reset_query(self) -> str:
        return ""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["path"] == "/users/me/":
        await _answer(send, await _me(scope))
    elif scope["path"] == "/users/":
        await _answer(send, await _page(scope))
    else:
        await _answer(send, await _sign_in(receive))


async def _me(scope: Scope) -> bytes | None:
    uuid = _verified(next(value for name, value in scope["headers"] if name == b"authorization"))
    row = await _pool.fetchrow(_USER, uuid) if uuid is not None else None
    return orjson.dumps(_shown(row), option=orjson.OPT_UTC_Z) if row is not None else None


async def _page(scope: Scope) -> bytes | None:
    uuid = _verified(next(value for name, value in scope["headers"] if name == b"authorization"))
    if uuid is None:
        return None
    asked = dict(parse_qsl(scope["query_string"].decode()))
    since = datetime.fromisoformat(asked["filter[created_at__gte]"])
    rows = await _pool.fetch(_PAGE, asked["filter[city]"], asked["filter[is_active]"] == "true", since)
    page = {"items": [_shown(row) for row in rows], "total": rows[0]["total"]}
    return orjson.dumps(page, option=orjson.OPT_UTC_Z)


def _shown(row: Any) -> dict[str, Any]:
    user = dict(row)
    user.pop("total", None)
    user["uuid"] = str(user["uuid"])
    user["meta"] = orjson.Fragment(user["meta"])
    user["full_name"] = f"{user['first_name']} {user['last_name']}"
    return user


async def _sign_in(receive: Receive) -> bytes | None:
    asked = orjson.loads((await receive())["body"])
    row = await _pool.fetchrow("SELECT uuid, password_hashed FROM users WHERE email = $1", asked["email"])
    if row is None:
        return None
    is_right = await asyncio.get_running_loop().run_in_executor(
        _hashing, bcrypt.checkpw, asked["password"].encode(), row["password_hashed"].encode()
    )
    return orjson.dumps({"access": _token(str(row["uuid"]))}) if is_right else None


def _token(subject: str) -> str:
    claims = json.dumps({"sub": subject, "exp": int(time.time()) + 3600}).encode()
    signed = _HEADER + b"." + urlsafe_b64encode(claims).rstrip(b"=")
    return (signed + b"." + _signature(signed)).decode()


def _verified(authorization: bytes) -> UUID | None:
    signed, _, signature = authorization.removeprefix(b"Bearer ").rpartition(b".")
    header, _, payload = signed.partition(b".")
    if header != _HEADER or not hmac.compare_digest(signature, _signature(signed)):
        return None
    claims = orjson.loads(urlsafe_b64decode(payload + b"=="))
    return UUID(claims["sub"]) if claims["exp"] > time.time() else None


def _signature(signed: bytes) -> bytes:
    return urlsafe_b64encode(hmac.digest(_SECRET, signed, sha256)).rstrip(b"=")


async def _answer(send: Send, body: bytes | None) -> None:
    status = 200 if body is not None else 401
    body = body or b"{}"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    global _pool  # noqa: PLW0603
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _pool = await asyncpg.create_pool(
                os.environ["DATABASE_URL"],
                min_size=2,
                max_size=40,
                connection_class=_Connection,
                # A generic plan neither stops early at LIMIT nor judges a range.
                server_settings={"plan_cache_mode": "force_custom_plan", "jit": "off"},
            )
            await send({"type": "lifespan.startup.complete"})
        else:
            await _pool.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
