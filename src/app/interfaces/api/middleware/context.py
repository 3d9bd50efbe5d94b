"""The outermost layer: a name for each request, one line in the log, one point in the metrics.

Whatever the layers inside let through becomes an error body here, so that no answer is without one,
nor without the security headers.
"""

import time
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.app.application.common.context import current_actor, request_id, request_id_of
from src.app.interfaces.api.core import deprecation, limits
from src.app.interfaces.api.core.headers import header_of
from src.app.interfaces.api.errors import answer
from src.app.interfaces.api.versions import DEFAULT_VERSION
from src.app.interfaces.metrics import DEPRECATED_REQUESTS, REQUEST_SECONDS

UNROUTED = "unrouted"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# An API answers data: no page may frame it, guess its type, or learn where a link was followed
# from. An answer that is a page says itself what it loads.
_MARKS_OF_PAGES = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-site"),
    # RFC 6797: browsers heed it over TLS alone.
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
)
_MARKS = (*_MARKS_OF_PAGES, (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"))
_UNKEPT = (b"cache-control", b"no-store")
MARKS_OF_REFUSALS = (_UNKEPT, *_MARKS)
"""What is said with the answer to what never became a request."""


class RequestContext:
    """Takes over the caller's `X-Request-ID` or makes one, and knows the caller's address.

    `trusted_proxies` are networks; only behind one of them is `X-Forwarded-For` believed, and of
    it the last address that no trusted proxy has.
    """

    def __init__(self, app: ASGIApp, *, trusted_proxies: Iterable[str]) -> None:
        self._app = app
        self._proxies = [ip_network(network, strict=False) for network in trusted_proxies]
        self._histograms: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # As GET (RFC 9110, section 9.3.2); the server, which knows the method, sends no body.
            scope = {**scope, "method": "GET"}
        started = time.perf_counter()
        id_ = request_id_of(header_of(scope, b"x-request-id"))
        request_id.set(id_)
        scope["client_address"] = address = self._address(scope)

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["status"] = message["status"]
                version = scope.get("api_version", DEFAULT_VERSION)
                headers = message["headers"]
                marks: tuple[tuple[bytes, bytes], ...] = _MARKS
                is_kept = False
                for name, _ in headers:
                    if name == b"cache-control":
                        is_kept = True
                    elif name == b"content-security-policy":
                        marks = _MARKS_OF_PAGES
                if not is_kept:
                    # Answers are somebody's own unless they say otherwise.
                    headers.append(_UNKEPT)
                headers += (
                    (b"x-request-id", id_.encode()),
                    (b"x-api-version", version.encode()),
                    *limits.headers_of(scope),
                    *(deprecation.headers_of(scope) if "deprecated" in scope else ()),
                    *marks,
                )
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:
            # What has begun cannot be answered otherwise; the server closes the connection.
            if "status" in scope:
                raise
            await answer(scope, error)(scope, receive, send_named)
        finally:
            self._note(scope, scope.get("status", 0), time.perf_counter() - started, address)

    def _address(self, scope: Scope) -> str | None:
        peer: str | None = scope["client"][0] if scope.get("client") else None
        if peer is None or not self._proxies or not self._is_trusted(peer):
            return peer
        chain = [
            part.strip()
            for name, value in scope["headers"]
            if name == b"x-forwarded-for"
            for part in value.decode("latin-1").split(",")
        ]
        hop = next((hop for hop in reversed(chain) if not self._is_trusted(hop)), peer)
        return hop if _is_address(hop) else peer

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)

    def _note(self, scope: Scope, status: int, seconds: float, address: str | None) -> None:
        # The template of the path, not the path: bounded in metrics, and no ids in the log.
        route = scope.get("route")
        template = route.path if route is not None else UNROUTED
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        histogram = self._histograms.get((method, template, status))
        if histogram is None:
            histogram = REQUEST_SECONDS.labels(method, template, status)
            self._histograms[method, template, status] = histogram
        histogram.observe(seconds)
        told = list(deprecation.noted(scope))
        for what in told:
            DEPRECATED_REQUESTS.labels(method, template, what).inc()
        actor = current_actor.get()
        ms = round(seconds * 1000, 1)
        scope["state"]["process"].log_request(
            f"{method} {template} {status} {ms} ms",
            method=method,
            route=template,
            status=status,
            ms=ms,
            user=str(actor.user_uuid) if actor else None,
            address=address,
            **({"deprecated": told} if told else {}),
        )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
