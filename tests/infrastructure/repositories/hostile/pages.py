"""Hostile orders, columns, bounds, cursors and streams."""

from base64 import b64encode, urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest

from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.extensions.psql_ext import Cursors
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository
from tests.builders.specimens import Drawer
from tests.infrastructure.repositories.hostile.cases import (
    ALL,
    FIRST,
    SECOND,
    SQL,
    THIRD,
    Ask,
    answered,
    itself,
    refused,
)

NAN = float("nan")


def ordered(order: Any) -> Ask:
    async def ask(specimens: CommonPSQLRepository) -> tuple[str, ...]:
        return tuple(row["name"] for row in await specimens.get_list({}, order))

    return ask


NO_ORDERS: dict[str, tuple[Any, str]] = {
    "text for a list": ("name", "An order is a list of keys"),
    "None for a list": (None, "An order is a list of keys"),
    "a number for a list": (1, "An order is a list of keys"),
    "a set": ({"name"}, "An order is a list of keys"),
    "a mapping": ({"name": "desc"}, "An order is a list of keys"),
    "a generator": ((key for key in ("name",)), "An order is a list of keys"),
    "a deque": (deque(["name"]), "An order is a list of keys"),
    "a number for a key": ([1], "An order is a list of keys"),
    "None for a key": (["name", None], "An order is a list of keys"),
    "bytes for a key": ([b"name"], "An order is a list of keys"),
    "a list for a key": ([["name"]], "An order is a list of keys"),
    "a pair for a key": ([("name", "desc")], "An order is a list of keys"),
    "nine keys": (["id"] * 9, "at most 8 keys"),
    "seventy thousand keys": (["id"] * 70_000, "at most 8 keys"),
    "a misspelling": (["-nmae"], "did you mean 'name'"),
    "what is sensitive": (["secret"], "Unknown column 'secret'"),
    "what is sensitive, from behind": (["-secret__nulls_first"], "Unknown column 'secret'"),
    "SQL": ([f"name{SQL}"], "Unknown column"),
    "a direction of SQL": (["name DESC"], "did you mean 'name'"),
    "an expression": (["random()"], "Unknown column"),
    "a number of a column": (["1"], "Unknown column '1'"),
    "a column of the system": (["ctid"], "Unknown column 'ctid'"),
    "two columns in one": (["name, secret"], "Unknown column 'name, secret'"),
    "nothing": ([""], "Unknown column ''"),
    "a minus": (["-"], "Unknown column ''"),
    "two minuses": (["--name"], "did you mean 'name'"),
    "a plus": (["+name"], "did you mean 'name'"),
    "a space": ([" name"], "did you mean 'name'"),
    "another minus": (["\u2212name"], "did you mean 'name'"),
    "a NUL": (["name\x00"], "A key is text"),
    "half a character": (["meta__\ud800"], "A key is text"),
    "a megabyte": (["x" * 1_000_000], "A key is text"),
    "a misspelt place of nulls": (["name__nulls_frist"], "did you mean 'nulls_first'"),
    "two places of nulls": (["name__nulls_first__nulls_last"], "nulls_first"),
    "a lookup": (["size__gt"], "There are: nulls_first, nulls_last"),
    "a path into text": (["name__a"], "There are: nulls_first, nulls_last"),
    "a path of nine parts": (["meta__" + "__".join("abcdefghi")], "at most 8 parts"),
    "a path with an empty part": (["meta____a"], "no empty parts"),
    "words, which have no order": (["words"], "words has no order"),
}

ORDERS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "no keys": ((), ALL),
    "the same key eight times": (["-id"] * 8, (THIRD, SECOND, FIRST)),
    "a key and its opposite": (["id", "-id"], ALL),
    "SQL in a path": (["meta__a' DESC; --", "-id"], (THIRD, SECOND, FIRST)),
    "a list": (["-tags", "id"], (FIRST, SECOND, THIRD)),
    "a path that looks like a place of nulls": (["meta__nulls_first__nulls_last", "id"], ALL),
}


def showing(out: Any) -> Ask:
    async def ask(specimens: CommonPSQLRepository) -> list[Any]:
        return [
            tuple(getattr(row, name) for name in row.__slots__) for row in await specimens.get_list({}, out=out)
        ]

    return ask


