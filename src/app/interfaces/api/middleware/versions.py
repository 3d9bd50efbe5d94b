"""Versions of the API: v1 answers plain bodies, v2 the same in an envelope.

The envelope is put around the bytes that the handler's answer already is, so that `data` is
exactly the body of v1 and nothing is serialised twice.
"""

import re
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.app.application.common.context import request_id
from src.app.interfaces.api.core.deprecation import meta_of, note
from src.app.interfaces.api.core.lists import pagination_of
from src.app.interfaces.api.errors import RequestError, to_json
from src.app.interfaces.api.versions import DEFAULT_VERSION, ENVELOPED, PREFIX, VERSIONS, version_of

_LOOKS_LIKE_A_VERSION = re.compile(r"v\d+")


class Versions:
    """Finds the version in the path, answers unknown ones, and puts v2 into its envelope.

    Unversioned paths below `/api/` are those of v1. A path without its last slash is the same
    path, so it is completed and not redirected: a redirect would lose the body of a POST.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        version = self._route(scope)
        if version not in VERSIONS:
            supported = ", ".join(VERSIONS)
            raise RequestError(
                404, "UNSUPPORTED_API_VERSION", f"There is no version {version[:20]}; supported are {supported}"
            )
        scope["api_version"] = version
        if deprecation := VERSIONS[version]:
            note(scope, {f"version {version}": deprecation})
        if version == ENVELOPED:
            await self._app(scope, receive, _Envelope(scope, send))
        else:
            await self._app(scope, receive, send)

    def _route(self, scope: Scope) -> str:
        path: str = scope["path"]
        version = version_of(path)
        if version is None:
            if path.startswith("/health/") and not path.endswith("/"):
                scope["path"] = f"{path}/"
            return DEFAULT_VERSION
        if not _LOOKS_LIKE_A_VERSION.fullmatch(version):
            path = f"{PREFIX}{DEFAULT_VERSION}/{path[len(PREFIX) :]}"
            version = DEFAULT_VERSION
        scope["path"] = path if path.endswith("/") else f"{path}/"
        return version


class _Envelope:
    """Holds a successful JSON answer back until it is whole, and sends it inside the envelope."""

    __slots__ = ("_body", "_scope", "_send", "_start")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._start: Message | None = None
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] < 300 and message["status"] != 204 and _is_json(message):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = self._enveloped(self._start["status"], b"".join(self._body))
            headers = [header for header in self._start["headers"] if header[0] != b"content-length"]
            self._start["headers"] = [*headers, (b"content-length", b"%d" % len(body))]
            await self._send(self._start)
            self._start = None
            message = {"type": "http.response.body", "body": body}
        await self._send(message)

    def _enveloped(self, status: int, data: bytes) -> bytes:
        told = getattr(self._scope.get("route"), "response_description", "Done")
        meta: dict[str, Any] = {
            "timestamp": datetime.now(UTC),
            "version": ENVELOPED,
            "request_id": request_id.get(),
        }
        if "page" in self._scope:
            meta |= pagination_of(self._scope)
        if "deprecated" in self._scope:
            meta["deprecation"] = meta_of(self._scope)
        return b'{"status_code":%d,"message":%b,"data":%b,"error":null,"meta":%b}' % (
            status,
            orjson.dumps(told),
            data or b"null",
            to_json(meta),
        )


def _is_json(start: Message) -> bool:
    for name, value in start["headers"]:
        if name == b"content-type":
            return bool(value.startswith(b"application/json"))
    return False
