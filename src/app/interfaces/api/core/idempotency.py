"""`Idempotency-Key`: a POST that is sent again is not carried out again."""

import re
from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Any

import orjson
from fastapi import Request, Response

from src.app.application.ports.idempotency import Attempt, KeptAnswer, KeyedRequest
from src.app.domain.common.exceptions import AppException, AuthenticationError, ValidationError
from src.app.interfaces.api.core.limits import count_address, count_user
from src.app.interfaces.bearer import bearer_token_of

_KEY = re.compile(r'"([\x21\x23-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')

# An answer with one of these is a secret between us and whoever asked first.
_SECRETS = frozenset({"access", "access_token", "client_secret", "key", "refresh", "refresh_token", "secret"})

_Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def once(handle: _Handle) -> _Handle:
    """Return the handler of a POST, made to heed the key that a request may bring.

    The same key and request answer what the first was answered; only what succeeded is kept, so
    that what failed may be tried again. `Idempotency-Replayed: true` tells the one from the other.
    """

    async def handle_once(request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        if key is None:
            return await handle(request)
        keyed = await _keyed(request, key)
        refused: AppException | None = None
        async with request.state.process.idempotency.attempt(keyed) as attempt:
            if attempt.before is not None:
                kept: KeptAnswer = attempt.before
                return Response(kept.body, kept.status, {"Idempotency-Replayed": "true"}, "application/json")
            try:
                answer = await handle(request)
            except AppException as error:
                # What the use case committed before it refused stands, as it does without a key:
                # the end of a session whose token was stolen is told by an error.
                refused = error
            else:
                await _keep(attempt, answer)
        if refused is not None:
            raise refused
        return answer

    return handle_once


async def _keep(attempt: Attempt, answer: Response) -> None:
    if answer.status_code >= 300 or answer.media_type != "application/json":
        return
    body = bytes(answer.body)
    content = orjson.loads(body) if body else None
    await attempt.keep(KeptAnswer(answer.status_code, body), is_secret=_is_secret(content))


async def _keyed(request: Request, header: str) -> KeyedRequest:
    found = _KEY.fullmatch(header)
    if found is None:
        raise ValidationError("Idempotency-Key has 1 to 255 visible ASCII characters", field="Idempotency-Key")
    said = sha256()
    kind = request.headers.get("content-type", "").encode()
    for part in (request.scope["path"].encode(), request.scope["query_string"], kind):
        said.update(part + b"\n")
    said.update(await request.body())
    return KeyedRequest(
        caller=await _caller(request),
        operation=f"{request.method} {request.scope['route'].path}",
        key=found[1] or found[2],
        fingerprint=said.digest(),
    )


async def _caller(request: Request) -> str:
    """Name who asks: a user stays the same with another access token."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        return f"address {request.scope.get('client_address')}"
    try:
        actor = await request.state.process.container.auth_service.authenticate(bearer_token_of(authorization))
    except AuthenticationError:
        # Not an access token: a refresh token, say, which the endpoint itself will judge.
        count_address(request.scope)
        return sha256(authorization.encode()).hexdigest()
    # Here already: an answer that is given again counts too, and before it costs a connection.
    count_user(request.scope, actor)
    return f"user {actor.user_uuid}"


def _is_secret(content: Any) -> bool:
    match content:
        case dict():
            return not _SECRETS.isdisjoint(content) or any(map(_is_secret, content.values()))
        case list():
            return any(map(_is_secret, content))
        case _:
            return False
