"""What a client asks of a list, and what becomes of it.

A door writes down the client's words as a `ListRequest`. The `FilterSet` of the resource admits
it: what comes out is a `ListQuery` in the repository's words, or a ValidationError that names what
is allowed.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

from src.app.application.common.actor import Actor
from src.app.application.common.filters import (
    MAX_ORDER_KEYS,
    NULLS,
    Condition,
    Family,
    OrderKey,
    Q,
    Takes,
    unknown,
)
from src.app.application.common.text import parsed_uuid
from src.app.domain.common.exceptions import ValidationError

EXACT = ("e", "ne", "in", "not_in", "is_null")
RANGE = (*EXACT, "gt", "gte", "lt", "lte", "between")
DATES = (*RANGE, "year", "month", "day")
MOMENTS = (*DATES, "date")
TEXT = (
    *EXACT,
    "like",
    "not_like",
    "ilike",
    "not_ilike",
    "startswith",
    "istartswith",
    "endswith",
    "iendswith",
    "iexact",
)
JSON = (
    *RANGE,
    "like",
    "not_like",
    "ilike",
    "not_ilike",
    "has_key",
    "has_any_keys",
    "has_all_keys",
    "contains",
    "contained_by",
)
LISTS = ("e", "ne", "is_null", "contains", "contained_by", "overlap")

MAX_JSON_TEXT = 1000


@dataclass(frozen=True, slots=True)
class PageSizes:
    """How many rows a page has when nobody says, and at most."""

    default: int = 10
    largest: int = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """A client's words. The values of the conditions may be text, as in a URL, or of their type.

    With `page`, the number of a page from 1, the offset follows from it.
    """

    where: Q = field(default_factory=Q)
    sort: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0
    page: int | None = None
    cursor: str | None = None
    with_total: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """An admitted request, in the words of the repository; `fields` is None where all are shown."""

    where: Q
    order: tuple[str, ...]
    fields: tuple[str, ...] | None
    limit: int
    offset: int
    cursor: str | None
    with_total: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What clients may do with a field that they are shown; with `permission`, only who has it may."""

    lookups: tuple[str, ...] = ()
    is_sortable: bool = False
    permission: str | None = None
    column: str | None = None
    """Its name in the repository, where that is another."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One field as the documents show it."""

    name: str
    family: Family
    element: Family | None
    choices: tuple[str, ...]
    lookups: tuple[str, ...]
    is_sortable: bool


@dataclass(slots=True)
class Filterable:
    """A field that clients may ask about.

    `type` is the name of a `Family` in lower case, `items` that of the elements where it is a list.
    """

    name: str
    type: str
    items: str | None
    choices: list[str]
    lookups: list[str]
    is_sortable: bool


@dataclass(slots=True)
class Filters:
    """What may be asked of a list, and its order where none is asked for."""

    fields: list[Filterable]
    sort: list[str]


