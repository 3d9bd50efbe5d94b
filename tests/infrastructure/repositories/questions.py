"""Rows of the specimens, and what can be asked about them: filters by every lookup, and orders.

What a filter compares with is mostly taken from the rows, so that something is found.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import reduce
from math import isfinite
from operator import and_, or_
from typing import Any, Self, TypeAlias

from hypothesis import strategies as st

from src.app.application.common.filters import (
    MAX_GROUP_DEPTH,
    MAX_PATH_DEPTH,
    MAX_TERMS,
    Family,
    Pattern,
    Q,
    Where,
)
from src.app.infrastructure.extensions.psql_ext.json import NULL
from tests.infrastructure.repositories.reference import (
    MEANINGS,
    NAMES,
    Row,
    in_utc,
    is_container,
    json_text,
    led_to,
)

Values: TypeAlias = st.SearchStrategy[Any]
Draw: TypeAlias = Callable[[Values], Any]
Condition: TypeAlias = tuple[str, Any]
Change: TypeAlias = Callable[[str], str]

KINDS = ("bone", "shell", "leaf")

# How much is asked at once, and about how much.
MAX_ROWS = 8
MAX_TEXT = 12
MAX_LOOKUPS = 60
LOOKUPS_OF_MANY = 16
JOINED = 8
WALKS = 8

# Letters of one case, of two and of three, and one with a dot to lose; and what patterns, JSON
# and lists write in a way of their own.
LETTERS = "aAéÉßẞİıIiΣσςǄǅǆ"
SIGNS = "a%_\\'\",{} \n\x7f😀"
WORDS = ("amber", "Amber", "bone", "été", "ÉTÉ", "ΟΔΟΣ", "οδος", "or", "OR")
KEYS = ("a", "b", "aa", "é", "Z", "", "0", "-1", "like", "e", " a", '"')
PLACES = ("a", "0", "-1", "1", "+1", "-2", "00", " 0", "1x", "x", "like", "99999999999")
ZONES = tuple(timezone(timedelta(minutes=minutes)) for minutes in (0, 90, -720, 840))

STARTS: list[Change] = [str, lambda text: text[:-1], lambda text: text[:1]]
ENDS: list[Change] = [str, lambda text: text[1:], lambda text: text[-1:]]
# What would be found if it were not taken literally.
TRAPS: list[Change] = [
    lambda text: text[:1] + "%" + text[2:],
    lambda text: "_" + text[1:],
    lambda text: "\\" + text,
]
CASES: list[Change] = [
    str.upper,
    str.lower,
    # Letters that are alike, of which PostgreSQL takes some for the same.
    lambda text: text.translate(str.maketrans(LETTERS, "AaÉéẞßiIıİςΣσǅǆǄ")),
]


@dataclass(frozen=True, slots=True)
class Column:
    family: Family
    values: Values
    is_unique: bool = False
    is_required: bool = False

    def of(self, size: int) -> Values:
        """Return the values of as many rows."""
        absent = [] if self.is_required else [None]
        if self.is_unique:
            unique = st.lists(self.values, min_size=size, max_size=size, unique=True)
            return unique.flatmap(
                lambda values: st.tuples(*(st.sampled_from([value] * 3 + absent) for value in values))
            )
        few = st.lists(self.values, min_size=1, max_size=4)
        return few.flatmap(lambda values: st.tuples(*[st.sampled_from(values + absent)] * size))


@dataclass(frozen=True, slots=True)
class Walk:
    """A list in an order, and how many rows of it a page shows."""

    where: Where
    order: tuple[str, ...]
    limit: int

    @property
    def whole_order(self) -> tuple[str, ...]:
        """The order of pages, which tells any two rows apart."""
        return (*self.order, "-id" if self.order and self.order[-1].startswith("-") else "id")


def whole_numbers(bits: int, lowest: int | None = None) -> Values:
    low, high = -(1 << bits - 1) if lowest is None else lowest, (1 << bits - 1) - 1
    return st.sampled_from([0, 1, -1, 2, low, high]) | st.integers(low, high)


texts = st.text(LETTERS, max_size=3) | st.text(SIGNS, max_size=3) | st.text(LETTERS + SIGNS, max_size=5)
sentences = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
moments = st.sampled_from(
    [datetime(2026, 1, 1), datetime(2025, 12, 31, 23, 30), datetime(1, 1, 3), datetime(9999, 12, 30)]  # noqa: DTZ001
) | st.datetimes(datetime(2025, 12, 30), datetime(2026, 1, 3))  # noqa: DTZ001
decimals = st.sampled_from(
    [Decimal(text) for text in ("0", "1", "1.00", "1.5", "-0.1", "1E+30", "1E-30", "12345678901234567890.5")]
) | st.decimals(-10, 10, places=2)
floats = st.sampled_from([0.0, -0.0, 0.1, 1.0, 1.5, 5e-324, 1e22, -1.7976931348623157e308]) | st.floats(-10, 10)
comparable = st.one_of(
    st.sampled_from([0, 1, 10, -(2**63), 2**64 - 1]),
    floats,
    decimals,
    st.sampled_from(["1", "true", *KEYS]),
    texts,
)
scalars = st.none() | st.booleans() | comparable
nodes = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
deep_nodes = st.builds(
    lambda node, keys: reduce(lambda inner, key: {key: inner} if key else [None, inner], keys, node),
    scalars,
    st.lists(st.sampled_from(["a", "é", ""]), min_size=MAX_PATH_DEPTH - 1, max_size=MAX_PATH_DEPTH + 1),
)

REQUIRED = {
    "id": Column(Family.INTEGER, st.sampled_from(range(1, MAX_ROWS + 1)), is_unique=True, is_required=True),
    "is_deleted": Column(Family.BOOLEAN, st.sampled_from([False, False, False, True]), is_required=True),
}
COLUMNS = REQUIRED | {
    "uuid": Column(Family.UUID, st.uuids(), is_unique=True),
    "name": Column(Family.TEXT, texts),
    "code": Column(Family.TEXT, texts, is_unique=True),
    "kind": Column(Family.CHOICE, st.sampled_from(KINDS)),
    "small": Column(Family.INTEGER, whole_numbers(16)),
    "size": Column(Family.INTEGER, whole_numbers(32, lowest=-999_999)),
    "count": Column(Family.INTEGER, whole_numbers(64)),
    "price": Column(Family.NUMBER, decimals),
    "weight": Column(Family.FLOAT, floats),
    "is_whole": Column(Family.BOOLEAN, st.booleans()),
    "found_at": Column(
        Family.MOMENT, st.builds(lambda at, zone: at.replace(tzinfo=zone), moments, st.sampled_from(ZONES))
    ),
    "noted_at": Column(Family.MOMENT, moments),
    "found_on": Column(Family.DATE, moments.map(datetime.date)),
    "opens_at": Column(Family.TIME, st.sampled_from([time(0), time(9, 30), time.max]) | st.times()),
    "age": Column(
        Family.DURATION,
        st.sampled_from([timedelta(0), timedelta(days=1), timedelta(hours=25), timedelta.min, timedelta.max])
        | st.timedeltas(),
    ),
    "print": Column(Family.BYTES, st.sampled_from([b"", b"\x00", b"\xff", b"a"]) | st.binary(max_size=3)),
    "tags": Column(Family.LIST, st.lists(st.none() | st.sampled_from(KEYS) | texts, max_size=4)),
    "numbers": Column(Family.LIST, st.lists(st.none() | whole_numbers(32), max_size=4)),
    "meta": Column(
        Family.JSON,
        st.one_of(nodes, nodes, deep_nodes).map(lambda node: NULL if node is None else node),
    ),
}
# Made by the database out of `name`.
DOCUMENTS = {"words": Column(Family.DOCUMENT, sentences)}
FAMILIES = {name: column.family for name, column in (COLUMNS | DOCUMENTS).items()}


def is_comparable(node: Any) -> bool:
    return isinstance(node, str | int | float | Decimal) and not isinstance(node, bool)


def is_text(node: Any) -> bool:
    return isinstance(node, str)


def is_anything(node: Any) -> bool:
    return True


def _of(*names: str) -> dict[str, Column]:
    return {name: COLUMNS[name] for name in names}


GROUPS = {
    "numbers": _of("id", "small", "size", "count", "price", "weight", "is_whole"),
    "text": _of("name", "code", "kind", "uuid", "print"),
    "words": {"name": Column(Family.TEXT, sentences), **DOCUMENTS},
    "times": _of("found_at", "noted_at", "found_on", "opens_at", "age"),
    "lists": _of("tags", "numbers"),
    "json": _of("meta"),
    "mixed": _of("name", "kind", "size", "price", "found_at", "tags", "meta", "is_deleted"),
}


@st.composite
def rows_of(draw: Draw, group: str) -> list[Row]:
    columns = REQUIRED | GROUPS[group]
    size = draw(st.integers(1, MAX_ROWS))
    values = {name: draw(column.of(size)) for name, column in columns.items() if name != "words"}
    rows: list[Row] = [{name: values[name][place] for name in values} for place in range(size)]
    return [{**row, "words": row["name"] or ""} for row in rows] if "words" in columns else rows


@st.composite
def filters_of(draw: Draw, group: str, rows: Sequence[Row]) -> list[Where]:
    """Return filters by each lookup of these columns, or by some where there are many, and by several joined."""
    lookups = _lookups(group)
    if len(lookups) > MAX_LOOKUPS:
        lookups = draw(st.lists(st.sampled_from(lookups), min_size=LOOKUPS_OF_MANY, max_size=LOOKUPS_OF_MANY))
    conditions = [draw(_conditions(group, rows, *lookup)) for lookup in lookups]
    joined = st.lists(_trees(conditions) | _mappings(conditions), min_size=JOINED, max_size=JOINED)
    return [*(dict([condition]) for condition in conditions), *draw(joined)]


@st.composite
def walks_of(draw: Draw, group: str, rows: Sequence[Row]) -> list[Walk]:
    lookups = draw(st.lists(st.sampled_from(_lookups(group)), min_size=1, max_size=WALKS))
    conditions = [draw(_conditions(group, rows, *lookup)) for lookup in lookups]
    walks = st.builds(Walk, st.just({}) | _mappings(conditions), _orders(group, rows), st.integers(1, 4))
    return list(draw(st.lists(walks, min_size=WALKS, max_size=WALKS)))


def _lookups(group: str) -> list[tuple[Family, str]]:
    columns = GROUPS[group]
    families = sorted({column.family for column in columns.values()})
    pairs = [(family, lookup) for family in families for lookup in ["is_null", *MEANINGS[family]]]
    # What the words are of text that is not made of words, PostgreSQL decides by many rules of its own.
    return [pair for pair in pairs if pair != (Family.TEXT, "search") or "words" in columns]


@st.composite
def _conditions(draw: Draw, group: str, rows: Sequence[Row], family: Family, lookup: str) -> Condition:
    columns = GROUPS[group]
    name = draw(st.sampled_from([name for name, column in columns.items() if column.family is family]))
    values = [row[name] for row in rows if row[name] is not None]
    meant = lookup.removeprefix("jsonb_")
    path = draw(_paths(values, _WANTED.get(meant, is_anything))) if family is Family.JSON else ()
    found = [node for value in values if (node := led_to(value, path)) is not None]
    given = draw(_GIVEN.get(meant, _one)(_Found.of(columns[name], meant, found)))
    is_said = lookup != "e" or (path and path[-1] in NAMES) or draw(st.booleans())
    return "__".join([name, *path, lookup] if is_said else [name, *path]), given


def _paths(values: Sequence[Any], is_wanted: Callable[[Any], bool] = is_anything) -> Values:
    """Return paths that lead to what is wanted in one of the values, and some that lead astray."""
    known = [path for value in values for path, node in _places(value) if is_wanted(node)]
    astray = st.builds(lambda path, place: (*path, place), st.sampled_from(known or [()]), st.sampled_from(PLACES))
    return _mostly(known, astray.map(lambda path: path[-MAX_PATH_DEPTH:]), times=8)


def _places(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, node
    if len(path) == MAX_PATH_DEPTH:
        return
    if isinstance(node, dict):
        for key, child in node.items():
            # The one key that no path can have.
            yield from _places(child, (*path, key)) if key else ()
    elif isinstance(node, list):
        for place, child in enumerate(node):
            yield from _places(child, (*path, str(place if len(path) % 2 else place - len(node))))


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands in the rows where a condition looks."""

    family: Family
    values: Sequence[Any]
    one: Values
    """A value of the same type, mostly one of these."""

    @classmethod
    def of(cls, column: Column, lookup: str, values: Sequence[Any]) -> Self:
        match column.family:
            case Family.JSON if _WANTED.get(lookup) is is_comparable:
                one = _mostly([node for node in values if is_comparable(node)], comparable).flatmap(_around)
            case Family.JSON:
                one = _mostly(values, nodes).map(lambda node: None if node is NULL else node)
            case Family.LIST:
                one = _mostly(values, column.values).map(
                    lambda found: [value for value in found if value is not None]
                )
            case Family.NUMBER | Family.FLOAT:
                one = _mostly(values, column.values).map(lambda number: number if isfinite(number) else 1)
            case _:
                one = _mostly(values, column.values)
        return cls(column.family, values, one)

    @property
    def text(self) -> Values:
        written = [value if isinstance(value, str) else json_text(value) for value in self.values]
        return _mostly([text[:MAX_TEXT] for text in written], texts)

    @property
    def key(self) -> Values:
        return _mostly(
            [key for node in self.values if isinstance(node, dict) for key in node], st.sampled_from(KEYS)
        )


