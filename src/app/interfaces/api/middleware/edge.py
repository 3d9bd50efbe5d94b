"""What holds for every request and every answer of this door, whatever it is about."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.app.interfaces.api.errors import RequestError, answer

MAX_URL_BYTES = 8 * 1024
MAX_HEADER_BYTES = 16 * 1024

# An API answers data: no page may frame it, guess its type, or learn where a link was followed
# from. The documents' pages say what they load themselves.
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-site"),
    # RFC 6797: browsers heed it over TLS alone.
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
)
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_UNKEPT = (b"cache-control", b"no-store")
_PAGES = ("/docs", "/redoc")


class Edge:
    """Refuses URLs and headers that are too long and hosts that are not ours, and marks every answer.

    `hosts` are names as `Host` gives them; `*.example.com` stands for all below it, none for any.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _marked(message["headers"], scope["path"])
            await send(message)

        try:
            self._check(scope)
        except RequestError as refused:
            await answer(scope, refused)(scope, receive, send_marked)
        else:
            await self._app(scope, receive, send_marked)

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


def _marked(headers: Iterable[tuple[bytes, bytes]], path: str) -> list[tuple[bytes, bytes]]:
    marked = [*headers, *_HEADERS]
    if not path.startswith(_PAGES):
        marked.append(_POLICY)
    if not any(name == b"cache-control" for name, _ in marked):
        # Answers are somebody's own unless they say otherwise.
        marked.append(_UNKEPT)
    return marked
