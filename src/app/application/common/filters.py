"""The filter language: what a caller asks of a list, as values.

    {"age__gte": 18, "meta__preferences__theme__jsonb_like": "dark"}
    Q(city="Rome") | ~Q(is_active=True)

A key is `column[__json__path]__lookup`; without a lookup it means equality. This module only
takes keys apart; which columns there are and what a lookup does is the repository's matter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Self

from src.app.domain.common.exceptions import ValidationError

MAX_GROUP_DEPTH = 5
MAX_PATH_DEPTH = 8
PAGE_KEYS = frozenset({"limit", "offset"})

FilterData = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """A key of a filter: `column`, perhaps a JSON `path` inside it, the name of the lookup."""

    column: str
    path: tuple[str, ...]
    lookup: str


class Q:
    """Conditions joined by AND, OR and NOT: `Q(a=1) & (Q(b=2) | ~Q(c=3))`."""

    __slots__ = ("children", "connector", "negated")

    def __init__(self, *groups: "Q", **conditions: Any) -> None:
        self.connector = "AND"
        self.negated = False
        self.children: tuple[Q | tuple[str, Any], ...] = (*groups, *conditions.items())

    def __and__(self, other: "Q") -> "Q":
        return self._joined("AND", other)

    def __or__(self, other: "Q") -> "Q":
        return self._joined("OR", other)

    def __invert__(self) -> "Q":
        inverted = Q(self)
        inverted.negated = True
        return inverted

    def __bool__(self) -> bool:
        return bool(self.children)

    def _joined(self, connector: str, other: "Q") -> "Q":
        joined = Q(self, other)
        joined.connector = connector
        return joined


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of an order: `-created_at` is the column `created_at`, descending."""

    column: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(text.removeprefix("-"), text.startswith("-"))


def parse(key: str, *, columns: Iterable[str], lookups: Iterable[str]) -> Condition:
    """Take `meta__a__b__jsonb_like` apart.

    The last part is the lookup if it is the name of one; `meta__like` is therefore a lookup on
    `meta`, and the JSON key of that name is written `meta__like__e`.

    Raises:
        ValidationError: there is no such column, or the path is too deep.
    """
    column, *rest = key.split("__")
    known = tuple(columns)
    if column not in known:
        raise unknown("column", column, known)
    lookup = rest.pop() if rest and rest[-1] in frozenset(lookups) else "e"
    if len(rest) > MAX_PATH_DEPTH:
        raise ValidationError(f"A JSON path has at most {MAX_PATH_DEPTH} parts", field=key)
    return Condition(column, tuple(rest), lookup)


def unknown(kind: str, name: str, known: Iterable[str]) -> ValidationError:
    """Say that there is no `kind` of this name, and which one was probably meant."""
    allowed = sorted(known)
    near = get_close_matches(name, allowed, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(allowed)}"
    return ValidationError(f"Unknown {kind} {name[:100]!r}{hint}", field=name[:100])
