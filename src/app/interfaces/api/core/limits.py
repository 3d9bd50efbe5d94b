"""How often a client may come: by user where it is known who asks, else by address.

The headers are those of draft-ietf-httpapi-ratelimit-headers.
"""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from fastapi import Depends, Request
from starlette.types import Scope

from src.app.application.common.actor import Actor
from src.app.application.ports.limits import Allowance, Limited
from src.app.domain.common.exceptions import RateLimitedError
from src.app.interfaces.api.versions import version_of


def is_limited(path: str) -> bool:
    """Tell whether requests are counted there: not those of probes and of who collects metrics."""
    return version_of(path) is not None


def limited(what: Limited) -> Any:
    """Return a dependency that limits a route by address: `dependencies=[limited(Limited.SIGN_UP)]`.

    `limited_by_user`, beside `CurrentActor`, does it by who asks.
    """

    async def check(request: Request) -> None:
        await hit(request.scope, what, _address(request.scope))

    return Depends(check)


async def hit(scope: Scope, what: Limited, caller: str) -> None:
    """Count an attempt at something that is limited strictly; raises as `count_user`."""
    _heed(scope, await scope["state"]["process"].limits.hit(what, caller))


def name_of(actor: Actor) -> str:
    """Return what a user is counted as."""
    return f"user:{actor.user_uuid}"


def count_user(scope: Scope, actor: Actor) -> None:
    """Count a request of a user, once.

    Raises:
        RateLimitedError: they came too often.
    """
    _count(scope, name_of(actor), actor)


def count_address(scope: Scope) -> None:
    """Count a request of nobody in particular, once; raises as `count_user`."""
    _count(scope, _address(scope), None)


def headers_of(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return what an answer says of the limit that its request was counted by."""
    allowance: Allowance | None = scope.get("allowance")
    if allowance is None:
        return []
    policy, limit, remaining, reset, _ = allowance
    return [
        (b"ratelimit-policy", f'"{policy}";q={limit};w=60'.encode()),
        (b"ratelimit", f'"{policy}";r={remaining};t={reset}'.encode()),
    ]


def _count(scope: Scope, caller: str, actor: Actor | None) -> None:
    if scope.get("counted") != caller:
        scope["counted"] = caller
        _heed(scope, scope["state"]["process"].limits.count(caller, actor))


def _address(scope: Scope) -> str:
    address = scope.get("client_address")
    return f"address:{_whose(address) if address and ':' in address else address}"


@lru_cache(maxsize=4096)
def _whose(address: str) -> str:
    """Name the network of an IPv6 address: who has one has 2^64 of them (RFC 6177)."""
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or IPv6Network((parsed, 64), strict=False))


def _heed(scope: Scope, allowance: Allowance | None) -> None:
    if allowance is None:
        return
    scope["allowance"] = allowance
    if allowance.is_exceeded:
        policy, limit, _, reset, _ = allowance
        told = f"These are more than {limit} requests a minute ({policy}); try again in {reset} s"
        raise RateLimitedError(told, retry_after=reset)
