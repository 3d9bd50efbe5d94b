"""Lists over HTTP: from the query string to a `ListRequest`, and from a page to its body and links."""

import re
from collections.abc import Callable
from functools import cache, wraps
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import parse_qsl, unquote_plus

import orjson
from fastapi import Depends, Request
from pydantic import TypeAdapter
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from src.app.application.common.filters import Q, unknown
from src.app.application.common.lists import ListRequest
from src.app.application.common.page import Page
from src.app.domain.common.exceptions import ValidationError

COUNTS = {"exact": True, "none": False}
LEAST = {"limit": 0, "offset": 0, "page": 1, "per_page": 1}
MAX_NUMBER = 999_999_999_999

_FILTER = re.compile(r"filter\[([^\[\]]+)\]")
_NUMBER = re.compile(r"[0-9]{1,12}")
_PARAMETERS = ("count", "cursor", "fields", "filter[…]", "limit", "offset", "page", "per_page", "sort")
_PLACES = frozenset({"offset", "page", "cursor"})


async def list_request(request: Request) -> ListRequest:
    """Read the query string of a list.

    Raises:
        ValidationError: a parameter is unknown, given twice, or no such value.
    """
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    conditions: dict[str, str] = {}
    given: dict[str, str] = {}
    for name, value in query:
        found = _FILTER.fullmatch(name)
        known, key = (conditions, found[1]) if found else (given, name)
        if not found and name not in _PARAMETERS:
            raise unknown("parameter", name, _PARAMETERS)
        if key in known:
            raise ValidationError(f"{name[:100]} is given twice", field=name[:100])
        known[key] = value
    if "count" in given and given["count"] not in COUNTS:
        raise unknown("count", given["count"], COUNTS)
    place = _place(given)
    return ListRequest(
        where=Q(**conditions),
        sort=_names(given, "sort"),
        fields=_names(given, "fields"),
        limit=place.get("per_page", place.get("limit")),
        offset=place.get("offset", 0),
        page=place.get("page", 1 if "per_page" in place else None),
        cursor=given.get("cursor"),
        with_total=COUNTS[given.get("count", "exact")],
    )


Wanted = Annotated[ListRequest, Depends(list_request)]


class PageResponse(Response):
    """A page as JSON; what there is no value of, a total or an offset, is left out."""

    media_type = "application/json"

    def __init__(self, page: Page[Any], shown: Any) -> None:
        self._page = page
        # With fewer fields the items are of another type, which nobody declared.
        is_whole = not page.items or isinstance(page.items[0], shown)
        items = _adapter(shown if is_whole else Any).dump_json(page.items)
        numbers = {"total": page.total, "limit": page.limit, "offset": page.offset, "has_more": page.has_more}
        rest = {name: value for name, value in numbers.items() if value is not None}
        super().__init__(b'{"items":%b,%b' % (items, orjson.dumps(rest | {"next_cursor": page.next_cursor})[1:]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["page"] = self._page
        await super().__call__(scope, receive, send)


def answering_pages(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return the endpoint, made to answer a `PageResponse` where it is declared to return a `Page`."""
    declared = endpoint.__annotations__.get("return")
    if get_origin(declared) is not Page:
        return endpoint
    [shown] = get_args(declared)

    @wraps(endpoint)
    async def answering(*args: Any, **kwargs: Any) -> Response:
        return PageResponse(await endpoint(*args, **kwargs), shown)

    return answering


def pagination_of(scope: Scope) -> dict[str, Any]:
    """Return what the envelope says of the page in the scope: where it stands, and its neighbours."""
    page: Page[Any] = scope["page"]
    link = _Links(scope)
    per_page = max(page.limit, 1)
    if page.offset is None:
        following = link.to(cursor=page.next_cursor) if page.next_cursor else None
        return {
            "pagination": {"per_page": per_page},
            "links": {"first": link.to(), "prev": None, "next": following, "last": None},
        }
    pages = None if page.total is None else -(-page.total // per_page)
    return {
        "pagination": {
            "current_page": page.offset // per_page + 1,
            "per_page": per_page,
            "total_pages": pages,
            "total_items": page.total,
        },
        "links": {
            "first": link.to(offset=0),
            "prev": link.to(offset=max(0, page.offset - per_page)) if page.offset else None,
            "next": link.to(offset=page.offset + per_page) if page.has_more else None,
            "last": None if pages is None else link.to(offset=max(0, pages - 1) * per_page),
        },
    }


def _place(given: dict[str, str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for name, least in LEAST.items():
        if name not in given:
            continue
        if not _NUMBER.fullmatch(given[name]) or int(given[name]) < least:
            raise ValidationError(f"{name} is a whole number from {least}", field=name)
        numbers[name] = int(given[name])
    by_page = numbers.keys() & {"page", "per_page"}
    if by_page and given.keys() & {"limit", "offset", "cursor"}:
        raise ValidationError(
            "A page is told by page and per_page, by limit and offset, or by a cursor and limit", field="page"
        )
    return numbers


def _names(given: dict[str, str], name: str) -> tuple[str, ...]:
    if name not in given:
        return ()
    return tuple(part.strip() for part in given[name].split(","))


@cache
def _adapter(shown: Any) -> TypeAdapter[Any]:
    return TypeAdapter(list[shown])


class _Links:
    def __init__(self, scope: Scope) -> None:
        self._path = scope["path"]
        # What is kept is kept as it came: to take it apart and write it anew costs more than the rest.
        pairs = [pair.partition("=") for pair in scope["query_string"].decode("latin-1").split("&") if pair]
        named = [(unquote_plus(name), f"{name}{sign}{value}", value) for name, sign, value in pairs]
        kept = [pair for name, pair, _ in named if name not in _PLACES and name != "per_page"]
        self._kept = [*kept, *(f"limit={size}" for name, _, size in named if name == "per_page")]

    def to(self, **place: Any) -> str:
        query = "&".join([*self._kept, *(f"{name}={value}" for name, value in place.items())])
        return f"{self._path}?{query}" if query else str(self._path)
