"""What every request has to be, whatever it is about."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from src.app.interfaces.api.errors import RequestError, answer

MAX_URL_BYTES = 8 * 1024
MAX_HEADER_BYTES = 16 * 1024


class Edge:
    """Refuses URLs and headers that are too long, and hosts that are not ours.

    `hosts` are names as `Host` gives them; `*.example.com` stands for all below it, none for any.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except RequestError as refused:
            await answer(scope, refused)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > MAX_URL_BYTES:
            raise RequestError(414, "URI_TOO_LONG", f"A URL may have {MAX_URL_BYTES} bytes")
        headers = scope["headers"]
        if sum([len(name) + len(value) + 4 for name, value in headers]) > MAX_HEADER_BYTES:
            raise RequestError(
                431, "REQUEST_HEADER_FIELDS_TOO_LARGE", f"All headers together may have {MAX_HEADER_BYTES} bytes"
            )
        if self._hosts and not self._is_ours(dict(headers).get(b"host", b"").decode("latin-1")):
            raise RequestError(400, "UNKNOWN_HOST", "This service does not answer for this host")

    def _is_ours(self, host: str) -> bool:
        name = host.lower().rpartition(":")[0] if not host.endswith("]") and ":" in host else host.lower()
        return name in self._hosts or any(
            f"*.{name[place + 1 :]}" in self._hosts for place, letter in enumerate(name) if letter == "."
        )