class FilterSet:
    """What a resource lets its clients filter, sort and see: fields × lookups × who may.

        USERS = FilterSet(UserDTO, {"email": Field(lookups=TEXT, is_sortable=True), …}, sort=("-created_at",))

    The types of the fields are those of the dataclass that clients are shown. What is not declared
    is neither asked for nor shown, and what a caller may not see does not exist for them.
    """

    def __init__(self, shown: type[Any], fields: Mapping[str, Field], *, sort: tuple[str, ...]) -> None:
        types = get_type_hints(shown)
        for name, declared in fields.items():
            if name not in types:
                raise TypeError(f"{shown.__name__} has no field {name!r}; there are {', '.join(types)}")
            if not isinstance(declared.lookups, tuple):
                raise TypeError(f"The lookups of {name} are a tuple, not text")
        for text in sort:
            # Refused where it is declared, and not at each request of somebody who never asked for it.
            OrderKey.parse(text, columns=[name for name, declared in fields.items() if declared.is_sortable])
        self.shown = shown
        self.sort = sort
        self._fields = dict(fields)
        self._lookups = frozenset(lookup for declared in fields.values() for lookup in declared.lookups)
        self._shown = len(types)
        self._kinds = {name: _Kind.of(types[name]) for name in fields}

    def query(self, request: ListRequest, *, actor: Actor, sizes: PageSizes) -> ListQuery:
        """Admit a request.

        Raises:
            ValidationError: it asks for what there is not, or is not for this caller.
        """
        visible = self._visible(actor)
        for name in request.fields:
            if name not in visible:
                raise unknown("field", name, visible)
        # In one order, whatever the client's, so that the same set is the same statement.
        fields = tuple(name for name in visible if name in request.fields or not request.fields)
        if len(request.sort) > MAX_ORDER_KEYS:
            raise ValidationError(f"An order has at most {MAX_ORDER_KEYS} keys", field="sort")
        limit = min(sizes.default if request.limit is None else request.limit, sizes.largest)
        return ListQuery(
            where=self._where(request.where, visible),
            order=tuple(self._order(key, visible) for key in request.sort or self.sort),
            fields=fields if len(fields) < self._shown else None,
            limit=limit,
            offset=request.offset if request.page is None else (request.page - 1) * limit,
            cursor=request.cursor,
            with_total=request.with_total,
        )

    def allowed(self, actor: Actor | None = None) -> Iterator[Allowed]:
        """Yield what there is to ask for: for this caller, or for anybody."""
        for name, declared in (self._visible(actor) if actor else self._fields).items():
            kind = self._kinds[name]
            yield Allowed(name, kind.family, kind.element, kind.choices, declared.lookups, declared.is_sortable)

    def described(self, actor: Actor) -> Filters:
        """Say what this caller may ask."""
        fields = [
            Filterable(
                name=one.name,
                type=one.family.name.lower(),
                items=one.element.name.lower() if one.element else None,
                choices=list(one.choices),
                lookups=list(one.lookups),
                is_sortable=one.is_sortable,
            )
            for one in self.allowed(actor)
        ]
        return Filters(fields, list(self.sort))

    def _visible(self, actor: Actor) -> dict[str, Field]:
        return {
            name: declared
            for name, declared in self._fields.items()
            if declared.permission is None or actor.may(declared.permission)
        }

    def _where(self, where: Q, visible: Mapping[str, Field]) -> Q:
        lookups = self._lookups | {f"jsonb_{lookup}" for lookup in self._lookups}
        filterable = [name for name, declared in visible.items() if declared.lookups]

        def admitted(key: str, value: Any) -> tuple[str, Any]:
            condition = Condition.parse(key, columns=filterable, lookups=lookups)
            name, declared = condition.column, visible[condition.column]
            kind = self._kinds[name]
            asked = condition.lookup
            if kind.family is Family.JSON:
                asked = asked.removeprefix("jsonb_")
            elif condition.path:
                asked = condition.path[-1]
            if asked not in declared.lookups:
                raise unknown(f"lookup on {name}", asked, declared.lookups)
            # With its lookup said, a key means the same to the repository whatever it is named.
            parts = (declared.column or name, *condition.path, asked)
            return "__".join(parts), kind.value_of(key, asked, value)

        return where.bounded().map(admitted)

    def _order(self, text: str, visible: Mapping[str, Field]) -> str:
        sortable = [name for name, declared in visible.items() if declared.is_sortable]
        key = OrderKey.parse(text, columns=sortable)
        if key.path and self._kinds[key.column].family is not Family.JSON:
            raise unknown(f"ending of {key.column}", key.path[-1], NULLS)
        return text.replace(key.column, visible[key.column].column or key.column, 1)


