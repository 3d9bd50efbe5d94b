"""Tells clients that what they use is to go: RFC 9745, RFC 8594, and v2's `meta.deprecation`."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any

from starlette.types import Scope

from src.app.application.common.deprecation import Deprecation


def note(scope: Scope, deprecations: Mapping[str, Deprecation]) -> None:
    """Have the answer tell of these; each is named by what it is, `operation` say, or `field city`."""
    scope["deprecated"] = {**noted(scope), **deprecations}


def noted(scope: Scope) -> dict[str, Deprecation]:
    """Return what the request used that is to go."""
    deprecations: dict[str, Deprecation] = scope.get("deprecated", {})
    return deprecations


def headers_of(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return what the answer says of it: the first that began, and the first that ends."""
    told = noted(scope).values()
    if not told:
        return []
    since = _midnight(min(each.since for each in told))
    headers = [(b"deprecation", b"@%d" % since.timestamp())]
    if sunset := _sunset(noted(scope)):
        headers.append((b"sunset", format_datetime(_midnight(sunset), usegmt=True).encode()))
    links = dict.fromkeys(each.link for each in told if each.link)
    return [*headers, *((b"link", f'<{link}>; rel="deprecation"; type="text/html"'.encode()) for link in links)]


def meta_of(scope: Scope) -> dict[str, Any]:
    """Return the same for the envelope."""
    told = noted(scope)
    version = scope.get("api_version")
    return {
        "message": ". ".join(f"{what[0].upper()}{what[1:]} is deprecated" for what in told),
        "version": version if f"version {version}" in told else None,
        "since": min(each.since for each in told.values()),
        "sunset_date": _sunset(told),
        "migration_guide": next((each.link for each in told.values() if each.link), None),
    }


def _sunset(told: Mapping[str, Deprecation]) -> date | None:
    return min((each.sunset for each in told.values() if each.sunset), default=None)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
