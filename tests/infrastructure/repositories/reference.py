"""What a filter and an order mean: PostgreSQL's answers, worked out a second time in plain Python.

A condition is True, False, or None where SQL cannot know. A row is a dict by column: None stands
for NULL, `NULL` for JSON's own null in place of a whole value, and a document is given as the text
that it was made from.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isnan
from typing import Any
from uuid import UUID

from src.app.application.common.filters import Family, Pattern, Q, Where
from src.app.infrastructure.extensions.psql_ext.json import NULL

Truth = bool | None
Row = Mapping[str, Any]
Rank = Callable[[Any], Any]
Meaning = Callable[[Any, Any], Truth]
"""What a lookup answers about a value that is not NULL, and what it was given."""


class Reference:
    """Answers for the rows of one table, whose columns are of these families.

    A choice is ordered by its place among `choices`.
    """

    def __init__(self, families: Mapping[str, Family], choices: Sequence[str] = ()) -> None:
        self._families = families
        self._ranks = {**RANKS, Family.CHOICE: choices.index}

    def answer(self, where: Where, row: Row) -> Truth:
        group = Q.of(where)
        answers = [
            self.answer(child, row) if isinstance(child, Q) else self._condition(*child, row)
            for child in group.children
        ]
        answer = either(answers) if group.connector == "OR" else both(answers)
        return negated(answer) if group.negated else answer

    def ordered(self, rows: Sequence[Row], order: Sequence[str]) -> list[Row]:
        """Return the rows in an order; those that it does not tell apart stay as they came."""
        found = list(rows)
        for key in reversed(order):
            column, *path = key.removeprefix("-").split("__")
            nulls = path.pop() if path and path[-1] in {"nulls_first", "nulls_last"} else "nulls_last"
            rank = self._ranks[self._families[column]]
            values = [(self._sorted_by(row, column, path), row) for row in found]
            valued = [(rank(value), row) for value, row in values if value is not None]
            valued.sort(key=lambda pair: pair[0], reverse=key.startswith("-"))
            without = [row for value, row in values if value is None]
            found = [row for _, row in valued]
            found = without + found if nulls == "nulls_first" else found + without
        return found

    def _condition(self, key: str, given: Any, row: Row) -> Truth:
        column, *path = key.split("__")
        name = path.pop() if path and path[-1] in NAMES else "e"
        value = led_to(row[column], path)
        if name == "is_null":
            return (value is None) is given
        if value is None:
            # NULL is surely not one of none.
            return False if name in {"in", "jsonb_in"} and not given else None
        return MEANINGS[self._families[column]][name](value, given)

    def _sorted_by(self, row: Row, column: str, path: Sequence[str]) -> Any:
        value = led_to(row[column], path)
        return None if value is NULL else value


def both(answers: Sequence[Truth]) -> Truth:
    return False if False in answers else None if None in answers else True


def either(answers: Sequence[Truth]) -> Truth:
    return True if True in answers else None if None in answers else False


def negated(answer: Truth) -> Truth:
    return None if answer is None else not answer


# Values of one type: a rank compares as PostgreSQL compares the value


def equated(rank: Rank) -> dict[str, Meaning]:
    return {
        "e": lambda value, given: rank(value) == rank(given),
        "ne": lambda value, given: rank(value) != rank(given),
        "in": lambda value, given: rank(value) in [rank(one) for one in given],
        "not_in": lambda value, given: rank(value) not in [rank(one) for one in given],
    }


def compared(rank: Rank) -> dict[str, Meaning]:
    return {
        **equated(rank),
        "gt": lambda value, given: rank(value) > rank(given),
        "gte": lambda value, given: rank(value) >= rank(given),
        "lt": lambda value, given: rank(value) < rank(given),
        "lte": lambda value, given: rank(value) <= rank(given),
        "between": lambda value, given: rank(given[0]) <= rank(value) <= rank(given[1]),
    }


def as_it_is(value: Any) -> Any:
    return value


def number_rank(value: int | float | Decimal) -> tuple[bool, Any]:
    # NaN is more than any number, and equal to itself.
    return (True, 0) if isnan(value) else (False, value)


def float_rank(value: int | float | Decimal) -> tuple[bool, Any]:
    return number_rank(float(value))


def uuid_rank(value: UUID | str) -> int:
    return UUID(str(value)).int


def moment_rank(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def date_rank(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def list_rank(value: Sequence[Any]) -> tuple[tuple[bool, Any], ...]:
    # NULL in a list is equal to NULL, and more than all else.
    return tuple((one is None, one) for one in value)


# Text


def lower(text: str) -> str:
    # One character for one, whatever stands around it (Unicode's simple mapping): "Σ" at the end
    # of a word is "σ", and "İ" loses its dot.
    return "".join("i" if character == "İ" else character.lower() for character in text)


def is_like(text: str, given: str) -> bool:
    if not isinstance(given, Pattern):
        return given in text
    # How much of the text may be taken by what was read of the pattern.
    taken = {0}
    for part in re.findall(r"\\.|.", given, re.DOTALL):
        if part == "%":
            taken = {end for start in taken for end in range(start, len(text) + 1)}
        else:
            taken = {start + 1 for start in taken if part == "_" or text[start : start + 1] == part[-1]}
    return len(text) in taken


def is_ilike(text: str, given: str) -> bool:
    return is_like(lower(text), type(given)(lower(given)))


TEXT: dict[str, Meaning] = {
    "like": is_like,
    "not_like": lambda text, given: not is_like(text, given),
    "ilike": is_ilike,
    "not_ilike": lambda text, given: not is_ilike(text, given),
    "startswith": lambda text, given: text.startswith(given),
    "istartswith": lambda text, given: lower(text).startswith(lower(given)),
    "endswith": lambda text, given: text.endswith(given),
    "iendswith": lambda text, given: lower(text).endswith(lower(given)),
    "iexact": lambda text, given: lower(text) == lower(given),
}


# Full text: words of letters alone, parted by spaces


def has_words(text: str, query: str) -> bool:
    """Tell whether a text has the words of a query as search engines take it: `amber or "old bone" -shell`."""
    words = lower(text).split()
    tokens = re.findall(r'-*"[^"]*"|\S+', lower(query))
    alternatives: list[list[bool]] = [[]]
    for place, token in enumerate(tokens, 1):
        if token == "or" and alternatives[-1] and place < len(tokens):
            alternatives.append([])
            continue
        phrase = token.lstrip("-")
        is_there = has_phrase(words, phrase.strip('"').split())
        is_refused = (len(token) - len(phrase)) % 2 == 1
        alternatives[-1].append(is_there is not is_refused)
    return any(alternative and all(alternative) for alternative in alternatives)


def has_phrase(words: list[str], phrase: list[str]) -> bool:
    return any(words[start : start + len(phrase)] == phrase for start in range(len(words)))


# Parts of a date, in UTC


def in_utc(value: date) -> date:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


DATE_PARTS: dict[str, Meaning] = {
    "year": lambda value, given: in_utc(value).year == given,
    "month": lambda value, given: in_utc(value).month == given,
    "day": lambda value, given: in_utc(value).day == given,
}


def is_on_day(value: datetime, given: date | str) -> bool:
    return in_utc(value).toordinal() == date_rank(given).toordinal()


# JSON


def led_to(value: Any, path: Sequence[str]) -> Any:
    """Return what a path leads to inside a value: None if nowhere, `NULL` if to a null."""
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and is_index(part) and -len(value) <= int(part) < len(value):
            value = value[int(part)]
        else:
            return None
        value = NULL if value is None else value
    return value


def is_index(part: str) -> bool:
    return re.fullmatch(r"\s*[+-]?[0-9]+", part, re.ASCII) is not None


def exact(number: int | float | Decimal) -> Decimal:
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)


def stored(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the pairs of an object as they are stored: short keys come first."""
    return sorted(value.items(), key=lambda pair: (len(pair[0].encode()), pair[0].encode()))


