"""Hostile writes: values of each type in every way to write, rows, keys, and which rows."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from src.app.application.common.filters import Q
from src.app.infrastructure.repositories.base import bulk
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository
from tests.infrastructure.repositories.hostile.cases import FIRST, SQL, Ask, Case, itself, nested, refused

NAN, INFINITY = float("nan"), float("inf")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

Way = Callable[[CommonPSQLRepository, Any], Awaitable[Any]]


async def created(specimens: CommonPSQLRepository, row: Any) -> Any:
    return await specimens.create(row)


async def returned(specimens: CommonPSQLRepository, row: Any) -> Any:
    return (await specimens.create_bulk([row]))[0]


async def copied(specimens: CommonPSQLRepository, row: Any) -> Any:
    await specimens.create_bulk(iter([row]), is_return_require=False)
    return await specimens.get_first({}, ("-id",))


async def updated(specimens: CommonPSQLRepository, row: Any) -> Any:
    return (await specimens.update({"name": FIRST}, row))[0]


async def updated_in_bulk(specimens: CommonPSQLRepository, row: Any) -> Any:
    first = await specimens.get_first({"name": FIRST})
    assert first is not None
    return (await specimens.update_bulk([{"id": first["id"], **row}]))[0]


async def upserted(specimens: CommonPSQLRepository, row: Any) -> Any:
    return (await specimens.upsert_bulk([{"code": "new", "small": 1, **row}], ("code",)))[0]


async def upserted_over(specimens: CommonPSQLRepository, row: Any) -> Any:
    return (await specimens.upsert_bulk([{"code": "A1", "small": 1, **row}], ["code"]))[0]


async def got_or_created(specimens: CommonPSQLRepository, row: Any) -> Any:
    return (await specimens.get_or_create({"code": "new"}, row))[0]


WAYS: dict[str, Way] = {
    "create": created,
    "returned": returned,
    "copied": copied,
    "update": updated,
    "update_bulk": updated_in_bulk,
    "upsert_bulk": upserted,
    "upsert_bulk over": upserted_over,
    "get_or_create": got_or_created,
}

# Each is tried in every way, and refused by the name of its column.

VALUES: dict[str, tuple[str, Any, str]] = {
    "bytes for text": ("name", b"x", "text"),
    "a number for text": ("name", 7, "text"),
    "a list for text": ("name", ["x"], "text"),
    "two texts for one": ("name", ["x", "y"], "text"),
    "a tuple for text": ("name", ("x", "y"), "text"),
    "a mapping for text": ("name", {"x": "y"}, "text"),
    "a NUL in text": ("name", "x\x00", "text"),
    "half a character in text": ("name", "\ud800", "text"),
    "a text that is too long": ("code", "x" * 11, "at most 10 characters"),
    "a megabyte of text where ten characters stand": ("code", "x" * 1_000_000, "at most 10 characters"),
    "no choice": ("kind", "stone", "one of bone, shell, leaf"),
    "a number for a choice": ("kind", 1, "one of bone, shell, leaf"),
    "two choices for one": ("kind", ["bone", "leaf"], "one of bone, shell, leaf"),
    "17 bits": ("small", 2**15, "16 bits"),
    "33 bits": ("size", -(2**31) - 1, "32 bits"),
    "65 bits": ("count", 2**63, "64 bits"),
    "a number of 5000 digits": ("count", 10**5_000, "64 bits"),
    "a fraction for a whole number": ("size", 3.7, "a whole number"),
    "a decimal for a whole number": ("size", Decimal("3.7"), "a whole number"),
    "digits for a whole number": ("size", "3", "a whole number"),
    "a truth for a whole number": ("small", True, "a whole number"),
    "NaN for a whole number": ("size", NAN, "a whole number"),
    "two whole numbers for one": ("size", [1, 2], "a whole number"),
    "a set for a whole number": ("size", {1, 2}, "a whole number"),
    "a UUID for a whole number": ("count", UUID(int=7), "a whole number"),
    "text for a decimal": ("price", "nonsense", "a whole or decimal number"),
    "digits for a decimal": ("price", "12.50", "a whole or decimal number"),
    "a float for a decimal": ("price", 0.1, "a whole or decimal number"),
    "a truth for a decimal": ("price", False, "a whole or decimal number"),
    "NaN for a decimal": ("price", Decimal("NaN"), "a whole or decimal number"),
    "a signal for a decimal": ("price", Decimal("sNaN"), "a whole or decimal number"),
    "infinity for a decimal": ("price", Decimal("Infinity"), "a whole or decimal number"),
    "a decimal of too many digits": ("price", Decimal("1e200000"), "a whole or decimal number"),
    "a decimal of too many places": ("price", Decimal("1e-20000"), "a whole or decimal number"),
    "a decimal of the largest exponent": ("price", Decimal("1e999999999999999999"), "a whole or decimal number"),
    "text for a float": ("weight", "0.5", "a number"),
    "more than a float": ("weight", 10**400, "a number"),
    "NaN for a float": ("weight", NAN, "a number"),
    "infinity for a float": ("weight", INFINITY, "a number"),
    "a list for a float": ("weight", [0.5], "a number"),
    "a number for a truth": ("is_whole", 1, "true or false"),
    "a word for a truth": ("is_whole", "true", "true or false"),
    "None where there must be a truth": ("is_deleted", None, "it is required"),
    "a number for a UUID": ("uuid", 7, "a UUID"),
    "text for a UUID": ("uuid", "nonsense", "a UUID"),
    "bytes for a UUID": ("uuid", bytes(16), "a UUID"),
    "text for a moment": ("found_at", "2026-01-01T00:00:00Z", "a date and time with its time zone"),
    "seconds for a moment": ("found_at", 1_767_225_600, "a date and time with its time zone"),
    "a day for a moment": ("found_at", date(2026, 1, 1), "a date and time with its time zone"),
    "a moment without its zone": ("found_at", NOON.replace(tzinfo=None), "a date and time with its time zone"),
    "a moment before the first": (
        "found_at",
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        "a date and time with its time zone",
    ),
    "a moment with a zone": ("noted_at", NOON, "without a time zone"),
    "text for a day": ("found_on", "2026-02-30", "a date"),
    "a moment for a day": ("found_on", NOON, "a date"),
    "text for a time": ("opens_at", "09:30", "a time of day"),
    "a moment for a time": ("opens_at", NOON, "a time of day"),
    "a time with a zone": ("opens_at", time(9, tzinfo=UTC), "a time of day"),
    "seconds for a duration": ("age", 60, "a duration"),
    "text for a duration": ("age", "1 day", "a duration"),
    "text for bytes": ("print", "00ff", "bytes"),
    "numbers for bytes": ("print", [0, 255], "bytes"),
    "text for a list": ("tags", "old", "a list"),
    "a mapping for a list": ("tags", {"old": 1}, "a list"),
    "a set for a list": ("tags", {"old"}, "a list"),
    "a number in a list of text": ("tags", ["old", 1], "text"),
    "a list in a list of text": ("tags", [["old"], ["round"]], "text"),
    "a NUL in a list of text": ("tags", ["old\x00"], "text"),
    "half a character in a list of text": ("tags", ["\ud800"], "text"),
    "text in a list of numbers": ("numbers", ["1"], "a whole number"),
    "a fraction in a list of numbers": ("numbers", [1.5], "a whole number"),
    "33 bits in a list of numbers": ("numbers", [2**31], "a whole number"),
    "a set for JSON": ("meta", {1, 2}, "JSON"),
    "bytes for JSON": ("meta", b"{}", "JSON"),
    "a class for JSON": ("meta", dict, "JSON"),
    "a number for a key of JSON": ("meta", {1: 2}, "JSON"),
    "a NUL in JSON": ("meta", {"a": "\x00"}, "JSON"),
    "a NUL in a key of JSON": ("meta", {"a\x00": 1}, "JSON"),
    "half a character in JSON": ("meta", {"a": ["\ud800"]}, "JSON"),
    "half a character in a key of JSON": ("meta", [{"\ud800": 1}], "JSON"),
    "65 bits in JSON": ("meta", {"a": 2**64}, "JSON"),
    "a set in a list of JSON": ("meta", [{1}], "JSON"),
    "NaN in JSON": ("meta", {"a": NAN}, "JSON"),
    "infinity as a decimal in JSON": ("meta", {"a": Decimal("Infinity")}, "JSON"),
    "a decimal in JSON that nobody could read": ("meta", {"a": Decimal("1e400")}, "JSON"),
    "JSON a thousand lists deep": ("meta", nested(1_000, lambda inner: [inner], 1), "JSON"),
    "JSON ten thousand mappings deep": ("meta", nested(10_000, lambda inner: {"a": inner}, 1), "JSON"),
    "a function for anything": ("size", print, "a whole number"),
    "a Q for anything": ("size", Q(size=1), "a whole number"),
}

# A row, in every way.

ROWS_REFUSED: dict[str, tuple[Any, str]] = {
    "a misspelt column": ({"nmae": "x"}, "did you mean 'name'"),
    "a column of SQL": ({f"name) VALUES (1){SQL}": "x"}, "Unknown column"),
    "a column of the table": ({"specimens.name": "x"}, "Unknown column"),
    "a column of the system": ({"ctid": "(0,1)"}, "Unknown column 'ctid'"),
    "a column in capitals": ({"NAME": "x"}, "Unknown column 'NAME'"),
    "an attribute of Python": ({"__class__": "x"}, "Unknown column '__class__'"),
    "a path": ({"meta__a": 1}, "Unknown column 'meta__a'"),
    "a limit": ({"limit": 1}, "Unknown column 'limit'"),
    "a column with a NUL": ({"name\x00": "x"}, "Unknown column"),
    "a column of half a character": ({"\ud800": "x"}, "Unknown column"),
    "a column of a megabyte": ({"x" * 1_000_000: "x"}, "Unknown column"),
    "a column that the database makes": ({"words": "x"}, "words is made by the database"),
    "nothing for a column that the database makes": ({"words": None}, "words is made by the database"),
}

KEYS_REFUSED: dict[str, Any] = {
    "a number": {1: "x"},
    "a number too long to be written": {10**5_000: "x"},
    "None": {None: "x"},
    "bytes": {b"name": "x"},
    "a tuple": {("name",): "x"},
    "a truth": {True: "x"},
}

NO_ROWS: dict[str, Any] = {
    "None": None,
    "a number": 7,
    "text": "name",
    "a list of names": ["name"],
    "a list of pairs": [("name", "x")],
    "a tuple": ("name", "x"),
    "a set": {"name"},
    "a Q": Q(name="x"),
    "a class": dict,
}

AS_IT_IS = {name: WAYS[name] for name in ("create", "returned", "copied", "update")}
"""The ways that take the row as it is."""


def adding(rows: Any, is_return_require: bool = True) -> Ask:
    return lambda specimens: specimens.create_bulk(rows() if callable(rows) else rows, is_return_require)


def changing(rows: Any, **options: Any) -> Ask:
    """Ask for an update of rows by their key; `first` in a value is the first row's id."""
    return lambda specimens: specimens.update_bulk(rows, **options)


