from typing import Any

from grpc import aio

from src.app.application.common.actor import Actor
from src.app.application.common.context import current_actor
from src.app.application.services.auth_service import AppAuthService
from src.app.domain.common.exceptions import AuthenticationError
from src.app.interfaces.bearer import bearer_token_of
from src.app.interfaces.grpc.interceptors.call import Call, Proceed

OPEN_METHODS = frozenset(
    {
        "/allium.debug.v1.DebugService/Ping",
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/List",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    }
)
"""What anybody may call; every other method needs an access token."""


class Authentication:
    """Lets in who brings an access token: metadata `authorization: Bearer …` (RFC 6750)."""

    def __init__(self, auth: AppAuthService) -> None:
        self._auth = auth

    async def __call__(self, call: Call, proceed: Proceed) -> Any:
        if call.method not in OPEN_METHODS:
            token = bearer_token_of(str(call.metadata.get("authorization", "")))
            current_actor.set(await self._auth.authenticate(token))
        return await proceed(call)


def actor_of(context: aio.ServicerContext) -> Actor:  # noqa: ARG001  what a servicer has at hand
    """Return who makes this call.

    Raises:
        AuthenticationError: nobody does, because the method is open.
    """
    # gRPC runs each call in a task of its own, so the actor of the task is the actor of the call.
    actor = current_actor.get()
    if actor is None:
        raise AuthenticationError
    return actor
