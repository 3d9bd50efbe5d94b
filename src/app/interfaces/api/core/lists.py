"""Lists over HTTP: from the query string to a `ListRequest`, and from a page to its body and links."""

import re
from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import unquote_plus

import orjson
from fastapi import Depends, Request
from pydantic import TypeAdapter
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from src.app.application.common.filters import (
    MAX_ORDER_KEYS,
    MAX_PATH_DEPTH,
    MAX_TERMS,
    NULLS,
    Family,
    Q,
    Takes,
    unknown,
)
from src.app.application.common.lists import TAKES, VALUES, Allowed, FilterSet, ListRequest
from src.app.application.common.page import Page
from src.app.application.common.text import STORABLE
from src.app.domain.common.exceptions import ValidationError

_FILTER = re.compile(r"filter\[([^\[\]]+)\]")
MAX_NUMBER = 999_999_999_999
_NUMBER = re.compile(r"[0-9]{1,12}")
_PARAMETERS = ("count", "cursor", "fields", "filter[…]", "limit", "offset", "page", "per_page", "sort")
_COUNTS = {"exact": True, "none": False}


async def list_request(request: Request) -> ListRequest:
    """Read the query string of a list.

    Raises:
        ValidationError: a parameter is unknown, given twice, or no such value.
    """
    query = request.query_params
    conditions: dict[str, str] = {}
    given: dict[str, str] = {}
    for name, value in query.multi_items():
        found = _FILTER.fullmatch(name)
        known, key = (conditions, found[1]) if found else (given, name)
        if not found and name not in _PARAMETERS:
            raise unknown("parameter", name, _PARAMETERS)
        if key in known:
            raise ValidationError(f"{name[:100]} is given twice", field=name[:100])
        known[key] = value
    if "count" in given and given["count"] not in _COUNTS:
        raise unknown("count", given["count"], _COUNTS)
    place = _place(given)
    return ListRequest(
        where=Q(**conditions),
        sort=_names(given, "sort"),
        fields=_names(given, "fields"),
        limit=place.get("per_page", place.get("limit")),
        offset=place.get("offset", 0),
        page=place.get("page", 1 if "per_page" in place else None),
        cursor=given.get("cursor"),
        with_total=_COUNTS[given.get("count", "exact")],
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


def parameters_of(filters: FilterSet) -> dict[str, Any]:
    """Document the query string of a list: what a route hands to FastAPI as `openapi_extra`."""
    allowed = list(filters.allowed())
    names = [one.name for one in allowed]
    return {
        "parameters": [
            *({"$ref": f"#/components/parameters/{name}"} for name in _SHARED),
            {
                **_parameter("sort", _sort_schema(allowed), "In which order; `-` before a name turns it around."),
                **_BY_COMMAS,
                "example": list(filters.sort),
            },
            {
                **_parameter("fields", _fields_schema(names), "Which fields to answer; without it, all."),
                **_BY_COMMAS,
                "example": names[:2],
            },
            {
                **_parameter(
                    "filter", _filter_schema(allowed), "`filter[email__ilike]=ada`: conditions, all to hold."
                ),
                "style": "deepObject",
                "explode": True,
            },
        ]
    }


_SHARED = ("limit", "offset", "page", "per_page", "cursor", "count")
_BY_COMMAS = {"style": "form", "explode": False}


def shared_parameters(default: int, largest: int) -> list[dict[str, Any]]:
    """Document what every list takes; pages are of these sizes."""
    number = {"type": "integer", "maximum": MAX_NUMBER}
    size = f"{default} if nobody says, and {largest} at most: above it the maximum is used."
    return [
        {**_parameter("limit", {**number, "minimum": 0}, f"How many items; {size}"), "example": default},
        {**_parameter("offset", {**number, "minimum": 0}, "How many items come before."), "example": 0},
        _parameter("page", {**number, "minimum": 1}, "The number of the page, in place of `offset`."),
        _parameter("per_page", {**number, "minimum": 1}, f"The same as `limit`, beside `page`; {size}"),
        _parameter("cursor", {"type": "string"}, "The `next_cursor` of the page before, in place of `offset`."),
        _parameter(
            "count",
            {"type": "string", "enum": list(_COUNTS)},
            "Whether to count all items; `exact` if nobody says.",
        ),
    ]


_LEAST = {"limit": 0, "offset": 0, "page": 1, "per_page": 1}


def _place(given: dict[str, str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for name, least in _LEAST.items():
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


_PLACES = frozenset({"offset", "page", "cursor"})


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


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _sort_schema(allowed: Iterable[Allowed]) -> dict[str, Any]:
    names = [
        rf"{one.name}(__[^,]+)?" if one.family is Family.JSON else one.name for one in allowed if one.is_sortable
    ]
    key = {"type": "string", "pattern": f"^-?({'|'.join(names)})(__({'|'.join(NULLS)}))?$"}
    return {"type": "array", "items": key, "minItems": 1, "maxItems": MAX_ORDER_KEYS}


def _fields_schema(names: list[str]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "enum": names}, "minItems": 1}


# Text that can be stored has no NUL.
_TEXT = {"type": "string", "pattern": STORABLE}
_SCHEMAS: dict[Family, dict[str, Any]] = {
    Family.TEXT: _TEXT,
    Family.CHOICE: {"type": "string"},
    Family.INTEGER: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    Family.NUMBER: {"type": "string", "format": "decimal"},
    Family.FLOAT: {"type": "number"},
    Family.BOOLEAN: {"type": "boolean"},
    Family.UUID: {"type": "string", "format": "uuid"},
    Family.MOMENT: {"type": "string", "format": "date-time"},
    Family.DATE: {"type": "string", "format": "date"},
    Family.TIME: {"type": "string", "format": "time"},
    Family.JSON: _TEXT,
}


# A part of a JSON path, and how a value is written between commas; in text, quotes have a say too.
_PART = r"[^_\[\]\u0000]+(_[^_\[\]\u0000]+)*"
_DATE = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_ITEMS: dict[Family, str] = {
    Family.INTEGER: "[+-]?[0-9]{1,20}",
    Family.NUMBER: r"[+-]?[0-9]{1,50}(\.[0-9]{1,50})?",
    Family.FLOAT: r"[+-]?[0-9]{1,50}(\.[0-9]{1,50})?",
    Family.BOOLEAN: "(true|false)",
    Family.UUID: "[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}",
    Family.MOMENT: f"{_DATE}(T{_TIME}(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?",
    Family.DATE: _DATE,
    Family.TIME: _TIME,
}


def _filter_schema(allowed: Iterable[Allowed]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    patterns: dict[str, Any] = {}
    for one in allowed:
        for lookup in one.lookups:
            key = one.name if lookup == "e" else f"{one.name}__{lookup}"
            properties[key] = _value_schema(one, lookup)
        if one.family is Family.JSON:
            patterns[f"^{one.name}(__{_PART}){{1,{MAX_PATH_DEPTH}}}$"] = {
                **_TEXT,
                "description": "A value inside the JSON, by its path.",
            }
    schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "maxProperties": MAX_TERMS,
    }
    return schema | ({"patternProperties": patterns} if patterns else {})


def _value_schema(one: Allowed, lookup: str) -> dict[str, Any]:
    family, takes = VALUES.get(lookup, one.family), TAKES.get(lookup, Takes.ONE)
    is_list = family is Family.LIST
    family = one.element or Family.TEXT if is_list else family
    if lookup in {"year", "month", "day"}:
        return {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
    if not is_list and takes not in {Takes.MANY, Takes.TWO}:
        return _SCHEMAS[family] | ({"enum": list(one.choices)} if family is Family.CHOICE else {})
    item, several = _ITEMS.get(family), "" if takes is Takes.TWO else "; one with a comma in it stands in quotes"
    pattern = STORABLE if item is None else f"^{item},{item}$" if takes is Takes.TWO else f"^({item}(,{item})*)?$"
    told = "The least and the most" if takes is Takes.TWO else "Values"
    return {
        "type": "string",
        "pattern": pattern,
        "description": f"{told}, parted by commas: {family.value}{several}.",
    }
