"""The query string of a list, as the API document tells it; `core/lists.py` reads it."""

from collections.abc import Iterable
from typing import Any

from src.app.application.common.filters import (
    MAX_KEY_LENGTH,
    MAX_ORDER_KEYS,
    MAX_PATH_DEPTH,
    MAX_TERMS,
    NULLS,
    Family,
    Takes,
)
from src.app.application.common.lists import TAKES, VALUES, Allowed, FilterSet
from src.app.application.common.text import STORABLE
from src.app.interfaces.api.core.lists import COUNTS, LEAST, MAX_NUMBER

_SHARED = ("limit", "offset", "page", "per_page", "cursor", "count")
_BY_COMMAS = {"style": "form", "explode": False}


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


def shared_parameters(default: int, largest: int) -> list[dict[str, Any]]:
    """Document what every list takes; a page has `default` items if nobody says, and `largest` at most."""
    number = {name: {"type": "integer", "maximum": MAX_NUMBER, "minimum": least} for name, least in LEAST.items()}
    size = f"{default} if nobody says, and {largest} at most: above it the maximum is used."
    return [
        {**_parameter("limit", number["limit"], f"How many items; {size}"), "example": default},
        {**_parameter("offset", number["offset"], "How many items come before."), "example": 0},
        _parameter("page", number["page"], "The number of the page, in place of `offset`."),
        _parameter("per_page", number["per_page"], f"The same as `limit`, beside `page`; {size}"),
        _parameter("cursor", {"type": "string"}, "The `next_cursor` of the page before, in place of `offset`."),
        _parameter(
            "count",
            {"type": "string", "enum": list(COUNTS)},
            "Whether to count all items; `exact` if nobody says.",
        ),
    ]


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


# A path inside JSON: parts that are not empty, and have no double underscore in them.
_PATH = rf"(__[^_,\[\]\u0000]+(_[^_,\[\]\u0000]+)*){{1,{MAX_PATH_DEPTH}}}"


def _sort_schema(allowed: Iterable[Allowed]) -> dict[str, Any]:
    names = [
        f"{one.name}({_PATH})?" if one.family is Family.JSON else one.name for one in allowed if one.is_sortable
    ]
    pattern = f"^-?({'|'.join(names)})(__({'|'.join(NULLS)}))?$"
    key = {"type": "string", "pattern": pattern, "maxLength": MAX_KEY_LENGTH}
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


# How a value is written between commas; in text, quotes have a say too.
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
            patterns[f"^{one.name}{_PATH}$"] = {**_TEXT, "description": "A value inside the JSON, by its path."}
    schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "maxProperties": MAX_TERMS,
    }
    if patterns:
        schema |= {"patternProperties": patterns, "propertyNames": {"maxLength": MAX_KEY_LENGTH}}
    return schema


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
