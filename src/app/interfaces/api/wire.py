"""HTTP/1.1 on a connection: uvicorn's protocol, for clients that dawdle or do not speak it.

Uvicorn waits without bound for the rest of a request's head and for a client to take its answer,
and keeps as much of a head, of trailers and of requests in advance as is sent. A few thousand such
connections would need one machine to hold up the service (Slowloris; CWE-400).
"""

from asyncio import TimerHandle, Transport
from contextvars import copy_context
from http import HTTPStatus

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from src.app.application.common.context import request_id, request_id_of
from src.app.interfaces.api.errors import RequestError, answer
from src.app.interfaces.api.middleware.context import MARKS_OF_REFUSALS
from src.app.interfaces.api.middleware.edge import (
    MAX_HEADER_BYTES,
    MAX_URL_BYTES,
    headers_too_large,
    url_too_long,
)
from src.app.interfaces.api.versions import DEFAULT_VERSION

HEAD_SECONDS = 10.0
"""In which the head of a request arrives, from its first byte or from the connection's beginning."""
TAKING_SECONDS = 15.0
TAKEN_BYTES = 16 * 1024
"""What a client takes of its answer in `TAKING_SECONDS`, or it is cut off."""
MAX_PIPELINED = 100
"""How many requests wait on a connection; it ends with them, and the client may send the rest again."""

# Beyond what is refused with a proper answer; trailers, and what else is neither head nor body, too.
_MAX_HEAD_BYTES = 2 * (MAX_HEADER_BYTES + MAX_URL_BYTES)


class PatientProtocol(HttpToolsProtocol):
    """Waits for a head and for a reader, but not for ever; answers what is no HTTP as any error."""

    transport: Transport
    url = b""
    _in_work: RequestResponseCycle | None = None
    _is_refused = False

    # Reading: bytes that bring neither a head nor a body further are counted, and how long a head takes.
    _is_in_head = True
    _head_due: TimerHandle | None = None
    _chunk = 0
    _idle_bytes = 0
    _is_replaying = False

    # Writing: what the client had not taken when it was looked at last.
    _unsent = 0
    _taking: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_due = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # Uvicorn tells the last one alone; an earlier one would write to a connection that is gone.
        if self._in_work is not None and not self._in_work.response_complete:
            self._in_work.disconnected = True
            self._in_work.message_event.set()
        for timer in (self._head_due, self._taking):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        idle, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        before = self.scope
        self._chunk = len(data)
        self._parse(data)
        if idle is not None:
            # Empty lines between two requests are no request, and end no wait for one.
            if self.scope is before and not self.transport.is_closing():
                self.timeout_keep_alive_task = idle
            else:
                idle.cancel()
        if self._is_refused or self.transport.is_closing():
            return
        self._idle_bytes += self._chunk
        if self._idle_bytes > _MAX_HEAD_BYTES:
            self._refuse(headers_too_large())
        elif self._is_in_head and self._head_due is None:
            # Most heads come whole, and need no timer.
            self._head_due = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def on_message_begin(self) -> None:
        if self._is_replaying:
            return
        if len(self.pipeline) >= MAX_PIPELINED:
            raise BufferError
        super().on_message_begin()
        self._is_in_head = True
        self._progress()

    def on_url(self, url: bytes) -> None:
        if not self._is_replaying:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # What follows a body as a trailer is no header: it would pass by a proxy that judges these.
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_replaying:
            return
        self._is_in_head = False
        self._progress()
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._progress()
        super().on_body(body)

    def on_message_complete(self) -> None:
        # The parser takes what asks for another protocol to have no body.
        if not self.parser.should_upgrade() or self._should_upgrade() or not self._framing():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._in_work = cycle
        super()._start_asgi_task(cycle, app)

    def _parse(self, data: bytes) -> None:
        try:
            while data:
                try:
                    self.parser.feed_data(data)
                except HttpParserUpgrade as upgrade:
                    if self._should_upgrade():
                        self.handle_websocket_upgrade()
                        return
                    self._replay_framing()
                    data = data[upgrade.args[0] :]
                else:
                    return
        except HttpParserError:
            self._refuse(url_too_long() if len(self.url) > MAX_URL_BYTES else not_http())

    def _replay_framing(self) -> None:
        """Tell the parser of the body of a request that asks for a protocol which we do not speak.

        It would take the body for the next request (RFC 9110, section 7.8; CWE-444).
        """
        if framing := self._framing():
            self._is_replaying = True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
            self._is_replaying = False

    def _framing(self) -> bytes:
        told = [header for header in self.headers if header[0] in {b"content-length", b"transfer-encoding"}]
        return b"".join(name + b": " + value + b"\r\n" for name, value in told)

    def _progress(self) -> None:
        # Nothing of the chunk in hand counts as idle: its rest may bring the request further too.
        self._idle_bytes = -self._chunk

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
        """Read no more, and say why, unless an earlier request is still to be answered."""
        self._is_refused = True
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or self._is_its_body_wrong(cycle):
            self.transport.write(copy_context().run(_written, error))
            self.transport.close()
        elif cycle.more_body:
            self.transport.close()
        else:
            # An answer now would be taken for that of an earlier one.
            cycle.keep_alive = False

    def _is_its_body_wrong(self, cycle: RequestResponseCycle) -> bool:
        return cycle.more_body and not cycle.response_started and not self.pipeline

    def _give_up(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:
            # It is not read while an earlier one is in work.
            self._head_due = self.loop.call_later(HEAD_SECONDS, self._give_up)


def not_http() -> RequestError:
    return RequestError(400, "BAD_REQUEST", "This is not HTTP as we understand it")


def _written(error: RequestError) -> bytes:
    """Write the answer to what never became a request."""
    request_id.set(request_id_of(""))
    refusal = answer({"headers": []}, error)
    status = HTTPStatus(refusal.status_code)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}".encode(),
        *(name + b": " + value for name, value in (*refusal.raw_headers, *MARKS_OF_REFUSALS)),
        b"x-request-id: " + request_id.get().encode(),
        b"x-api-version: " + DEFAULT_VERSION.encode(),
        b"connection: close",
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(refusal.body)