NO_COLUMNS: dict[str, tuple[Any, str]] = {
    "none": ((), "at least one column"),
    "a misspelling": (("nmae",), "did you mean 'name'"),
    "what is sensitive": (("name", "secret"), "Unknown column 'secret'"),
    "the star": (("*",), "Unknown column"),
    "SQL": ((f"name{SQL}",), "Unknown column"),
    "an aggregate": (("count(*)",), "Unknown column"),
    "another name": (("name AS size",), "Unknown column"),
    "two in one": (("name, secret",), "Unknown column"),
    "a column of the system": (("xmin",), "Unknown column"),
    "an attribute of Python": (("__class__",), "Unknown column"),
    "a keyword of Python": (("lambda",), "Unknown column"),
    "Python": (("row[0]) or exit(",), "Unknown column"),
    "a path": (("meta__a",), "Unknown column"),
    "a NUL": (("name\x00",), "Unknown column"),
    "half a character": (("\ud800",), "Unknown column"),
    "a megabyte": (("x" * 1_000_000,), "Unknown column"),
    "a number": ((1,), "columns are a list of names"),
    "a number too long to be written": ((10**5_000,), "columns are a list of names"),
    "None": ((None,), "columns are a list of names"),
    "bytes": ((b"name",), "columns are a list of names"),
    "a list in a list": ([["name"]], "columns are a list of names"),
    "a mapping in a list": ([{"name": 1}], "columns are a list of names"),
    "text for a list": ("name", "columns are a list of names"),
    "a number for a list": (5, "columns are a list of names"),
    "a truth for a list": (True, "columns are a list of names"),
}

COLUMNS: dict[str, tuple[Any, list[tuple[Any, ...]]]] = {
    "the same ten thousand times": (("size",) * 10_000, [(3,), (3,), (None,)]),
    "a generator": ((name for name in ("size",)), [(3,), (3,), (None,)]),
}


def paged(options: dict[str, Any]) -> Ask:
    async def ask(specimens: CommonPSQLRepository) -> tuple[Any, ...]:
        page = await specimens.get_page({}, ("id",), out=("name",), **options)
        return tuple(item.name for item in page.items)

    return ask


NO_PAGES: dict[str, tuple[dict[str, Any], str]] = {
    "a limit below nothing": ({"limit": -1}, "limit is a whole number from 0"),
    "a limit below nothing, uncounted": ({"limit": -1, "with_total": False}, "limit is a whole number from 0"),
    "a limit beyond 64 bits": ({"limit": 2**63 - 1, "with_total": False}, "limit is a whole number from 0"),
    "a limit as text": ({"limit": "2"}, "limit is a whole number from 0"),
    "a limit as text, uncounted": ({"limit": "2", "with_total": False}, "limit is a whole number from 0"),
    "a limit as a truth": ({"limit": True, "with_total": False}, "limit is a whole number from 0"),
    "a limit as a float": ({"limit": 1.0, "with_total": False}, "limit is a whole number from 0"),
    "a limit as NaN": ({"limit": NAN}, "limit is a whole number from 0"),
    "no limit": ({"limit": None}, "limit is a whole number from 0"),
    "no limit, uncounted": ({"limit": None, "with_total": False}, "limit is a whole number from 0"),
    "a limit in a list": ({"limit": [2]}, "limit is a whole number from 0"),
    "an offset below nothing": ({"offset": -1}, "offset is a whole number from 0"),
    "an offset beyond 64 bits": ({"offset": 2**64}, "offset is a whole number from 0"),
    "an offset as text": ({"offset": "1"}, "offset is a whole number from 0"),
    "an offset as a truth": ({"offset": True}, "offset is a whole number from 0"),
    "no offset": ({"offset": None}, "offset is a whole number from 0"),
    "an offset as a decimal": ({"offset": Decimal(1)}, "offset is a whole number from 0"),
    "an offset in a mapping": ({"offset": {}}, "offset is a whole number from 0"),
}

PAGES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "the largest limit": ({"limit": 2**62 - 1, "with_total": False}, ALL),
    "no rows, uncounted": ({"limit": 0, "with_total": False}, ()),
    "the largest offset": ({"offset": 2**62}, ()),
}

# Cursors: `told` is the one that the list gave.


async def asked_with(specimens: CommonPSQLRepository, cursor: Any, order: Sequence[str] = ("size",)) -> Any:
    page = await specimens.get_page({}, order, limit=1, cursor=cursor, out=("name",))
    return tuple(item.name for item in page.items)


