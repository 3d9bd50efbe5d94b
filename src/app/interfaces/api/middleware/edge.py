"""What every request has to be, whatever it is about, and the answer to every one that fails."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from src.app.interfaces.api.errors import RequestError, answer

MAX_URL_BYTES = 8 * 1024
MAX_HEADER_BYTES = 16 * 1024
RETRY_AFTER_SECONDS = 1

# An orchestrator that hears nothing would restart us, and take away what is left of the capacity.
_ALWAYS_LET_IN = ("/health/", "/metrics")


class Edge:
    """Refuses URLs and headers that are too long, hosts that are not ours, and what is too much at once.

    `hosts` are names as `Host` gives them; `*.example.com` stands for all below it, none for any.
    Of requests, `at_once` are in work; beyond that, to refuse one is quicker than to let all wait.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], at_once: int) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._at_once = at_once
        self._in_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._in_work += 1
        try:
            self._check(scope)
            await self._app(scope, receive, send)
        except Exception as error:
            # What has begun cannot be answered otherwise; the server closes the connection.
            if "status" in scope:
                raise
            await answer(scope, error)(scope, receive, send)
        finally:
            self._in_work -= 1

    def _check(self, scope: Scope) -> None:
        if self._in_work > self._at_once and not scope["path"].startswith(_ALWAYS_LET_IN):
            raise overloaded()
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > MAX_URL_BYTES:
            raise url_too_long()
        headers = scope["headers"]
        if sum([len(name) + len(value) + 4 for name, value in headers]) > MAX_HEADER_BYTES:
            raise headers_too_large()
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and scope["http_version"] == "1.1"):
            # RFC 9112, section 3.2: a proxy may have read another one of them than we do.
            raise RequestError(400, "BAD_REQUEST", "A request names its Host, and once")
        if self._hosts and not self._is_ours(hosts[0].decode("latin-1") if hosts else ""):
            raise unknown_host()

    def _is_ours(self, host: str) -> bool:
        name = host.lower().rpartition(":")[0] if not host.endswith("]") and ":" in host else host.lower()
        return name in self._hosts or any(
            f"*.{name[place + 1 :]}" in self._hosts for place, letter in enumerate(name) if letter == "."
        )


def overloaded() -> RequestError:
    return RequestError(
        503,
        "OVERLOADED",
        "The service has more to do than it can; try again in a moment",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def unknown_host() -> RequestError:
    return RequestError(400, "UNKNOWN_HOST", "This service does not answer for this host")


def url_too_long() -> RequestError:
    return RequestError(414, "URI_TOO_LONG", f"A URL may have {MAX_URL_BYTES} bytes")


def headers_too_large() -> RequestError:
    return RequestError(
        431, "REQUEST_HEADER_FIELDS_TOO_LARGE", f"All headers together may have {MAX_HEADER_BYTES} bytes"
    )
