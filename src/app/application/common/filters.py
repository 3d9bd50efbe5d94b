"""The filter language: what a caller asks of a list, as values.

    {"age__gte": 18, "meta__preferences__theme__jsonb_like": "dark"}
    Q(city="Rome") | ~Q(is_active=True)
    ("-created_at", "meta__score__nulls_first")

A key is `column[__json__path]__lookup`; without a lookup it means equality. This module only
takes keys apart; what a lookup does is the repository's matter.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Self

from src.app.application.common.text import is_storable, storable
from src.app.domain.common.exceptions import ValidationError

MAX_GROUP_DEPTH = 5
MAX_TERMS = 50
MAX_PATH_DEPTH = 8
MAX_KEY_LENGTH = 500
MAX_ORDER_KEYS = 8
PAGE_KEYS = frozenset({"limit", "offset"})
NULLS = ("nulls_first", "nulls_last")

FilterData = Mapping[str, Any]

_SHOWN = 100


class Family(StrEnum):
    """Types that are compared alike; the value is what a message to the caller names."""

    TEXT = "text"
    CHOICE = "one of its choices"
    INTEGER = "a whole number"
    NUMBER = "a whole or decimal number"
    FLOAT = "a number"
    BOOLEAN = "true or false"
    UUID = "a UUID"
    MOMENT = "a date and time with its time zone"
    DATE = "a date"
    TIME = "a time of day"
    DURATION = "a duration"
    BYTES = "bytes"
    JSON = "JSON"
    LIST = "a list"
    DOCUMENT = "words to search for"
    OTHER = "nothing that can be compared"


class Takes(StrEnum):
    """What a lookup is given: one value, a list of them, two bounds, or whether."""

    ONE = "one"
    MANY = "many"
    TWO = "two"
    WHETHER = "whether"


class Pattern(str):
    r"""A LIKE pattern, where plain text would be taken literally: `Pattern("a%")`, `Pattern("a_\%")`.

    It is for code of our own: what comes from clients is never made one.

    Raises:
        ValidationError: it ends in a backslash that escapes nothing.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        if (len(text) - len(text.rstrip("\\"))) % 2:
            raise ValidationError("A pattern does not end in a backslash that escapes nothing")


class Q:
    """Conditions joined by AND, OR and NOT: `Q(a=1) & (Q(b=2) | ~Q(c=3))`.

    An empty one stands for no condition, and is left out wherever it is joined.
    """

    __slots__ = ("children", "connector", "negated")

    def __init__(self, /, *groups: "Q", **conditions: Any) -> None:
        self.connector = "AND"
        self.negated = False
        _refuse_others(*groups)
        self.children: tuple[Q | tuple[str, Any], ...] = (*filter(None, groups), *conditions.items())

    @classmethod
    def of(cls, filter_data: "FilterData | Q | None") -> "Q":
        """Return the conditions of a filter in either form, without what is about the page.

        Raises:
            ValidationError: it is in neither form.
        """
        if isinstance(filter_data, Q):
            return filter_data
        group = cls()
        if filter_data is None:
            return group
        if not isinstance(filter_data, Mapping):
            raise ValidationError("A filter is a mapping of keys to values, or a Q")
        group.children = tuple(item for item in filter_data.items() if item[0] not in PAGE_KEYS)
        return group

    def __and__(self, other: "Q") -> "Q":
        return self._joined("AND", other)

    def __or__(self, other: "Q") -> "Q":
        return self._joined("OR", other)

    def __invert__(self) -> "Q":
        inverted = Q()
        inverted.children, inverted.connector = self.children, self.connector
        inverted.negated = not self.negated
        return inverted

    def __bool__(self) -> bool:
        return bool(self.children) or self.negated

    def __repr__(self) -> str:
        children = (repr(child) if isinstance(child, Q) else f"{child[0]}={child[1]!r}" for child in self.children)
        return f"{'~' if self.negated else ''}Q({f' {self.connector} '.join(children)})"

    def bounded(self) -> Self:
        """Return it, if it is no more than can be asked at once; what walks it needs no bounds then.

        Raises:
            ValidationError: its groups nest too deep, or there are too many conditions.
        """
        groups: list[Q] = [self]
        terms = 0
        for _ in range(MAX_GROUP_DEPTH + 1):
            children = [child for group in groups for child in group.children]
            terms += len(children)
            if terms > MAX_TERMS:
                raise ValidationError(f"A filter has at most {MAX_TERMS} conditions")
            groups = [child for child in children if isinstance(child, Q)]
            if not groups:
                return self
        raise ValidationError(f"Groups of conditions nest at most {MAX_GROUP_DEPTH} deep")

    def has_conditions(self) -> bool:
        """Tell whether there is any: NOT of nothing is none, though it is not empty."""
        return any(not isinstance(child, Q) or child.has_conditions() for child in self.children)

    def map(self, change: Callable[[str, Any], tuple[str, Any]]) -> "Q":
        """Return the same tree with every condition changed."""
        mapped = Q()
        mapped.connector, mapped.negated = self.connector, self.negated
        mapped.children = tuple(
            child.map(change) if isinstance(child, Q) else change(*child) for child in self.children
        )
        return mapped

    def _joined(self, connector: str, other: "Q") -> "Q":
        _refuse_others(other)
        if not self or not other:
            return self or other
        joined = Q()
        joined.connector = connector
        # `a & b & c` is one group of three: a chain of any length is no deeper than its parts.
        joined.children = (*_members(self, connector), *_members(other, connector))
        return joined