# Which lookups take something else than one value of the field's own type.
TAKES: Mapping[str, Takes] = {
    "in": Takes.MANY,
    "not_in": Takes.MANY,
    "has_any_keys": Takes.MANY,
    "has_all_keys": Takes.MANY,
    "between": Takes.TWO,
    "is_null": Takes.WHETHER,
}
VALUES: Mapping[str, Family] = {
    "is_null": Family.BOOLEAN,
    "date": Family.DATE,
    "year": Family.INTEGER,
    "month": Family.INTEGER,
    "day": Family.INTEGER,
    "search": Family.TEXT,
    "has_key": Family.TEXT,
    "has_any_keys": Family.TEXT,
    "has_all_keys": Family.TEXT,
    **{name: Family.TEXT for name in TEXT if name not in EXACT},
}

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,50}(\.[0-9]{1,50})?")
_UNENCODED = re.compile(r"(T.*) ([0-9]{2}:[0-9]{2})$")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Kind:
    """The type of a field, and how its values are read from text."""

    family: Family
    element: Family | None = None
    choices: tuple[str, ...] = ()

    @classmethod
    def of(cls, annotation: Any) -> "_Kind":
        options = [option for option in get_args(annotation) if option is not NoneType]
        if get_origin(annotation) not in {list, dict} and len(options) == 1:
            annotation = options[0]
        if get_origin(annotation) is list:
            return cls(Family.LIST, cls.of(get_args(annotation)[0]).family)
        bare = get_origin(annotation) or annotation
        if isinstance(bare, type) and issubclass(bare, Enum):
            return cls(Family.CHOICE, choices=tuple(str(member.value) for member in bare))
        if bare not in _FAMILIES:
            raise TypeError(f"{annotation!r} is no type of field that clients can ask by")
        return cls(_FAMILIES[bare])

    def value_of(self, key: str, lookup: str, value: Any) -> Any:
        """Return a value of the type that the lookup takes.

        Raises:
            ValidationError: the text is no such value.
        """
        takes = TAKES.get(lookup, Takes.ONE)
        family = VALUES.get(lookup, self.family)
        try:
            if family is Family.LIST:
                return [self._one(self.element or Family.TEXT, item) for item in _listed(value)]
            if takes in {Takes.MANY, Takes.TWO}:
                return [self._one(family, item) for item in _listed(value)]
            return self._one(family, value)
        except (ValueError, ArithmeticError, RecursionError, csv.Error):
            name = f"one of {', '.join(self.choices)}" if family is Family.CHOICE else family.value
            several = ", parted by commas" if takes in {Takes.MANY, Takes.TWO} or family is Family.LIST else ""
            raise ValidationError(f"{key} takes {name}{several}", field=key) from None

    def _one(self, family: Family, value: Any) -> Any:
        if family is Family.CHOICE and value not in self.choices:
            raise ValueError("not one of the choices")
        return _READ[family](value) if isinstance(value, str) and family in _READ else value


def _listed(value: Any) -> list[Any]:
    """Return the parts of `a,"b, c"`; what is a list already stays one."""
    if not isinstance(value, str):
        return list(value) if isinstance(value, (list, tuple)) else [value]
    if not value:
        return []
    [row] = csv.reader([value], strict=True, skipinitialspace=True)
    return row


def _matching(pattern: re.Pattern[str], read: Callable[[str], Any]) -> Callable[[str], Any]:
    def checked(text: str) -> Any:
        if not pattern.fullmatch(text):
            raise ValueError("not written like one")
        return read(text)

    return checked


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise ValueError("neither true nor false")
    return _BOOLEANS[text]


def _moment(text: str) -> datetime:
    if _DAY.fullmatch(text):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    # A plus that nobody encoded arrives as a space.
    moment = datetime.fromisoformat(_UNENCODED.sub(r"\1+\2", text))
    if moment.utcoffset() is None:
        raise ValueError("without its time zone")
    return moment


def _json(text: str) -> Any:
    """Return the JSON that the text is, or else the text: `5` is a number, `dark` is text, and so is `"5"`."""
    if len(text) > MAX_JSON_TEXT:
        raise ValueError("too long")
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


_FAMILIES: Mapping[Any, Family] = {
    str: Family.TEXT,
    int: Family.INTEGER,
    Decimal: Family.NUMBER,
    float: Family.FLOAT,
    bool: Family.BOOLEAN,
    UUID: Family.UUID,
    datetime: Family.MOMENT,
    date: Family.DATE,
    time: Family.TIME,
    dict: Family.JSON,
}

_READ: Mapping[Family, Callable[[str], Any]] = {
    Family.INTEGER: _matching(_INTEGER, int),
    Family.NUMBER: _matching(_NUMBER, Decimal),
    Family.FLOAT: _matching(_NUMBER, float),
    Family.BOOLEAN: _boolean,
    Family.UUID: parsed_uuid,
    Family.MOMENT: _moment,
    Family.DATE: _matching(_DAY, date.fromisoformat),
    Family.TIME: time.fromisoformat,
    Family.JSON: _json,
}