def changing_first(*changes: Any, **options: Any) -> Ask:
    """Ask for an update of the first row, once for each change."""

    async def ask(specimens: CommonPSQLRepository) -> Any:
        first = await specimens.get_first({"name": FIRST})
        assert first is not None
        return await specimens.update_bulk([{"id": first["id"], **change} for change in changes], **options)

    return ask


def changing_many(change: dict[str, Any]) -> Ask:
    """Ask for an update of so many rows that they are copied, the last of them with this change."""
    rows = [{"id": number, "size": number} for number in range(bulk.MIN_ROWS_TO_COPY)]
    return changing([*rows, {"id": bulk.MIN_ROWS_TO_COPY, **change}])


def adding_for_ids(rows: Any) -> Ask:
    return lambda specimens: specimens.create_bulk(rows, out=("id",))


def upserting(rows: Any, conflict: Any) -> Ask:
    return lambda specimens: specimens.upsert_bulk(rows, conflict)


def getting(where: Any, defaults: Any = None) -> Ask:
    return lambda specimens: specimens.get_or_create(where, defaults)


NEW = {"code": "C3", "size": 1}
WORDS = " ".join(f"word{number}" for number in range(120_000))

BULK_REFUSED: dict[str, tuple[Ask, str]] = {
    "an empty row, returned": (adding([{}]), "at least one column"),
    "an empty row, copied": (adding([{}], False), "at least one column"),
    "empty rows, copied": (adding([{}, {}], False), "at least one column"),
    "an empty row behind another": (adding([NEW, {}]), "the same columns"),
    "an empty row behind another, copied": (adding([NEW, {}], False), "the same columns"),
    "a column less": (adding([NEW, {"code": "D4"}]), "the same columns"),
    "a column less, copied": (adding([NEW, {"code": "D4"}], False), "the same columns"),
    "a column more": (adding([{"code": "D4"}, NEW]), "the same columns"),
    "a column more, copied": (adding([{"code": "D4"}, NEW], False), "the same columns"),
    "another column": (adding([NEW, {"code": "D4", "small": 1}]), "the same columns"),
    "another column, copied": (adding([NEW, {"code": "D4", "small": 1}], False), "the same columns"),
    "another column that is none": (adding([NEW, {"code": "D4", "nmae": "x"}]), "the same columns"),
    "no row behind another": (adding([NEW, None]), "A row is a mapping"),
    "no row behind another, copied": (adding([NEW, None], False), "A row is a mapping"),
    "text of the right length behind a row": (adding([NEW, "ab"]), "A row is a mapping"),
    "text of the right length, copied": (adding([NEW, "ab"], False), "A row is a mapping"),
    "a list of the right length behind a row": (adding([NEW, ["code", "size"]]), "A row is a mapping"),
    "one row for a list": (adding(NEW), "Rows are a list"),
    "one row for a list, copied": (adding(NEW, False), "Rows are a list"),
    "a number for a list": (adding(7), "Rows are a list"),
    "a number for a list, copied": (adding(7, False), "Rows are a list"),
    "None for a list": (adding(None), "Rows are a list"),
    "text for a list": (adding("code"), "Rows are a list"),
    "text for a list, copied": (adding("code", False), "Rows are a list"),
    "another type further on": (adding([NEW, {"code": "D4", "size": "2"}]), "size takes a whole number"),
    "another type further on, copied": (
        adding([NEW, {"code": "D4", "size": 2.5}], False),
        "size takes a whole number",
    ),
    "a list among values": (adding([NEW, {"code": "D4", "size": [2]}]), "size takes a whole number"),
    "a list in each row": (adding([{"size": [1, 2]}, {"size": [3, 4]}]), "size takes a whole number"),
    "lists of one in each row": (adding([{"name": ["x"]}, {"name": ["y"]}]), "name takes text"),
    "no number among numbers": (adding([{"price": Decimal(1)}, {"price": Decimal("NaN")}], False), "price takes"),
    "more words than a column of words takes": (adding([{"name": WORDS}]), "more than the database takes"),
    "more words than it takes, copied": (adding([{"name": WORDS}], False), "more than the database takes"),
    "update: one row for a list": (changing({"id": 1, "size": 1}), "Rows are a list"),
    "update: a number for a list": (changing(7), "Rows are a list"),
    "update: no row": (changing([7]), "A row is a mapping"),
    "update: no row behind another": (changing([{"id": 1, "size": 1}, "id"]), "A row is a mapping"),
    "update: an empty row": (changing([{}]), "needs its key, id"),
    "update: no key": (changing([{"size": 1}]), "needs its key, id"),
    "update: no key in the second": (changing([{"id": 1, "size": 1}, {"size": 1}]), "needs its key, id"),
    "update: nothing but the key": (changing([{"id": 1}]), "nothing to update besides the key"),
    "update: the same key twice": (changing([{"id": 1, "size": 1}, {"id": 1, "size": 2}]), "about the same row"),
    "update: a list for a key": (changing([{"id": [1], "size": 1}]), "id takes a whole number"),
    "update: a mapping for a key": (changing([{"id": {}, "size": 1}]), "id takes a whole number"),
    "update: None for a key": (changing([{"id": None, "size": 1}]), "needs its key, id"),
    "update: text for a key": (changing([{"id": "1", "size": 1}]), "id takes a whole number"),
    "update: a fraction for a key": (changing([{"id": 1.5, "size": 1}]), "id takes a whole number"),
    "update: SQL for a key": (changing([{"id": f"1{SQL}", "size": 1}]), "id takes a whole number"),
    "update: 65 bits for a key": (changing([{"id": 2**63, "size": 1}]), "id takes a whole number"),
    "update: no UUID for a key": (changing([{"uuid": "x", "size": 1}], key="uuid"), "uuid takes a UUID"),
    "update: a UUID in two ways": (
        changing(
            [
                {"uuid": "0000000000000000000000000000000A", "size": 1},
                {"uuid": "0000000000000000000000000000000a", "size": 2},
            ],
            key="uuid",
        ),
        "about the same row",
    ),
    "update: a misspelt key": (changing([{"cdoe": "A1", "size": 1}], key="cdoe"), "did you mean 'code'"),
    "update: a misspelt key that no row has": (changing([{"code": "A1", "size": 1}], key="cdoe"), "'code'"),
    "update: by what is sensitive": (
        changing([{"secret": "opal", "size": 1}], key="secret"),
        "Unknown column 'secret'",
    ),
    "update: by SQL": (changing([{"id": 1, "size": 1}], key=f"id{SQL}"), "Unknown column"),
    "update: by no column": (changing([{"id": 1, "size": 1}], key=""), "Unknown column"),
    "update: by None": (changing([{"id": 1, "size": 1}], key=None), "Unknown column"),
    "update: by a list": (changing([{"id": 1, "size": 1}], key=["id"]), "Unknown column"),
    "update: by JSON": (changing([{"meta": {"a": 1}, "size": 1}], key="meta"), "cannot be the key"),
    "update: another column further on": (
        changing_first({"size": 1}, {"small": 1}),
        "about the same row",
    ),
    "update of many: a fraction": (changing_many({"size": 3.7}), "size takes a whole number"),
    "update of many: a list": (changing_many({"size": [1]}), "size takes a whole number"),
    "update of many: 33 bits": (changing_many({"size": 2**31}), "size takes a whole number of 32 bits"),
    "update of many: another column": (changing_many({"small": 1}), "the same columns"),
    "update of many: a column more": (changing_many({"size": 1, "small": 1}), "the same columns"),
    "update of many: no change": (changing_many({}), "the same columns"),
    "update of many: the same key twice": (changing_many({"id": 7, "size": 1}), "about the same row"),
    "for ids: one row for a list": (adding_for_ids(NEW), "Rows are a list"),
    "for ids: no row": (adding_for_ids([None]), "A row is a mapping"),
    "for ids: no row behind another": (adding_for_ids([NEW, None]), "A row is a mapping"),
    "for ids: a column less": (adding_for_ids([NEW, {"code": "D4"}]), "the same columns"),
    "for ids: a misspelt column": (adding_for_ids([{"szie": 1}]), "did you mean 'size'"),
    "for ids: another type": (adding_for_ids([{"size": 3.7}]), "size takes a whole number"),
    "for ids: a column that the database makes": (adding_for_ids([{"words": "x"}]), "made by the database"),
    "upsert: no conflict": (upserting([NEW], ()), "at least one column"),
    "upsert: None for the conflict": (upserting([NEW], None), "conflict is a list of columns"),
    "upsert: text for the conflict": (upserting([NEW], "code"), "conflict is a list of columns"),
    "upsert: a number for the conflict": (upserting([NEW], 7), "conflict is a list of columns"),
    "upsert: a number in the conflict": (upserting([NEW], [7]), "Unknown column"),
    "upsert: a list in the conflict": (upserting([NEW], [["code"]]), "Unknown column"),
    "upsert: a misspelt conflict": (upserting([NEW], ("cdoe",)), "did you mean 'code'"),
    "upsert: a conflict of SQL": (upserting([NEW], ("code) DO NOTHING; --",)), "Unknown column"),
    "upsert: a sensitive conflict": (upserting([{**NEW, "secret": "x"}], ("secret",)), "Unknown column"),
    "upsert: a conflict that no row has": (upserting([NEW], ("uuid",)), "Unknown column of these rows"),
    "upsert: a conflict that is not unique": (upserting([NEW], ("size",)), "There are: code, id, uuid"),
    "upsert: unique only in part": (upserting([NEW], ("code", "size")), "There are: code, id, uuid"),
    "upsert: nothing but the conflict": (upserting([{"code": "A1"}], ("code",)), "nothing to update"),
    "upsert: the same row twice": (upserting([NEW, NEW], ("code",)), "about the same row"),
    "upsert: an empty row": (upserting([{}], ("code",)), "at least one column"),
    "upsert: no row": (upserting([None], ("code",)), "A row is a mapping"),
    "upsert: one row for a list": (upserting(NEW, ("code",)), "Rows are a list"),
    "get or create: nothing": (getting({}), "at least one value"),
    "get or create: a Q": (getting(Q(code="C3")), "A row is a mapping"),
    "get or create: None": (getting(None), "A row is a mapping"),
    "get or create: a list": (getting([("code", "C3")]), "A row is a mapping"),
    "get or create: a lookup": (getting({"code__ilike": "zzz"}), "Unknown column 'code__ilike'"),
    "get or create: a lookup that finds": (getting({"code__ilike": "a1"}), "Unknown column 'code__ilike'"),
    "get or create: a path": (getting({"meta__a": 1}), "Unknown column 'meta__a'"),
    "get or create: a limit": (getting({"limit": 1}), "Unknown column 'limit'"),
    "get or create: a limit beside": (getting({"code": "A1", "limit": 1}), "Unknown column 'limit'"),
    "get or create: what is sensitive": (getting({"secret": "opal"}), "Unknown column 'secret'"),
    "get or create: None for a value": (getting({"code": None}), "compared with NULL"),
    "get or create: another type": (getting({"size": "3"}), "size takes a whole number"),
    "get or create: a misspelt default": (getting({"code": "C3"}, {"szie": 3}), "did you mean 'size'"),
    "get or create: no defaults": (getting({"code": "C3"}, 7), "A row is a mapping"),
    "get or create: a default of another type": (getting({"code": "C3"}, {"size": 3.5}), "size takes"),
}