def _one(found: _Found) -> Values:
    # Given as text, these are taken for what the text says.
    is_written = found.family in {Family.UUID, Family.MOMENT, Family.DATE}
    return found.one | found.one.map(str) if is_written else found.one


def _many(found: _Found) -> Values:
    return st.lists(found.one, max_size=3) | st.lists(found.one, max_size=3).map(tuple)


def _text(*changes: Change) -> Callable[[_Found], Values]:
    return lambda found: st.builds(lambda text, change: change(text), found.text, st.sampled_from(changes))


def _pattern(found: _Found) -> Values:
    return _text(*STARTS, *ENDS, *TRAPS)(found) | found.text.flatmap(_patterns)


def _in_any_case(given: Callable[[_Found], Values]) -> Callable[[_Found], Values]:
    return lambda found: st.builds(lambda text, case: type(text)(case(text)), given(found), st.sampled_from(CASES))


def _contained(found: _Found) -> Values:
    parts = found.one.flatmap(_inside)
    inside = [child for node in found.values if isinstance(node, list) for child in node]
    return parts | st.sampled_from(inside) if inside and found.family is Family.JSON else parts


def _keys(found: _Found) -> Values:
    return st.lists(found.key, max_size=3)


# Which places in JSON a lookup is about; any, where none are said.
_WANTED: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(["gt", "gte", "lt", "lte", "between"], is_comparable),
    **dict.fromkeys(["has_key", "has_any_keys", "has_all_keys", "contains"], is_container),
    **dict.fromkeys(["ilike", "not_ilike", "istartswith", "iendswith", "iexact"], is_text),
}