def tampered(change: Callable[[str], Any], order: Sequence[str] = ("size",)) -> Ask:
    """Ask with what `change` makes of a cursor of the list."""

    async def ask(specimens: CommonPSQLRepository) -> Any:
        told = (await specimens.get_page({}, ("size",), limit=1)).next_cursor
        assert told is not None
        assert await asked_with(specimens, told) == (SECOND,)
        return await asked_with(specimens, change(told), order)

    return ask


def of_the_other_table(specimens: CommonPSQLRepository) -> Any:
    drawers = CommonPSQLRepository(Drawer, specimens._source)
    about = drawers._build.order(("id",), is_total=True).about
    return asked_with(specimens, specimens._source.cursors.seal([1], about=about), ("id",))


def of_another_key(specimens: CommonPSQLRepository) -> Any:
    about = specimens._build.order(("size",), is_total=True).about
    return asked_with(specimens, Cursors("another secret").seal([3, 1], about=about))


NO_CURSORS: dict[str, Ask] = {
    "nothing": tampered(lambda told: ""),
    "a space": tampered(lambda told: " "),
    "padded": tampered(lambda told: told + "="),
    "padded twice": tampered(lambda told: told + "=="),
    "a letter more": tampered(lambda told: told + "A"),
    "four letters more": tampered(lambda told: told + "AAAA"),
    "a newline more": tampered(lambda told: told + "\n"),
    "a NUL more": tampered(lambda told: told + "\x00"),
    "a letter less": tampered(lambda told: told[:-1]),
    "half of it": tampered(lambda told: told[: len(told) // 2]),
    "without its beginning": tampered(lambda told: told[4:]),
    "twice": tampered(lambda told: told + told),
    "from behind": tampered(lambda told: told[::-1]),
    "in capitals": tampered(str.upper),
    "with a space in it": tampered(lambda told: told[:8] + " " + told[8:]),
    "in wide letters": tampered(lambda told: "".join(chr(ord(c) + 0xFEE0) for c in told)),
    "not of this alphabet": tampered(lambda told: told[:-1] + "\u00e9"),
    "half a character": tampered(lambda told: told + "\ud800"),
    "SQL": tampered(lambda told: SQL),
    "a hundred kilobytes": tampered(lambda told: told + "A" * 100_000),
    "a hundred megabytes": tampered(lambda told: "A" * 100_000_000),
    "garbage": tampered(lambda told: urlsafe_b64encode(bytes(range(64))).decode().rstrip("=")),
    "nothing, sealed by nobody": tampered(lambda told: urlsafe_b64encode(bytes(16)).decode().rstrip("=")),
    "what stands inside, unsealed": tampered(lambda told: b64encode(b"[3, 1]").decode()),
    "bytes": tampered(str.encode),
    "a number": tampered(lambda told: 7),
    "a list": tampered(lambda told: [3, 1]),
    "a mapping": tampered(lambda told: {"id": 1}),
    "a truth": tampered(lambda told: True),
    "of another order": tampered(lambda told: told, ("count",)),
    "of the other direction": tampered(lambda told: told, ("-size",)),
    "of another place of nulls": tampered(lambda told: told, ("size__nulls_first",)),
    "of an order of more keys": tampered(lambda told: told, ("size", "name")),
    "of no order": tampered(lambda told: told, ()),
    "of another table": of_the_other_table,
    "of another service": of_another_key,
}


async def with_every_letter_changed(specimens: CommonPSQLRepository) -> bool:
    """Ask with a cursor that has one letter changed, left out or doubled, for each of its letters."""
    told = (await specimens.get_page({}, ("size",), limit=1)).next_cursor
    assert told is not None
    changed = {
        told[:place] + other + told[end:]
        for place in range(len(told))
        for other, end in (("A", place + 1), ("_", place + 1), ("", place + 1), (told[place], place))
    } - {told}
    about = specimens._build.order(("size",), is_total=True).about
    for text in changed:
        with pytest.raises(ValidationError, match="begin again without one"):
            specimens._source.cursors.open(text, about=about)
    return len(changed) > 3 * len(told)


def sealed(order: str, *position: Any) -> Ask:
    """Ask with a position that only who has the key can seal."""
    return sealed_whole(order, list(position))


def sealed_whole(order: str, content: Any) -> Ask:
    async def ask(specimens: CommonPSQLRepository) -> Any:
        about = specimens._build.order((order,), is_total=True).about
        return await asked_with(specimens, specimens._source.cursors.seal(content, about=about), (order,))

    return ask


NO_POSITIONS: dict[str, Ask] = {
    "of no value": sealed("size"),
    "of a value less": sealed("size", 3),
    "of a value more": sealed("size", 3, 1, 1),
    "of no list": sealed_whole("size", {"size": 3, "id": 1}),
    "of a text of the right length": sealed_whole("size", "31"),
    "of a number": sealed_whole("size", 31),
    "of nothing": sealed_whole("size", None),
    "a row without its key": sealed("size", 3, None),
    "text for a number": sealed("size", "3", 1),
    "a truth for a number": sealed("size", True, 1),
    "a fraction for a number": sealed("size", 3.5, 1),
    "33 bits": sealed("size", 2**31, 1),
    "a list for a number": sealed("size", [3], 1),
    "no UUID": sealed("uuid", "nonsense", 1),
    "no text": sealed("name", 7, 1),
    "a NUL in text": sealed("name", "\x00", 1),
    "no choice": sealed("kind", "stone", 1),
    "no decimal": sealed("price", "x", 1),
    "a decimal that is none": sealed("price", "NaN", 1),
    "a list for a decimal": sealed("price", [], 1),
    "no float": sealed("weight", "0.5", 1),
    "no truth": sealed("is_whole", 1, 1),
    "no moment": sealed("found_at", "yesterday", 1),
    "a moment without its zone": sealed("found_at", "2026-01-01T00:00:00", 1),
    "a moment out of range": sealed("found_at", "0001-01-01T00:00:00+14:00", 1),
    "a moment with a zone": sealed("noted_at", "2026-01-01T00:00:00+00:00", 1),
    "no day": sealed("found_on", 20260101, 1),
    "no time": sealed("opens_at", "25:00", 1),
    "a number for a time": sealed("opens_at", 9, 1),
    "no duration": sealed("age", "1 day", 1),
    "no bytes": sealed("print", "00ff", 1),
    "no list": sealed("tags", "old", 1),
    "JSON with a NUL": sealed("meta", "\x00", 1),
}


def both(specimens: CommonPSQLRepository) -> Any:
    return specimens.get_page({}, cursor="x", offset=1)


def streamed(*args: Any, **options: Any) -> Ask:
    async def ask(specimens: CommonPSQLRepository) -> tuple[str, ...]:
        async with aclosing(specimens.stream(*args, **options)) as rows:
            return tuple([row["name"] async for row in rows])

    return ask


NO_STREAMS: dict[str, tuple[Ask, str]] = {
    "no rows at a time": (streamed(batch=0), "batch is a whole number from 1"),
    "less than no rows at a time": (streamed(batch=-1), "batch is a whole number from 1"),
    "more than 32 bits at a time": (streamed(batch=2**31), "batch is a whole number from 1"),
    "text at a time": (streamed(batch="10"), "batch is a whole number from 1"),
    "a truth at a time": (streamed(batch=True), "batch is a whole number from 1"),
    "a fraction at a time": (streamed(batch=1.5), "batch is a whole number from 1"),
    "None at a time": (streamed(batch=None), "batch is a whole number from 1"),
    "a filter that is none": (streamed({"nmae": 1}), "did you mean 'name'"),
    "an order that is none": (streamed({}, ("nmae",)), "did you mean 'name'"),
    "columns that are none": (streamed(out=("secret",)), "Unknown column 'secret'"),
    "a limit that is none": (streamed({"limit": -1}), "limit is a whole number from 0"),
}

STREAMS: dict[str, tuple[Ask, tuple[str, ...]]] = {
    "one row at a time": (streamed({}, ("id",), batch=1), ALL),
    "as many at a time as can be": (streamed({}, ("id",), batch=2**31 - 1), ALL),
}

PAGED = [
    *answered("orders", ORDERS, ordered),
    *refused("orders", NO_ORDERS, ordered),
    *answered("columns to show", COLUMNS, showing),
    *refused("columns to show", NO_COLUMNS, showing),
    *answered("pages", PAGES, paged),
    *refused("pages", NO_PAGES, paged),
    *refused("cursors", {what: (ask, "begin again without one") for what, ask in NO_CURSORS.items()}, itself),
    *refused("positions", {what: (ask, "begin again without one") for what, ask in NO_POSITIONS.items()}, itself),
    *answered("cursors", {"every letter changed": (with_every_letter_changed, True)}, itself),
    *refused("cursors", {"beside an offset": (both, "not at both")}, itself),
    *answered("streams", STREAMS, itself),
    *refused("streams", NO_STREAMS, itself),
]
