"""A service that fails or dawdles in each of the four kinds of call, as its request asks."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
from grpc import aio

from src.app.domain.common.exceptions import ExternalServiceError, RateLimitedError
from src.app.interfaces.grpc.pb.allium.debug.v1.debug_pb2 import EchoRequest, EchoResponse
from src.app.interfaces.grpc.server import Service

NAME = "allium.tests.v1.TroubleService"
SECRET = "postgresql://user:hunter2@db.internal/allium"  # what must never be told


_asked_before: set[str] = set()


async def _trouble(request: EchoRequest) -> EchoResponse:
    if request.message == "unexpected":
        raise RuntimeError(SECRET)
    if request.message == "rate":
        raise RateLimitedError(retry_after=2.5)
    if request.message.startswith("flaky") and request.message not in _asked_before:
        _asked_before.add(request.message)
        raise ExternalServiceError
    if request.message == "dawdle":
        await asyncio.sleep(30)
    if request.message == "no message":
        return SECRET  # type: ignore[return-value]
    return EchoResponse(message=request.message)


async def unary_unary(request: EchoRequest, context: aio.ServicerContext) -> EchoResponse:
    return await _trouble(request)


async def unary_stream(request: EchoRequest, context: aio.ServicerContext) -> AsyncIterator[EchoResponse]:
    yield EchoResponse(message="first")
    yield await _trouble(request)


async def stream_unary(requests: AsyncIterator[EchoRequest], context: aio.ServicerContext) -> EchoResponse:
    return [await _trouble(request) async for request in requests][-1]


async def stream_stream(
    requests: AsyncIterator[EchoRequest], context: aio.ServicerContext
) -> AsyncIterator[EchoResponse]:
    async for request in requests:
        yield await _trouble(request)


async def writes_itself(request: EchoRequest, context: aio.ServicerContext) -> None:
    await context.write(EchoResponse(message="first"))
    await context.write(await _trouble(request))


KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream", "writes_itself")


def _register(servicer: object, server: aio.Server) -> None:
    codec = {
        "request_deserializer": EchoRequest.FromString,
        "response_serializer": EchoResponse.SerializeToString,
    }
    handlers = {
        "unary_unary": grpc.unary_unary_rpc_method_handler(unary_unary, **codec),
        "unary_stream": grpc.unary_stream_rpc_method_handler(unary_stream, **codec),
        "stream_unary": grpc.stream_unary_rpc_method_handler(stream_unary, **codec),
        "stream_stream": grpc.stream_stream_rpc_method_handler(stream_stream, **codec),
        "writes_itself": grpc.unary_stream_rpc_method_handler(writes_itself, **codec),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))


TROUBLE = Service(SimpleNamespace(services_by_name={}), _register, servicer=None)


async def ask(
    channel: aio.Channel, kind: str, message: str | bytes, *, metadata: Any, timeout: float | None = 5
) -> list[str]:
    """Make one call of a kind and return what it answers; bytes are sent as they are."""
    raw = message if isinstance(message, bytes) else EchoRequest(message=message).SerializeToString()
    shape = "unary_stream" if kind == "writes_itself" else kind
    call = getattr(channel, shape)(
        f"/{NAME}/{kind}", request_serializer=bytes, response_deserializer=EchoResponse.FromString
    )
    request = raw if shape.startswith("unary") else [raw]
    if shape.endswith("unary"):
        return [(await call(request, metadata=metadata, timeout=timeout)).message]
    return [answer.message async for answer in call(request, metadata=metadata, timeout=timeout)]