# What a lookup is given: by its name without `jsonb_`, and one value where none is said.
_GIVEN: dict[str, Callable[[_Found], Values]] = {
    "is_null": lambda found: st.booleans(),
    "in": _many,
    "not_in": _many,
    "between": lambda found: st.tuples(found.one, found.one),
    "like": _pattern,
    "not_like": _pattern,
    "ilike": _in_any_case(_pattern),
    "not_ilike": _in_any_case(_pattern),
    "startswith": _text(*STARTS, *TRAPS),
    "istartswith": _in_any_case(_text(*STARTS, *TRAPS)),
    "endswith": _text(*ENDS, *TRAPS),
    "iendswith": _in_any_case(_text(*ENDS, *TRAPS)),
    "iexact": _in_any_case(_text(str)),
    "search": lambda found: _searches(found.values),
    "date": lambda found: found.one.map(lambda moment: date.fromordinal(in_utc(moment).toordinal())),
    "year": lambda found: found.one.map(lambda day: in_utc(day).year),
    "month": lambda found: found.one.map(lambda day: in_utc(day).month),
    "day": lambda found: found.one.map(lambda day: in_utc(day).day),
    "has_key": lambda found: found.key,
    "has_any_keys": _keys,
    "has_all_keys": _keys,
    "contains": _contained,
    "overlap": _contained,
    "contained_by": lambda found: st.builds(_more, found.one, found.one),
}