def is_container(node: Any) -> bool:
    return isinstance(node, (list, dict))


def kind(node: Any) -> int:
    """Return the place of a node's type among the types, as they are ordered."""
    match node:
        case str():
            return 1
        case bool():
            return 3
        case int() | float() | Decimal():
            return 2
        case list():
            return 4
        case dict():
            return 5
        case _:
            return 0


def json_rank(node: Any) -> tuple[Any, ...]:
    """Return what a node compares as: by its type, then its size, then what is in it."""
    match node:
        case bool() | str():
            return kind(node), node
        case int() | float() | Decimal():
            return kind(node), exact(node)
        case list():
            return kind(node), len(node), [json_rank(child) for child in node]
        case dict():
            return kind(node), len(node), [(key, json_rank(child)) for key, child in stored(node)]
        case _:
            return (kind(node),)


def json_order(node: Any) -> tuple[Any, ...]:
    # An empty list that is in nothing else comes first, by an old mistake of PostgreSQL's that
    # it keeps (manual, section 8.14.4).
    return (-1,) if node == [] else json_rank(node)


def json_text(node: Any) -> str:
    """Return the text of a node inside another as PostgreSQL writes it."""
    match node:
        case bool() | str():
            return json.dumps(node, ensure_ascii=False)
        case int() | float() | Decimal():
            # There is one zero, without a sign.
            return format(exact(node) or exact(node).copy_abs(), "f")
        case list():
            return f"[{', '.join(json_text(child) for child in node)}]"
        case dict():
            return f"{{{', '.join(f'{json_text(key)}: {json_text(child)}' for key, child in stored(node))}}}"
        case _:
            return "null"