Where = FilterData | Q | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A key of a filter: `column`, perhaps a JSON `path` inside it, the name of the lookup."""

    column: str
    path: tuple[str, ...]
    lookup: str

    @classmethod
    def parse(cls, key: str, *, columns: Collection[str], lookups: Collection[str]) -> Self:
        """Take `meta__a__b__jsonb_like` apart.

        The last part is the lookup if it is the name of one; `meta__like` is therefore a lookup on
        `meta`, and the JSON key of that name is written `meta__like__e`.

        Raises:
            ValidationError: there is no such column, or the path cannot be one.
        """
        column, rest = _apart(key, columns)
        lookup = rest.pop() if rest and rest[-1] in lookups else "e"
        return cls(column, _path(key, rest), lookup)


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of an order: `-created_at` is the column `created_at`, descending.

    Where there is no value stands last, whatever the direction; `__nulls_first` puts it first.
    """

    column: str
    path: tuple[str, ...]
    descending: bool
    nulls_first: bool

    @classmethod
    def parse(cls, text: str, *, columns: Collection[str]) -> Self:
        """Take `-meta__score__nulls_first` apart.

        Raises:
            ValidationError: there is no such column, or the path cannot be one.
        """
        is_text = isinstance(text, str)
        column, rest = _apart(text.removeprefix("-") if is_text else text, columns)
        nulls = rest.pop() if rest and rest[-1] in NULLS else ""
        return cls(column, _path(text, rest), text.startswith("-"), nulls == "nulls_first")


def unknown(kind: str, name: object, known: Iterable[str]) -> ValidationError:
    """Say that there is no `kind` of this name, which one was probably meant, and which there are."""
    allowed, shown = sorted(known), storable(name[:_SHOWN]) if isinstance(name, str) else type(name).__name__
    near = get_close_matches(shown, allowed, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return ValidationError(
        f"Unknown {kind} {shown!r}{hint} There are: {', '.join(allowed) or 'none'}", field=shown
    )


def _refuse_others(*groups: object) -> None:
    if not all(isinstance(group, Q) for group in groups):
        raise ValidationError("A Q joins other Qs, and conditions by their names; Q.of makes one of a mapping")


def _members(group: Q, connector: str) -> tuple[Q | tuple[str, Any], ...]:
    is_same = group.connector == connector or len(group.children) == 1
    return group.children if is_same and not group.negated else (group,)


def _apart(key: object, columns: Collection[str]) -> tuple[str, list[str]]:
    if not isinstance(key, str) or len(key) > MAX_KEY_LENGTH or not is_storable(key):
        raise ValidationError(f"A key is text of at most {MAX_KEY_LENGTH} characters that can be stored")
    column, *rest = key.split("__")
    if column not in columns:
        raise unknown("column", column, columns)
    return column, rest


def _path(key: str, parts: list[str]) -> tuple[str, ...]:
    if len(parts) > MAX_PATH_DEPTH:
        raise ValidationError(f"A JSON path has at most {MAX_PATH_DEPTH} parts", field=key[:_SHOWN])
    if not all(parts):
        raise ValidationError("A JSON path has no empty parts", field=key[:_SHOWN])
    return tuple(parts)