# Which rows a write is about.

WHICH: dict[str, tuple[Any, str]] = {
    "None": (None, "An empty filter"),
    "nothing": ({}, "An empty filter"),
    "a Q of nothing": (Q(Q(), ~~Q()), "An empty filter"),
    "not not nothing": (~Q(~Q()), "An empty filter"),
    "not not nothing, or nothing": (~Q(~Q()) | Q(), "An empty filter"),
    "not not nothing, deeper": (Q(~Q(~Q(~Q(~Q())))), "An empty filter"),
    "not nothing ten thousand deep": (nested(10_000, lambda inner: ~Q(inner), ~Q()), "at most 5 deep"),
    "a list": ([], "A filter is"),
    "a list of pairs": ([("size", 3)], "A filter is"),
    "text": ("1=1", "A filter is"),
    "no text": ("", "A filter is"),
    "a number": (0, "A filter is"),
    "a truth": (True, "A filter is"),
    "a limit": ({"size": 3, "limit": 1}, "no limit and no offset"),
    "an offset alone": ({"offset": 1}, "no limit and no offset"),
    "a misspelling": ({"szie": 3}, "did you mean 'size'"),
    "what is sensitive": ({"secret": "opal"}, "Unknown column 'secret'"),
    "SQL": ({f"id{SQL}": 1}, "Unknown column"),
    "another type": ({"id": "1 OR 1=1"}, "id takes a whole number"),
    "seventy thousand": ({"id__in": list(range(70_000))}, "at most 1000 values"),
    "six groups deep": (nested(6, lambda inner: Q(inner, size=3), Q(code="A1")), "at most 5 deep"),
    "fifty-one conditions": (Q(*[Q(size=3)] * 51), "at most 50 conditions"),
    "a path of nine parts": ({"meta__" + "__".join("abcdefghi"): 1}, "at most 8 parts"),
}

