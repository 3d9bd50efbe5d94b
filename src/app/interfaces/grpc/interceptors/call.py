"""The frame that the interceptors stand in: one call, whichever of the four kinds it is.

An interceptor is an async function of the call and of what comes after it. It may look before,
after and around, as the body of any function may:

    async def patience(call: Call, proceed: Proceed) -> Any:
        async with asyncio.timeout(5):
            return await proceed(call)
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import grpc
from grpc import aio

from src.app.domain.common.exceptions import ValidationError


@dataclass(slots=True, eq=False, kw_only=True)
class Call:
    """One call in hand.

    `request` is still as it came over the wire, or an iterator of such. `headers` are told to the
    caller before the first message, or with the error if there is none: once they are on their
    way the caller's library does not retry, so they are not sent early.
    """

    method: str
    request: Any
    context: aio.ServicerContext
    metadata: Mapping[str, str | bytes]
    answers_once: bool
    headers: tuple[tuple[str, str], ...] = ()


# Whether the caller streams and whether we do: where the handler keeps its function, and what
# makes another handler of the kind.
_KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., grpc.RpcMethodHandler]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}

Proceed = Callable[[Call], Awaitable[Any]]


class Interceptor(Protocol):
    async def __call__(self, call: Call, proceed: Proceed) -> Any: ...


class Interceptors(aio.ServerInterceptor):
    """Runs every call of a server through interceptors, the first outermost.

    Messages are read and written inside, so that what is not a message is refused, logged and
    counted like any other fault.
    """

    def __init__(self, *interceptors: Interceptor) -> None:
        self._interceptors = interceptors
        self._intercepted: dict[str, tuple[grpc.RpcMethodHandler, grpc.RpcMethodHandler]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        known, intercepted = self._intercepted.get(handler_call_details.method, (None, None))
        if known is not handler:
            intercepted = self._around(handler_call_details.method, handler)
            self._intercepted[handler_call_details.method] = handler, intercepted
        return intercepted

    def _around(self, method: str, handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        perform, make_handler, encode = _performing(handler)
        for interceptor in reversed(self._interceptors):
            perform = partial(interceptor, proceed=perform)

        # A coroutine for streams too: an async generator is suspended while gRPC sends, so a
        # cancellation or a deadline at that moment would pass its interceptors by.
        async def handle(request: Any, context: aio.ServicerContext) -> Any:
            return await perform(
                Call(
                    method=method,
                    request=request,
                    context=context,
                    metadata=dict(context.invocation_metadata() or ()),
                    answers_once=not handler.response_streaming,
                )
            )

        return make_handler(handle, request_deserializer=None, response_serializer=encode)


def _performing(handler: grpc.RpcMethodHandler) -> tuple[Proceed, Callable[..., grpc.RpcMethodHandler], Any]:
    """Return what does the work of this handler, how to make another of its kind, and its serialiser."""
    name, make_handler = _KINDS[handler.request_streaming, handler.response_streaming]
    behaviour = getattr(handler, name)
    encode = handler.response_serializer
    read = partial(_each if handler.request_streaming else _decoded, handler.request_deserializer)

    async def answer_once(call: Call) -> Any:
        answer = encode(await behaviour(read(call.request), call.context))
        await _send_headers(call)
        return answer

    async def answer_many(call: Call) -> None:
        async with aclosing(behaviour(read(call.request), call.context)) as answers:
            async for answer in answers:
                encoded = encode(answer)
                await _send_headers(call)
                await call.context.write(encoded)
        await _send_headers(call)

    async def let_write(call: Call) -> None:
        await _send_headers(call)
        await behaviour(read(call.request), call.context)

    if not handler.response_streaming:
        return answer_once, make_handler, None
    # A servicer that writes to its context by itself hands gRPC messages, not bytes.
    if inspect.iscoroutinefunction(behaviour):
        return let_write, make_handler, encode
    return answer_many, make_handler, None


async def _send_headers(call: Call) -> None:
    if call.headers:
        headers, call.headers = call.headers, ()
        await call.context.send_initial_metadata(headers)


def _decoded(decode: Callable[[bytes], Any], message: bytes) -> Any:
    try:
        return decode(message)
    except Exception as error:
        raise ValidationError("This is not the message that the method takes") from error


async def _each(decode: Callable[[bytes], Any], messages: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for message in messages:
        yield _decoded(decode, message)
