"""`ETag`, `If-None-Match` and `If-Match` (RFC 9110, sections 8.8 and 13.1) for resources that have a version."""

import re
from collections.abc import Callable, Coroutine
from dataclasses import fields, is_dataclass
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Request, Response

from src.app.application.common.context import current_actor
from src.app.application.common.text import parsed_uuid
from src.app.domain.common.exceptions import StaleVersionError, ValidationError
from src.app.interfaces.api.core.headers import header_of

_ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_TAG = re.compile(r'"([0-9a-f]{32})-([0-9]{1,18})"')

_PRIVATE = ((b"cache-control", b"private, no-cache"), (b"vary", b"Authorization"))

_Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def has_version(model: Any) -> bool:
    """Tell whether what a route answers is one resource with a uuid and a version, its entity tag."""
    return is_dataclass(model) and {"uuid", "version"} <= {field.name for field in fields(model)}


def tagged(handle: _Handle) -> _Handle:
    """Return a handler whose answers carry the version of the resource as their entity tag."""

    async def handle_tagged(request: Request) -> Response:
        answer = await handle(request)
        if answer.status_code >= 300 or not answer.body:
            return answer
        resource = orjson.loads(answer.body)
        return with_tag(request, answer, UUID(resource["uuid"]), resource["version"])

    return handle_tagged


def with_tag(request: Request, answer: Response, uuid: UUID, version: int) -> Response:
    """Return the answer with its tag, or 304 where the client has this version already."""
    # `/users/me/` is another resource for another caller, so the tag names it, and caches are told.
    tag = f'"{uuid.hex}-{version}"'
    known = header_of(request.scope, b"if-none-match")
    if known and request.method == "GET" and _names(known, tag):
        answer = Response(status_code=304)
    answer.raw_headers += [(b"etag", tag.encode()), *_PRIVATE]
    return answer


async def expected_version(request: Request) -> int | None:
    """Return the version that `If-Match` asks for; None where any will do.

    Raises:
        StaleVersionError: no version of this resource can have the tags that it names.
        ValidationError: it names no tags, or several versions.
    """
    given = request.headers.get("if-match", "*").strip()
    if given == "*":
        return None
    tags = [tag.strip() for tag in given.split(",")]
    if not all(map(_ENTITY_TAG.fullmatch, tags)):
        raise ValidationError("If-Match takes the ETag of the resource, in its quotes, or *", field="If-Match")
    # The comparison is the strong one: a weak tag matches nothing (RFC 9110, section 13.1.1).
    own = _uuid_of(request)
    versions = {int(found[2]) for tag in tags if (found := _TAG.fullmatch(tag)) and UUID(found[1]) == own}
    if not versions:
        raise StaleVersionError
    if len(versions) > 1:
        raise ValidationError("If-Match takes one version of the resource", field="If-Match")
    return versions.pop()


ExpectedVersion = Annotated[int | None, Depends(expected_version)]


def _uuid_of(request: Request) -> UUID | None:
    """Return which resource the path is of; the caller's own where it names none."""
    named = request.path_params.get("uuid")
    if named is not None:
        try:
            return parsed_uuid(named)
        except ValueError:
            raise ValidationError("This is no UUID", field="uuid") from None
    actor = current_actor.get()
    return actor.user_uuid if actor else None


def _names(header: str, tag: str) -> bool:
    # The comparison is the weak one: a cache on the way may have marked the tag as such.
    return any(part.strip().removeprefix("W/") in {tag, "*"} for part in header.split(","))
