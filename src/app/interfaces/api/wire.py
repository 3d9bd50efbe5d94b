"""HTTP/1.1 on a connection: uvicorn's protocol, for clients that dawdle or do not speak it.

Uvicorn waits without bound for the rest of a request's head and for a client to take its answer,
and keeps as much of a head as is sent. A few thousand such connections would need one machine to
hold up the service (Slowloris; CWE-400).
"""

from asyncio import TimerHandle, Transport
from contextvars import copy_context
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from src.app.application.common.context import request_id, request_id_of
from src.app.interfaces.api.errors import DEFAULT_VERSION, RequestError, answer
from src.app.interfaces.api.middleware.edge import MAX_HEADER_BYTES, MAX_URL_BYTES, headers_too_large

HEAD_SECONDS = 10.0
"""In which the head of a request arrives, from its first byte or from the connection's beginning."""
TAKING_SECONDS = 15.0
TAKEN_BYTES = 16 * 1024
"""What a client takes of its answer in `TAKING_SECONDS`, or it is cut off."""

# Beyond what is refused with a proper answer.
_MAX_HEAD_BYTES = 2 * (MAX_HEADER_BYTES + MAX_URL_BYTES)


class PatientProtocol(HttpToolsProtocol):
    """Waits for a head and for a reader, but not for ever; answers what is no HTTP as any error."""

    transport: Transport
    _is_in_head = True
    _head_bytes = 0
    _head_due: TimerHandle | None = None
    _unsent = 0
    _taking: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_due = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._head_due, self._taking):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        idle, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        before = self.scope
        super().data_received(data)
        if idle is not None:
            # Empty lines between two requests are no request, and end no wait for one.
            if self.scope is before and not self.transport.is_closing():
                self.timeout_keep_alive_task = idle
            else:
                idle.cancel()
        if not self._is_in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > _MAX_HEAD_BYTES:
            self._refuse(headers_too_large())
        elif self._head_due is None:
            # Most heads come whole, and need no timer.
            self._head_due = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        self._refuse(RequestError(400, "BAD_REQUEST", "This is not HTTP as we understand it"))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        self._taking = self.loop.call_later(TAKING_SECONDS, self._look_at_reader)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _look_at_reader(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if self._unsent - unsent < TAKEN_BYTES:
            # `close` would wait for what it does not take.
            self.transport.abort()
            return
        self._unsent = unsent
        self._taking = self.loop.call_later(TAKING_SECONDS, self._look_at_reader)

    def _refuse(self, error: RequestError) -> None:
        self.transport.write(copy_context().run(_written, error))
        self.transport.close()

    def _give_up(self) -> None:
        self.transport.abort()


def _written(error: RequestError) -> bytes:
    """Write the answer to what never became a request."""
    request_id.set(request_id_of(""))
    refusal = answer({"headers": []}, error)
    status = HTTPStatus(refusal.status_code)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}".encode(),
        *(name + b": " + value for name, value in refusal.raw_headers),
        b"x-request-id: " + request_id.get().encode(),
        b"x-api-version: " + DEFAULT_VERSION.encode(),
        b"connection: close",
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(refusal.body)