def of_one_type(meaning: Meaning) -> Meaning:
    return lambda node, given: kind(node) == kind(given) and meaning(json_rank(node), json_rank(given))


def of_text(meaning: Meaning) -> Meaning:
    """Return what a lookup of text means for a node: a null has no text, and a text has no quotes."""

    def answer(node: Any, given: str) -> Truth:
        return None if node is NULL else meaning(node if isinstance(node, str) else json_text(node), given)

    return answer


def json_contains(node: Any, given: Any) -> bool:
    # A list contains a value that is not in a list itself; only on the outside.
    if isinstance(node, list) and not is_container(given):
        return is_within([given], node)
    return is_within(given, node)


def is_within(inner: Any, outer: Any) -> bool:
    if isinstance(inner, dict) and isinstance(outer, dict):
        return all(key in outer and is_within(child, outer[key]) for key, child in inner.items())
    if isinstance(inner, list) and isinstance(outer, list):
        return all(any(is_within(child, other) for other in outer) for child in inner)
    return not is_container(inner) and json_rank(inner) == json_rank(outer)


def has_key(node: Any, key: str) -> bool:
    return key in node if is_container(node) else bool(node == key)


at_least = of_one_type(lambda node, given: node >= given)
at_most = of_one_type(lambda node, given: node <= given)

JSON: dict[str, Meaning] = {
    **equated(json_rank),
    "gt": of_one_type(lambda node, given: node > given),
    "gte": at_least,
    "lt": of_one_type(lambda node, given: node < given),
    "lte": at_most,
    "between": lambda node, given: both([at_least(node, given[0]), at_most(node, given[1])]),
    **{name: of_text(meaning) for name, meaning in TEXT.items()},
}


# Every lookup, by the family of the column

MEANINGS: dict[Family, dict[str, Meaning]] = {
    Family.TEXT: {**compared(as_it_is), **TEXT, "search": has_words},
    Family.CHOICE: equated(as_it_is),
    Family.INTEGER: compared(as_it_is),
    Family.NUMBER: compared(number_rank),
    Family.FLOAT: compared(float_rank),
    Family.BOOLEAN: equated(as_it_is),
    Family.UUID: compared(uuid_rank),
    Family.MOMENT: {**compared(moment_rank), **DATE_PARTS, "date": is_on_day},
    Family.DATE: {**compared(date_rank), **DATE_PARTS},
    Family.TIME: compared(as_it_is),
    Family.DURATION: compared(as_it_is),
    Family.BYTES: equated(as_it_is),
    Family.JSON: {
        **JSON,
        **{f"jsonb_{name}": meaning for name, meaning in JSON.items()},
        "has_key": has_key,
        "has_any_keys": lambda node, keys: any(has_key(node, key) for key in keys),
        "has_all_keys": lambda node, keys: all(has_key(node, key) for key in keys),
        "contains": json_contains,
        "contained_by": lambda node, given: json_contains(given, node),
    },
    Family.LIST: {
        "e": lambda value, given: list_rank(value) == list_rank(given),
        "ne": lambda value, given: list_rank(value) != list_rank(given),
        # NULL in a list is in no other.
        "contains": lambda value, given: set(given) <= set(value),
        "contained_by": lambda value, given: set(value) <= set(given),
        "overlap": lambda value, given: not set(value).isdisjoint(given),
    },
    Family.DOCUMENT: {"search": has_words},
    Family.OTHER: {},
}
RANKS: dict[Family, Rank] = {
    Family.TEXT: as_it_is,
    Family.INTEGER: as_it_is,
    Family.NUMBER: number_rank,
    Family.FLOAT: float_rank,
    Family.BOOLEAN: as_it_is,
    Family.UUID: uuid_rank,
    Family.MOMENT: as_it_is,
    Family.DATE: as_it_is,
    Family.TIME: as_it_is,
    Family.DURATION: as_it_is,
    Family.BYTES: as_it_is,
    Family.JSON: json_order,
    Family.LIST: list_rank,
}
NAMES = {"is_null"}.union(*MEANINGS.values())
"""The names of lookups, which end a key; what ends it otherwise is a place inside JSON."""