WHICH_WAYS: dict[str, Way] = {
    "update": lambda specimens, where: specimens.update(where, {"size": 7}),
    "remove": lambda specimens, where: specimens.remove(where),
    "restore": lambda specimens, where: specimens.restore(where),
}


# What looks dangerous and is not: stored as it is given, whichever way.

STORED: dict[str, tuple[str, Any]] = {
    "SQL": ("name", f"Robert{SQL}"),
    "backslashes and quotes": ("name", "\\' \\\" \\\\ $1 %s :p0 {} \\N \\."),
    "the end of a COPY": ("name", "\\.\n\t\r\v"),
    "other characters": ("name", "\U0001f600\u202e\ufeff\uffff\u0301\x01\x7f\x85\u2028"),
    "more text than a filter takes": ("name", "x" * 20_000),
    "nothing": ("name", ""),
    "the smallest number": ("count", -(2**63)),
    "a decimal of many digits": ("price", Decimal("1" * 900 + ".000")),
    "the smallest float": ("weight", 5e-324),
    "the first day": ("found_on", date.min),
    "the last day": ("found_on", date.max),
    "the longest duration": ("age", timedelta(days=999_999, microseconds=1)),
    "a time just before midnight": ("opens_at", time.max),
    "bytes of all kinds": ("print", bytes(range(256))),
    "an array literal in a list": ("tags", ["{a,b}", "NULL", '"', "\\", ""]),
    "two thousand in a list": ("numbers", list(range(2_000))),
    "the largest number in JSON": ("meta", {"a": 2**64 - 1}),
    "a list for JSON": ("meta", [1, [2, [3]]]),
    "two thousand nodes of JSON": ("meta", {str(number): [number] for number in range(1_000)}),
    "null for JSON": ("meta", {"null": None, "": ""}),
    "a proto in JSON": ("meta", {"__proto__": {"admin": True}, "constructor": 1}),
    "what is sensitive": ("secret", "ruby"),
}