def _mostly(found: Sequence[Any], other: Values, *, times: int = 4) -> Values:
    """Return values that are found, but for once in so many times."""
    return st.integers(1, times).flatmap(lambda time: st.sampled_from(found) if found and time < times else other)


def _patterns(text: str) -> Values:
    """Return patterns that the text is like, and some that it is not."""
    parts = ([rf"\{character}", rf"\{character}" if character in "%_\\" else character] for character in text)
    between = st.sampled_from(["", "", "%"])
    return (
        st.tuples(between, *(st.sampled_from([*part, "_", "%"]) for part in parts), between)
        .map("".join)
        .map(Pattern)
    )


def _searches(found: Sequence[str]) -> Values:
    """Return what somebody may type into a search box who has seen the texts, or some of them."""
    sentences = [sentence.split() for sentence in found]
    starts = [words[start:] for words in sentences for start in range(len(words))]
    word = _mostly([words[0] for words in starts], st.sampled_from(WORDS))
    phrase = _mostly(starts, st.lists(word, min_size=1)).map(lambda words: '"' + " ".join(words[:3]) + '"')
    term = st.one_of(word, phrase, word.map("-{}".format), phrase.map("-{}".format), st.just("or"))
    return st.lists(term, max_size=3).map(" ".join)


def _around(node: Any) -> Values:
    return st.sampled_from(
        [node, "", "😀"] if isinstance(node, str) else [node, 0, Decimal("-1E+40"), Decimal("1E+40")]
    )


