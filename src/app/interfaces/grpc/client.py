"""Allium as other services call it.

    async with AlliumClient("allium:50051", token=token) as client:
        user = await client.users.get_user(uuid)

Answers are the same dataclasses, and refusals the same errors, as those of our own services.
"""

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import grpc
from grpc import aio

from src.app.application.common.context import request_id
from src.app.application.dto.auth import VerifiedTokenDTO
from src.app.application.dto.users import UserDTO

# Errors come back as the classes that are loaded: these are what the services below raise.
from src.app.domain.auth import exceptions as _auth_exceptions  # noqa: F401
from src.app.domain.users import exceptions as _users_exceptions  # noqa: F401
from src.app.interfaces.grpc.interceptors.request_ids import REQUEST_ID
from src.app.interfaces.grpc.mapping import from_message
from src.app.interfaces.grpc.pb.allium.auth.v1 import auth_pb2, auth_pb2_grpc
from src.app.interfaces.grpc.pb.allium.debug.v1 import debug_pb2, debug_pb2_grpc
from src.app.interfaces.grpc.pb.allium.users.v1 import users_pb2, users_pb2_grpc
from src.app.interfaces.grpc.statuses import error_of

_IDEMPOTENT = (
    {"service": "allium.auth.v1.AuthService", "method": "VerifyToken"},
    {"service": "allium.debug.v1.DebugService"},
    {"service": "allium.users.v1.UsersService", "method": "GetUser"},
)
"""What may be asked again when the first answer got lost."""

_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": _IDEMPOTENT,
            "waitForReady": False,
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.05s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    # Where most calls fail, retries only add to the load, so they stop until calls succeed again.
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}


class AlliumClient:
    """One connection, for as long as the block; make one for a process and share it.

    `timeout` is in seconds and bounds each call, its retries included. Without `credentials` the
    connection is not encrypted.

    Raises of each call:
        AppException: what Allium refused with.
        ExternalServiceError: Allium could not be reached, took too long or failed.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        timeout: float = 5.0,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        options = (
            ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 10_000),
        )
        if credentials is None:
            self._channel = aio.insecure_channel(address, options)
        else:
            self._channel = aio.secure_channel(address, credentials, options)
        caller = _Caller(token, timeout)
        self.auth = _AuthClient(self._channel, caller)
        self.debug = _DebugClient(self._channel, caller)
        self.users = _UsersClient(self._channel, caller)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()


class _Caller:
    """Makes one call: with a deadline, who asks, and the id of the request that it is part of."""

    def __init__(self, token: str | None, timeout: float) -> None:
        self._timeout = timeout
        self._authorization = (("authorization", f"Bearer {token}"),) if token else ()

    async def __call__(self, method: Callable[..., Any], request: Any) -> Any:
        id_ = request_id.get()
        metadata = (*self._authorization, *(((REQUEST_ID, id_),) if id_ else ()))
        try:
            return await method(request, timeout=self._timeout, metadata=metadata)
        except aio.AioRpcError as error:
            raise error_of(error) from error


class _AuthClient:
    def __init__(self, channel: aio.Channel, call: _Caller) -> None:
        self._stub = auth_pb2_grpc.AuthServiceStub(channel)
        self._call = call

    async def verify_token(self, token: str) -> VerifiedTokenDTO:
        """Say whose access token this is."""
        request = auth_pb2.VerifyTokenRequest(token=token)
        return from_message(await self._call(self._stub.VerifyToken, request), VerifiedTokenDTO)


class _DebugClient:
    def __init__(self, channel: aio.Channel, call: _Caller) -> None:
        self._stub = debug_pb2_grpc.DebugServiceStub(channel)
        self._call = call

    async def ping(self) -> str:
        """Answer "pong"; this needs no token."""
        answer = await self._call(self._stub.Ping, debug_pb2.PingRequest())
        return str(answer.message)

    async def version(self) -> str:
        """Say which version of the service answers."""
        answer = await self._call(self._stub.Version, debug_pb2.VersionRequest())
        return str(answer.version)


class _UsersClient:
    def __init__(self, channel: aio.Channel, call: _Caller) -> None:
        self._stub = users_pb2_grpc.UsersServiceStub(channel)
        self._call = call

    async def get_user(self, uuid: UUID) -> UserDTO:
        """Show a user to themselves, or to who may read users."""
        request = users_pb2.GetUserRequest(uuid=str(uuid))
        return from_message(await self._call(self._stub.GetUser, request), UserDTO)