def storing(way: Way, column: str, value: Any) -> Ask:
    """Write a value, take the write back, and answer what was stored."""

    async def ask(specimens: CommonPSQLRepository) -> Any:
        try:
            async with specimens._source.ambient_transaction():  # type: ignore[attr-defined]
                stored = await way(specimens, {column: value})
                raise _TakenBack(stored[column])
        except _TakenBack as taken_back:
            return taken_back.args[0]

    return ask


class _TakenBack(Exception):
    pass


def in_ways(asking: Callable[[Way], Ask], ways: Mapping[str, Way] = WAYS) -> dict[str, Ask]:
    return {name: asking(way) for name, way in ways.items()}


def of_row(row: Any) -> Callable[[Way], Ask]:
    return lambda way: lambda specimens: way(specimens, row)


def of_value(column: str, value: Any) -> Callable[[Way], Ask]:
    return lambda way: storing(way, column, value)


WRITES = [
    *(
        Case(f"values: {what}", in_ways(of_row({column: value})), f"{column} takes .*{refusal}")
        for what, (column, value, refusal) in VALUES.items()
    ),
    *(Case(f"rows: {what}", in_ways(of_row(row)), refusal) for what, (row, refusal) in ROWS_REFUSED.items()),
    *(Case(f"keys: {what}", in_ways(of_row(row)), "Unknown column") for what, row in KEYS_REFUSED.items()),
    *(
        Case(f"no row: {what}", in_ways(of_row(row), AS_IT_IS), "A row is a mapping")
        for what, row in NO_ROWS.items()
    ),
    *refused("bulk", BULK_REFUSED, itself),
    *(
        Case(f"which rows: {what}", in_ways(of_row(where), WHICH_WAYS), refusal)
        for what, (where, refusal) in WHICH.items()
    ),
    *(
        Case(f"stored: {what}", in_ways(of_value(column, value)), answer=value)
        for what, (column, value) in STORED.items()
    ),
]