def _inside(node: Any) -> Values:
    match node:
        case dict():
            return st.fixed_dictionaries({}, optional={key: _inside(child) for key, child in node.items()})
        case list() if node:
            return st.lists(st.sampled_from(node), max_size=3)
        case _:
            return st.just(node)


def _more(node: Any, other: Any) -> Any:
    if isinstance(node, dict) and isinstance(other, dict):
        return other | node
    if isinstance(other, list):
        return [*other, *(node if isinstance(node, list) else [node])]
    return node


def _mappings(conditions: Sequence[Condition]) -> Values:
    return st.lists(st.sampled_from(conditions), max_size=3).map(dict)


def _trees(conditions: Sequence[Condition]) -> Values:
    """Return conditions joined in groups, some as deep as groups may be."""
    leaves = st.sampled_from(conditions).map(lambda condition: Q(**dict([condition])))
    trees = leaves
    for _ in range(MAX_GROUP_DEPTH + 1):
        parts = st.lists(leaves | trees, min_size=1, max_size=3)
        trees = st.builds(_joined, st.sampled_from([and_, or_]), parts, st.booleans())
    return trees.filter(lambda tree: _terms(tree) <= MAX_TERMS)


def _joined(connect: Callable[[Q, Q], Q], parts: Sequence[Q], is_negated: bool) -> Q:
    joined = reduce(connect, parts)
    return ~joined if is_negated else joined


def _terms(group: Q) -> int:
    return sum(1 + (_terms(child) if isinstance(child, Q) else 0) for child in group.children)


def _orders(group: str, rows: Sequence[Row]) -> Values:
    columns = GROUPS[group]
    names = [name for name in REQUIRED | columns if name != "words"]
    places = st.sampled_from(names).map(lambda name: [name])
    if "meta" in columns:
        values = [row["meta"] for row in rows if row["meta"] is not None]
        places |= _paths(values).map(lambda path: ["meta", *path])
    keys = st.builds(
        lambda sign, place, nulls: sign + "__".join(place + nulls),
        st.sampled_from(["", "-"]),
        places,
        st.sampled_from([[], ["nulls_first"], ["nulls_last"]]),
    )
    return st.lists(keys, max_size=3).map(tuple)
