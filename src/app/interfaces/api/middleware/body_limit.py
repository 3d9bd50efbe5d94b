import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.app.interfaces.api.core.headers import header_of
from src.app.interfaces.api.errors import RequestError

PATIENCE_SECONDS = 15.0


class BodyLimit:
    """Refuses a body of more than `limit` bytes: by what it says of its length, and by counting it.

    One that stands still for `patience` seconds is given up.
    """

    def __init__(self, app: ASGIApp, *, limit: int, patience: float = PATIENCE_SECONDS) -> None:
        self._app = app
        self._limit = limit
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = header_of(scope, b"content-length")
        if not length and not header_of(scope, b"transfer-encoding"):
            await self._app(scope, receive, send)
        elif length and (not length.isdigit() or int(length) > self._limit):
            raise body_too_large(self._limit)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        received = 0
        is_whole = False

        async def counted() -> Message:
            nonlocal received, is_whole
            try:
                message = await asyncio.wait_for(receive(), self._patience)
            except TimeoutError:
                raise body_too_slow() from None
            if message["type"] == "http.disconnect" and not is_whole:
                # Nobody hears this but the log.
                raise RequestError(400, "BAD_REQUEST", "The client left before the body was whole")
            is_whole = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > self._limit:
                raise body_too_large(self._limit)
            return message

        return counted


def body_too_slow() -> RequestError:
    return RequestError(408, "REQUEST_TIMEOUT", "The body did not arrive in time")


def body_too_large(limit: int) -> RequestError:
    return RequestError(413, "PAYLOAD_TOO_LARGE", f"A body may have {limit} bytes")
