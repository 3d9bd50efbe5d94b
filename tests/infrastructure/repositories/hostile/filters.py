"""Hostile filters: keys, paths, values, lists, groups."""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from src.app.application.common.filters import Family, Pattern, Q, Takes
from src.app.infrastructure.repositories.base.guards import family_of
from src.app.infrastructure.repositories.base.lookups import LOOKUPS
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository
from tests.builders.specimens import Specimen
from tests.infrastructure.repositories.hostile.cases import (
    ALL,
    FIRST,
    SECOND,
    SQL,
    THIRD,
    Ask,
    Case,
    answered,
    chained,
    finding,
    nested,
    refused,
)

NAN, INFINITY = float("nan"), float("inf")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def making(make: Callable[[], Any]) -> Ask:
    async def ask(specimens: CommonPSQLRepository) -> Any:
        return await specimens.get_list(make())

    return ask


def cyclic() -> Any:
    ring: list[Any] = []
    ring.append(ring)
    return ring


# What an attacker writes into a value is a value.

FOUND_BY_VALUE: dict[str, tuple[Any, tuple[str, ...]]] = {
    "a quote closes nothing": ({"name": SQL}, ()),
    "an or is no condition": ({"name": "' OR '1'='1"}, ()),
    "a union joins nothing": ({"name__like": "%' UNION SELECT secret FROM cabinet.specimens --"}, ()),
    "a backslash escapes no quote": ({"name__ne": "\\'; SELECT pg_sleep(9); --"}, ALL),
    "dollar quotes open nothing": ({"name__in": ["$$; DROP SCHEMA cabinet CASCADE; $$", "$1", "$2"]}, ()),
    "a placeholder of the driver": ({"name__gt": "$1"}, ALL),
    "placeholders of SQLAlchemy": ({"name__in": [":p0", ":name", "%(p0)s", "%s", "?", "{}"]}, ()),
    "the word NULL is text": ({"name__not_in": ["NULL", "DEFAULT", "now()"]}, ALL),
    "an escape string": ({"name__startswith": "E'\\x41"}, ()),
    "a unicode escape": ({"name__endswith": "U&'\\0041'"}, ()),
    "other characters that look like quotes": ({"name__iexact": "\u02bc\uff07\u2019 OR 1=1 --"}, ()),
    "a comment hides nothing": ({"name__ilike": "/*", "code__ilike": "*/ OR 1=1"}, ()),
    "SQL in JSON": ({"meta__a": SQL}, ()),
    "SQL as the key of JSON": ({"meta__has_key": "a' OR 1=1 --"}, ()),
    "SQL in a list": ({"tags__overlap": ["{old}", "old'} OR 1=1", '","']}, ()),
    "an array literal in a list": ({"tags__contains": ['{"old","round"}']}, ()),
    "a path literal in a path": ({"meta__{a}": 1}, ()),
    "SQL in a path": ({"meta__x' OR 1=1 --": "quoted"}, (FIRST,)),
    "a jsonpath in a path": ({"meta__$.list[*]": "zero"}, ()),
    "a comma in a path parts nothing": ({"meta__list,0": "zero"}, ()),
}

# What is written as a column is one, or is refused.

NO_COLUMNS: dict[str, tuple[Any, str]] = {
    "SQL in a key": ({f"name{SQL}": 1}, "Unknown column"),
    "an expression": ({"lower(name)": "ammonite"}, "Unknown column"),
    "a cast": ({"name::text": "x"}, "Unknown column"),
    "a column of a table": ({"specimens.name": "x"}, "Unknown column 'specimens.name'"),
    "a quoted column": ({'"name"': "x"}, "did you mean 'name'"),
    "a space before": ({" name": "x"}, "did you mean 'name'"),
    "a space behind": ({"name ": "x"}, "did you mean 'name'"),
    "another case": ({"Name": "x"}, "did you mean 'name'"),
    "a misspelling": ({"nmae": "x"}, "did you mean 'name'"),
    "wide letters": ({"\uff4e\uff41\uff4d\uff45": "x"}, "Unknown column"),
    "a letter of another alphabet": ({"n\u0430me": "x"}, "did you mean 'name'"),
    "an invisible letter": ({"na\u200bme": "x"}, "did you mean 'name'"),
    "the star": ({"*": "x"}, "There are: age, code"),
    "nothing": ({"": "x"}, "Unknown column ''"),
    "a lookup alone": ({"__like": "x"}, "Unknown column ''"),
    "underscores alone": ({"______": "x"}, "Unknown column ''"),
    "a column of the system": ({"ctid": "(0,1)"}, "Unknown column 'ctid'"),
    "who wrote the row": ({"xmin__gt": 1}, "Unknown column 'xmin'"),
    "an attribute of Python": ({"__class__": "x"}, "Unknown column ''"),
    "a method of the table": ({"c": "x", "metadata": "y"}, "Unknown column 'c'"),
    "an operator of Django": ({"name__regex": ".*"}, "Unknown lookup on name 'regex'"),
    "an operator of Mongo": ({"$where": "1"}, "Unknown column '\\$where'"),
    "a misspelt lookup": ({"name__ilik": "x"}, "did you mean 'ilike'"),
    "a misspelt part of a date": ({"found_at__yaer": 2026}, "did you mean 'year'"),
    "a lookup in capitals": ({"name__LIKE": "x"}, "Unknown lookup on name 'LIKE'"),
    "a lookup of another type": ({"size__like": "x"}, "Unknown lookup on size 'like'"),
    "two lookups": ({"name__like__like": "x"}, "Unknown lookup on name 'like'"),
    "an argument of Python": (Q(self=1, groups=2), "Unknown column 'self'"),
    "a limit in a Q": (Q(limit=1), "Unknown column 'limit'"),
    "a lookup on the limit": ({"limit__gt": 1}, "Unknown column 'limit'"),
    "what is sensitive": ({"secret": "opal"}, "Unknown column 'secret'"),
    "what is sensitive, by its beginning": ({"secret__startswith": "o"}, "Unknown column 'secret'"),
    "whether there is what is sensitive": ({"secret__is_null": False}, "Unknown column 'secret'"),
    "what is sensitive, in a group": (Q(size=3) | ~Q(secret__in=["opal"]), "Unknown column 'secret'"),
    "what is sensitive, misspelt": ({"secretx": "opal"}, "Unknown column 'secretx'"),
    "a number for a key": ({1: 2}, "A key is text"),
    "None for a key": ({None: 2}, "A key is text"),
    "bytes for a key": ({b"name": "x"}, "A key is text"),
    "a tuple for a key": ({("name",): "x"}, "A key is text"),
    "a group for a key": ({Q(size=3): True}, "A key is text"),
    "NaN for a key": ({NAN: 1}, "A key is text"),
    "a number too long to be written": ({10**5000: 1}, "A key is text"),
    "a NUL in a key": ({"name\x00": "x"}, "A key is text"),
    "half a character in a key": ({"name\ud800": "x"}, "A key is text"),
    "a key of a megabyte": ({"name__" + "x" * 1_000_000: 1}, "at most 500"),
}

FOUND_BY_PATH: dict[str, tuple[Any, tuple[str, ...]]] = {
    "a part that is a lookup": ({"meta__like__e__e": "eel"}, (FIRST,)),
    "a lookup at the end": ({"meta__like": "eel"}, (FIRST,)),
    "a lookup on the whole": ({"meta__e": {"a": "1"}}, (SECOND,)),
    "the first of a list": ({"meta__list__0": "zero"}, (FIRST,)),
    "the last of a list": ({"meta__list__-1": "one"}, (FIRST,)),
    "behind the end of a list": ({"meta__list__2": "zero"}, ()),
    "an index beyond 64 bits": ({"meta__list__99999999999999999999": "zero"}, ()),
    "an index before 64 bits": ({"meta__list__-99999999999999999999": "zero"}, ()),
    "the smallest index": ({"meta__list__-2147483648": "zero"}, ()),
    "an index that is no whole number": ({"meta__list__0.0": "zero"}, ()),
    "an index in hexadecimal": ({"meta__list__0x0": "zero"}, ()),
    "an index in other digits": ({"meta__list__\u0660": "zero"}, ()),
    "a space for an index": ({"meta__list__ ": "zero"}, ()),
    "a path into text": ({"meta__list__0__0": "zero"}, ()),
    "a path into a number": ({"meta__a__a__is_null": True}, ALL),
    "eight parts": ({"meta__" + "__".join("abcdefgh"): 1}, ()),
    "a part that is an underscore": ({"meta___": 1}, ()),
    "a part of other characters": ({"meta__\U0001f600\u202e\u0301": 1}, ()),
    "a newline in a part": ({"meta__a\n": 1}, ()),
}

NO_PATHS: dict[str, tuple[Any, str]] = {
    "nine parts": ({"meta__" + "__".join("abcdefghi"): 1}, "at most 8 parts"),
    "a hundred parts": ({"meta__" + "__".join("a" * 100): 1}, "at most 8 parts"),
    "an empty part at the beginning": ({"meta____a": 1}, "no empty parts"),
    "an empty part at the end": ({"meta__a__": 1}, "no empty parts"),
    "an empty part alone": ({"meta__": 1}, "no empty parts"),
    "an empty part before a lookup": ({"meta____like": "x"}, "no empty parts"),
    "a NUL in a part": ({"meta__a\x00b": 1}, "A key is text"),
    "half a character in a part": ({"meta__\udfff": 1}, "A key is text"),
    "a path into text": ({"name__a__like": "x"}, "Unknown lookup on name 'a'"),
    "a path into a list": ({"tags__0": "old"}, "Unknown lookup on tags '0'"),
    "a path into a moment": ({"found_at__x__year": 2026}, "Unknown lookup on found_at 'x'"),
    "a path into words": ({"words__a__b": "x"}, "Unknown lookup on words 'b'"),
    "arrows": ({"meta->>'a'": 1}, "Unknown column"),
}

TEXTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "as long as text may be": ({"name": "a" * 10_000}, ()),
    "beyond the basic plane": ({"name__ilike": "\U0001f600"}, ()),
    "from right to left": ({"name__startswith": "\u202eetinommA"}, ()),
    "a mark of byte order": ({"name__ne": "\ufeffAmmonite"}, ALL),
    "joined and combined": ({"name__endswith": "e\u0301\u200d\u0301"}, ()),
    "a letter that grows in lower case": ({"name__istartswith": "\u0130" * 10_000}, ()),
    "a sharp s": ({"name__istartswith": "\u00df"}, ()),
    "controls": ({"name__in": ["\x01", "\x1a", "\x7f", "\x85", "\u2028"]}, ()),
    "not a character": ({"name": "\uffff\ufffe"}, ()),
    "a text of a class of its own": ({Pattern("name"): Pattern("Ammonite")}, (FIRST,)),
    "nothing at all": ({"name__like": "", "code__startswith": "", "name__endswith": ""}, (FIRST, SECOND)),
    "a percent is one": ({"name__like": "%"}, (SECOND,)),
    "an underscore is one": ({"name__ilike": "_"}, (SECOND,)),
    "a backslash is one": ({"name__like": "\\"}, (SECOND,)),
    "a backslash at the end": ({"name__startswith": "50%_\\"}, (SECOND,)),
    "an escaped percent is two characters": ({"name__like": "\\%"}, ()),
    "nothing but percents": ({"name__like": "%" * 10_000}, ()),
    "nothing but underscores": ({"name__not_ilike": "_" * 10_000}, ALL),
    "nothing but backslashes": ({"name__iendswith": "\\" * 9_999}, ()),
    "percents in JSON": ({"meta__list__0__jsonb_ilike": "%" * 9_999}, ()),
    "a pattern of percents": ({"name__like": Pattern("%" * 10_000)}, ALL),
    "a pattern that tries every place": ({"name__like": Pattern("%a" * 2_000 + "%b")}, ()),
    "the same in any case": ({"name__ilike": Pattern("%A" * 2_000 + "%b")}, ()),
    "a pattern of five thousand steps": ({"name__like": Pattern("%a" * 5_000)}, (THIRD,)),
    "a pattern of gaps": ({"name__ilike": Pattern("%_" * 5_000)}, (THIRD,)),
    "a pattern of gaps that does not end": ({"name__not_like": Pattern("_%" * 4_000 + "b")}, ALL),
    "a pattern of escapes": ({"name__like": Pattern("\\%\\_\\\\" * 1_000)}, ()),
    "a pattern where none is taken": ({"name__startswith": Pattern("%")}, ()),
}

SEARCHES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "a quote that nobody closes": ({"name__search": '"ammonite'}, (FIRST,)),
    "nothing but quotes": ({"name__search": '"""""""'}, ()),
    "nothing but operators": ({"name__search": "or OR - -"}, ()),
    "operators of another syntax": ({"name__search": "& | ! ( ) <-> :* \\"}, ()),
    "an operator where a word stands": ({"words__search": "ammonite & | !"}, (FIRST,)),
    "a weight": ({"words__search": "ammonite:A*"}, ()),
    "not, in two ways": ({"words__search": "-ammonite --ammonite"}, ()),
    "not nothing": ({"words__search": '-""'}, ()),
    "a space": ({"name__search": " \t\n"}, ()),
    "nothing": ({"words__search": ""}, ()),
    "SQL": ({"name__search": SQL}, ()),
    "thousands of words": ({"name__search": "a " * 5_000}, ()),
    "thousands of words that are not": ({"words__search": "-a " * 3_333}, ALL),
    "thousands of choices": ({"words__search": "b or " * 1_998 + "ammonite"}, (FIRST,)),
    "thousands of phrases": ({"name__search": '"a b" ' * 1_666}, ()),
    "one phrase of thousands": ({"name__search": '"' + "a " * 4_999}, ()),
    "a word that is too long for an index": ({"words__search": "b" * 10_000}, ()),
    "other characters": ({"words__search": "\U0001f600 \u202e \uffff"}, ()),
}

NO_TEXTS: dict[str, tuple[Any, str]] = {
    "longer than text may be": ({"name": "a" * 10_001}, "name takes text"),
    "ten megabytes": ({"name__like": "a" * 10_000_000}, "name takes text"),
    "ten thousand words": ({"name__search": "word " * 10_000}, "name takes text"),
    "a NUL": ({"name": "Ammonite\x00"}, "name takes text"),
    "a NUL in a list": ({"name__in": ["Ammonite", "\x00"]}, "name takes text"),
    "a NUL in a search": ({"words__search": "\x00"}, "words takes text"),
    "a NUL in a list of text": ({"tags__contains": ["\x00"]}, "tags takes text"),
    "the first half of a character": ({"name__like": "\ud83d"}, "name takes text"),
    "the second half of a character": ({"name__iexact": "\ude00"}, "name takes text"),
    "two halves in the wrong order": ({"name__search": "\ude00\ud83d"}, "name takes text"),
    "bytes": ({"name": b"Ammonite"}, "name takes text"),
    "a list": ({"name": ["Ammonite"]}, "name takes text"),
    "a mapping": ({"name__like": {"like": "%"}}, "name takes text"),
    "a class": ({"name": str}, "name takes text"),
    "None": ({"name": None}, "name__is_null"),
    "None, to be contained": ({"name__like": None}, "compared with NULL by name__is_null"),
    "a pattern too long": ({"name__like": Pattern("%" * 10_001)}, "name takes text"),
    "a pattern with a NUL": ({"name__like": Pattern("%\x00")}, "name takes text"),
    "a choice that is none": ({"kind": "bone' OR '1'='1"}, "one of bone, shell, leaf"),
    "a choice in capitals": ({"kind__in": ["bone", "BONE"]}, "one of bone, shell, leaf"),
    "a choice in a list": ({"kind": ["bone"]}, "one of bone, shell, leaf"),
}

NO_NUMBERS: dict[str, tuple[Any, str]] = {
    "17 bits": ({"small": 2**15}, "a whole number of 16 bits"),
    "17 bits, negative": ({"small__gte": -(2**15) - 1}, "a whole number of 16 bits"),
    "33 bits": ({"size__lt": 2**31}, "a whole number of 32 bits"),
    "33 bits in a list": ({"size__in": [1, -(2**31) - 1]}, "a whole number of 32 bits"),
    "65 bits": ({"count__between": [0, 2**63]}, "a whole number of 64 bits"),
    "a number of 5000 digits": ({"count": 10**5_000}, "a whole number of 64 bits"),
    "a number of a million digits": ({"count__ne": 1 << 3_321_928}, "a whole number of 64 bits"),
    "33 bits in a list of numbers": ({"numbers__contains": [2**31]}, "a whole number of 32 bits"),
    "a fraction": ({"size": 3.0}, "a whole number"),
    "a decimal": ({"size": Decimal(3)}, "a whole number"),
    "a truth": ({"size": True}, "a whole number"),
    "digits": ({"size": "3"}, "a whole number"),
    "other digits": ({"size": "\u0663"}, "a whole number"),
    "a complex number": ({"weight": 1 + 0j}, "a number"),
    "infinity": ({"weight__lt": INFINITY}, "a number"),
    "minus infinity": ({"weight__in": [-INFINITY]}, "a number"),
    "NaN": ({"weight__ne": NAN}, "a number"),
    "the word NaN": ({"weight": "NaN"}, "a number"),
    "more than a float": ({"weight": 10**400}, "a number"),
    "a decimal of more than a float": ({"weight": Decimal("1e400")}, "a number"),
    "a NaN that signals": ({"weight": Decimal("sNaN")}, "a number"),
    "NaN as a decimal": ({"price": Decimal("NaN")}, "decimal number"),
    "infinity as a decimal": ({"price__gt": Decimal("-Infinity")}, "decimal number"),
    "a signal as a decimal": ({"price__in": [Decimal("sNaN123")]}, "decimal number"),
    "a float as a decimal": ({"price": 1.5}, "decimal number"),
    "a huge exponent": ({"price": Decimal("1e1000")}, "decimal number"),
    "the largest exponent": ({"price__lt": Decimal("1e999999999999999999")}, "decimal number"),
    "a tiny exponent": ({"price": Decimal("1e-1000")}, "decimal number"),
    "nothing with a tiny exponent": ({"price": Decimal("0e-999999999")}, "decimal number"),
    "a thousand and one digits": ({"price": Decimal("1" * 500 + "." + "1" * 501)}, "decimal number"),
    "a whole number of a million digits as a decimal": ({"price": 1 << 3_321_928}, "decimal number"),
    "bits that are none": ({"is_whole": 1}, "true or false"),
    "the word true": ({"is_whole": "true"}, "true or false"),
    "the year beyond 32 bits": ({"found_at__year": 2**31}, "a whole number of 32 bits"),
    "the month before 32 bits": ({"found_on__month": -(2**31) - 1}, "a whole number of 32 bits"),
    "the day as text": ({"noted_at__day": "1"}, "a whole number of 32 bits"),
    "the year as a fraction": ({"found_on__year": 2026.5}, "a whole number of 32 bits"),
    "a truth for a question": ({"size__is_null": 1}, "true or false"),
    "the word for a question": ({"meta__a__is_null": "false"}, "true or false"),
}

NUMBERS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "the largest of 16 bits": ({"small__lte": 2**15 - 1}, ()),
    "the smallest of 32 bits": ({"size__gt": -(2**31)}, (FIRST, SECOND)),
    "the largest of 64 bits": ({"count": 2**63 - 1}, ()),
    "the largest float": ({"weight__lt": 1.7976931348623157e308}, ()),
    "the smallest float": ({"weight__gt": 5e-324}, ()),
    "minus nothing": ({"weight": -0.0}, ()),
    "a decimal of a thousand digits": ({"price__in": [Decimal("1e999"), Decimal("1e-999")]}, ()),
    "minus nothing as a decimal": ({"price": Decimal("-0")}, ()),
    "a month that is none": ({"found_at__month": 13}, ()),
    "a year before all": ({"found_on__year": -(2**31)}, ()),
    "a year after all": ({"noted_at__year": 2**31 - 1}, ()),
    "a day that is none": ({"found_at__day": 0}, ()),
}

MOMENTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "the first moment": ({"found_at__gte": datetime.min.replace(tzinfo=UTC)}, ()),
    "the last moment": ({"found_at__lte": datetime.max.replace(tzinfo=UTC)}, ()),
    "the first day": ({"found_on__gt": date.min}, ()),
    "the last day": ({"found_at__date": date.max}, ()),
    "the longest time": ({"age__in": [timedelta.max, timedelta.min]}, ()),
    "half a character between day and hour": ({"found_at": "2026-01-01\ud80000:00:00Z"}, ()),
    "a day of a week": ({"found_on": "2026-W01-1"}, ()),
}

NO_MOMENTS: dict[str, tuple[Any, str]] = {
    "a moment without its zone": ({"found_at": datetime(2026, 1, 1)}, "with its time zone"),  # noqa: DTZ001
    "a moment with a zone where none stands": ({"noted_at__lt": NOON}, "without a time zone"),
    "both in a list": ({"found_at__in": [NOON, NOON.replace(tzinfo=None)]}, "with its time zone"),
    "before the first moment": (
        {"found_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))},
        "with its time zone",
    ),
    "after the last moment": (
        {"found_at__lt": datetime.max.replace(tzinfo=timezone(-timedelta(hours=14)))},
        "with its time zone",
    ),
    "before the first, as text": ({"found_at": "0001-01-01T00:00:00+14:00"}, "with its time zone"),
    "a year of five digits": ({"found_at": "10000-01-01T00:00:00Z"}, "with its time zone"),
    "a year before Christ": ({"found_on": "-0044-03-15"}, "a date"),
    "the year 0": ({"found_on": "0000-01-01"}, "a date"),
    "a leap day of no leap year": ({"found_on": "2026-02-29"}, "a date"),
    "infinity": ({"found_at": "infinity"}, "with its time zone"),
    "now": ({"found_at": "now"}, "with its time zone"),
    "yesterday": ({"found_on": "yesterday"}, "a date"),
    "a day for a moment": ({"found_at": date(2026, 1, 1)}, "with its time zone"),
    "a moment for a day": ({"found_on": NOON}, "a date"),
    "seconds for a moment": ({"found_at": 1_767_225_600}, "with its time zone"),
    "a leap second": ({"found_at": "2016-12-31T23:59:60Z"}, "with its time zone"),
    "a zone that is none": ({"found_at": "2026-01-01T00:00:00+99:99"}, "with its time zone"),
    "a NUL in a date": ({"found_on": "2026-01-01\x00"}, "a date"),
    "other digits in a date": ({"found_on": "\u0662\u0660\u0662\u0666-01-01"}, "a date"),
    "a time with a zone": ({"opens_at": time(9, tzinfo=UTC)}, "a time of day"),
    "a time as text": ({"opens_at": "25:00"}, "a time of day"),
    "a moment for a time": ({"opens_at": NOON}, "a time of day"),
    "seconds for a duration": ({"age": 60}, "a duration"),
    "text for bytes": ({"print": "\\xff"}, "bytes"),
}

NO_UUIDS: dict[str, tuple[Any, str]] = {
    "a number": ({"uuid": 7}, "uuid takes a UUID"),
    "bytes": ({"uuid": UUID(int=7).bytes}, "uuid takes a UUID"),
    "too long": ({"uuid": "0" * 33}, "uuid takes a UUID"),
    "a sign in it": ({"uuid": "+" + "1" * 31}, "uuid takes a UUID"),
    "underscores in it": ({"uuid": "1_" * 15 + "11"}, "uuid takes a UUID"),
    "spaces around it": ({"uuid": " " + "1" * 30 + " "}, "uuid takes a UUID"),
    "other digits": ({"uuid": "\uff11" * 32}, "uuid takes a UUID"),
    "a NUL": ({"uuid": "1" * 31 + "\x00"}, "uuid takes a UUID"),
}

NO_LISTS: dict[str, tuple[Any, str]] = {
    "one more than a list may have": ({"size__in": list(range(1001))}, "at most 1000 values, not 1001"),
    "seventy thousand": ({"size__not_in": list(range(70_000))}, "at most 1000 values, not 70000"),
    "seventy thousand texts": ({"name__in": ["x"] * 70_000}, "at most 1000 values"),
    "seventy thousand in a set": ({"size__in": set(range(70_000))}, "at most 1000 values"),
    "a list in a list": ({"size__in": [[1, 2]]}, "a whole number"),
    "a list in ten thousand lists": ({"size__in": nested(10_000, lambda inner: [inner], 1)}, "a whole number"),
    "a list in itself": ({"size__in": cyclic()}, "a whole number"),
    "None in a list": ({"size__in": [1, None]}, "size__is_null"),
    "nothing but None": ({"name__not_in": [None] * 1000}, "name__is_null"),
    "another type in a list": ({"size__in": [1, "2"]}, "a whole number"),
    "a truth in a list": ({"size__in": [1, True]}, "a whole number"),
    "text for a list": ({"name__in": "Ammonite"}, "takes a list"),
    "bytes for a list": ({"size__in": b"\x03"}, "takes a list"),
    "a mapping for a list": ({"size__in": {3: 3}}, "takes a list"),
    "a generator": ({"size__in": (number for number in (3,))}, "takes a list"),
    "a range without an end in sight": ({"size__in": range(10**12)}, "takes a list"),
    "the keys of a mapping": ({"size__in": {3: 3}.keys()}, "takes a list"),
    "a deque": ({"size__in": deque([3])}, "takes a list"),
    "one value": ({"size__in": 3}, "takes a list"),
    "None for a list": ({"size__in": None}, "takes a list"),
    "one bound": ({"size__between": [1]}, "two values"),
    "three bounds": ({"size__between": [1, 2, 3]}, "two values"),
    "no bounds": ({"size__between": []}, "two values"),
    "None for a bound": ({"size__between": [None, 3]}, "size__is_null"),
    "a text of two letters": ({"name__between": "az"}, "two values"),
    "bounds without an order": ({"size__between": {1, 5}}, "two values"),
    "bounds by name": ({"size__between": {"low": 1, "high": 5}}, "two values"),
    "a generator of bounds": ({"size__between": iter((1, 5))}, "two values"),
    "a list of numbers as text": ({"numbers__contains": "1,2"}, "numbers takes a list"),
    "a list of lists for a list": ({"tags__overlap": [["old"]]}, "tags takes text"),
    "None in a list for a list": ({"tags__contained_by": ["old", None]}, "is_null"),
    "bytes in a list for a list": ({"tags": [b"old"]}, "tags takes text"),
    "a mapping for a list of text": ({"tags__contains": {"old": 1}}, "tags takes a list"),
    "seventy thousand for a list": ({"tags__overlap": ["old"] * 70_000}, "at most 1000 values"),
    "keys that are none": ({"meta__has_any_keys": ["a", 1]}, "meta takes text"),
    "keys in a text": ({"meta__has_all_keys": "a"}, "takes a list"),
    "no key": ({"meta__has_key": None}, "meta__is_null"),
}

LISTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "an empty list": ({"size__in": []}, ()),
    "not in an empty list": ({"size__not_in": ()}, (FIRST, SECOND)),
    "a set": ({"size__in": {3, 4}}, (FIRST, SECOND)),
    "a frozen set": ({"code__in": frozenset({"A1"})}, (FIRST,)),
    "a tuple": ({"size__in": (3,)}, (FIRST, SECOND)),
    "as long as a list may be": ({"size__in": list(range(1000))}, (FIRST, SECOND)),
    "the same a thousand times": ({"code__in": ["A1"] * 1000}, (FIRST,)),
    "bounds the wrong way round": ({"size__between": (5, 1)}, ()),
    "an empty list in every list": ({"tags__contains": []}, (FIRST, SECOND)),
    "an empty list overlaps nothing": ({"tags__overlap": []}, ()),
    "any of no keys": ({"meta__has_any_keys": []}, ()),
    "all of no keys": ({"meta__has_all_keys": []}, (FIRST, SECOND)),
}

NO_JSON: dict[str, tuple[Any, str]] = {
    "NaN": ({"meta__a": NAN}, "meta takes JSON"),
    "infinity in a list": ({"meta__a": [1, -INFINITY]}, "meta takes JSON"),
    "NaN in a mapping": ({"meta__contains": {"a": {"b": NAN}}}, "meta takes JSON"),
    "NaN as a decimal": ({"meta__a": Decimal("NaN")}, "meta takes JSON"),
    "a decimal of a huge exponent": ({"meta__a__gt": Decimal("1e9999")}, "meta takes JSON"),
    "65 bits": ({"meta__a": 2**64}, "meta takes JSON"),
    "65 bits, negative": ({"meta__a__lt": -(2**63) - 1}, "meta takes JSON"),
    "65 bits in a list": ({"meta__a__in": [1, 2**64]}, "meta takes JSON"),
    "a number of 5000 digits": ({"meta": {"a": 10**5000}}, "meta takes JSON"),
    "a set": ({"meta__a": {1}}, "meta takes JSON"),
    "a tuple": ({"meta__a": (1,)}, "meta takes JSON"),
    "bytes": ({"meta__a": b"1"}, "meta takes JSON"),
    "a moment": ({"meta__a": NOON}, "meta takes JSON"),
    "a UUID": ({"meta__a": UUID(int=7)}, "meta takes JSON"),
    "a class": ({"meta__a": dict}, "meta takes JSON"),
    "a function": ({"meta__a": print}, "meta takes JSON"),
    "a Q": ({"meta__a": Q(a=1)}, "meta takes JSON"),
    "a number for a key": ({"meta": {1: 1}}, "meta takes JSON"),
    "None for a key": ({"meta__contains": {None: 1}}, "meta takes JSON"),
    "a NUL in text": ({"meta__a": "\x00"}, "meta takes JSON"),
    "a NUL in a key": ({"meta": {"a\x00": 1}}, "meta takes JSON"),
    "half a character in text": ({"meta__a": ["\ud800"]}, "meta takes JSON"),
    "half a character in a key": ({"meta": {"\udfff": 1}}, "meta takes JSON"),
    "a long text": ({"meta__a": "a" * 10_001}, "meta takes JSON"),
    "21 lists deep": ({"meta__a": nested(21, lambda inner: [inner], 1)}, "meta takes JSON"),
    "21 mappings deep": ({"meta": nested(21, lambda inner: {"a": inner}, 1)}, "meta takes JSON"),
    "ten thousand lists deep": ({"meta__a": nested(10_000, lambda inner: [inner], 1)}, "meta takes JSON"),
    "ten thousand mappings deep": ({"meta": nested(10_000, lambda inner: {"a": inner}, 1)}, "meta takes JSON"),
    "a list in itself": ({"meta__a": cyclic()}, "meta takes JSON"),
    "a thousand and one nodes": ({"meta__a": [0] * 1_000}, "meta takes JSON"),
    "a million nodes": ({"meta": {str(number): 0 for number in range(1_000_000)}}, "meta takes JSON"),
    "a thousand lists of nearly a thousand": ({"meta__a__in": [[0] * 999] * 1000}, "meta takes"),
    "a list to be more than": ({"meta__a__gt": [1]}, "neither a number nor text"),
    "a mapping to be less than": ({"meta__a__lte": {}}, "neither a number nor text"),
    "null to be more than": ({"meta__a__gte": None}, "neither a number nor text"),
    "a truth to be less than": ({"meta__a__lt": True}, "neither a number nor text"),
    "a list between": ({"meta__a__between": [1, [2]]}, "neither a number nor text"),
    "a mapping for text": ({"meta__a__like": {"b": 1}}, "meta takes text"),
    "a list for the key": ({"meta__has_key": ["a"]}, "meta takes text"),
    "a NUL for the key": ({"meta__has_key": "a\x00"}, "meta takes text"),
    "a pattern for the key, cut in half": ({"meta__has_any_keys": ["\ud83d"]}, "meta takes text"),
    "one value for a list": ({"meta__a__in": {"a": 1}}, "takes a list"),
}

JSON: dict[str, tuple[Any, tuple[str, ...]]] = {
    "the largest number": ({"meta__a": 2**64 - 1}, ()),
    "the smallest number": ({"meta__a__gt": -(2**63)}, (FIRST,)),
    "a number is no text": ({"meta__a": 1}, (FIRST,)),
    "text is no number": ({"meta__a": "1"}, (SECOND,)),
    "a truth is no number": ({"meta__a": True}, ()),
    "a decimal is a number": ({"meta__a": Decimal("1.000")}, (FIRST,)),
    "a float is a number": ({"meta__a__in": [1.0, None]}, (FIRST,)),
    "null is a value": ({"meta__a": None}, ()),
    "the word null is text": ({"meta__a": "null"}, ()),
    "JSON in text is text": ({"meta__a": '{"a": 1}'}, ()),
    "twenty deep": ({"meta__a": nested(20, lambda inner: [inner], 1)}, ()),
    "a thousand nodes": ({"meta__a__ne": [0] * 999}, (FIRST, SECOND)),
    "a mapping of a class of its own": ({"meta": OrderedDict(a="1")}, (SECOND,)),
    "text is contained in no number": ({"meta__contains": "1"}, ()),
    "everything contains nothing": ({"meta__contains": {}}, (FIRST, SECOND)),
    "a list is contained in no mapping": ({"meta__contained_by": []}, ()),
    "the key of no mapping": ({"meta__a__has_key": "a"}, ()),
    "a key of SQL": ({"meta__has_key": "x' OR 1=1 --"}, (FIRST,)),
    "not in many": ({"meta__a__not_in": [[0] * 100] * 9}, (FIRST, SECOND)),
}

GROUPS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "nothing": (Q(), ALL),
    "nothing in nothing": (Q(Q(), Q(Q())), ALL),
    "ten thousand times nothing": (Q(*[Q()] * 10_000), ALL),
    "nothing ten thousand deep": (nested(10_000, Q, Q()), ALL),
    "not nothing": (~Q(), ()),
    "not not nothing": (~Q(~Q()), ALL),
    "ten thousand times not": (nested(10_000, lambda inner: ~inner, Q(size=3)), (FIRST, SECOND)),
    "five groups deep": (nested(5, lambda inner: Q(inner, size=3), Q(code="A1")), (FIRST,)),
    "fifty conditions": (Q(*[Q(size=3) & Q(code="A1")] * 16, size=3), (FIRST,)),
    "conditions that exclude each other": (Q(size=3) & Q(size=4), ()),
    "one condition, and not that": (Q(size=3) & ~Q(size=3), ()),
    "one condition, or not that": (Q(size=3) | ~Q(size=3), (FIRST, SECOND)),
}

NO_GROUPS: dict[str, tuple[Any, str]] = {
    "six groups deep": (nested(6, lambda inner: Q(inner, size=3), Q(code="A1")), "at most 5 deep"),
    "ten thousand groups deep": (nested(10_000, Q, Q(size=3)), "at most 5 deep"),
    "ten thousand groups and conditions": (
        nested(10_000, lambda inner: Q(inner, size=3), Q(size=3)),
        "at most 5 deep",
    ),
    "ten thousand negations": (nested(10_000, lambda inner: ~Q(inner), Q(size=3)), "at most 5 deep"),
    "ten thousand times and, or": (
        nested(5_000, lambda inner: (inner & Q(size=3)) | Q(size=4), Q(size=3)),
        "at most 5 deep",
    ),
    "a group of itself doubled": (nested(40, lambda inner: Q(inner, inner), Q(size=3)), "at most 50 conditions"),
    "ten thousand conditions joined by and": (chained(10_000, "&"), "at most 50 conditions"),
    "ten thousand conditions joined by or": (chained(10_000, "|"), "at most 50 conditions"),
    "ten thousand conditions at once": (
        {f"meta__k{number}": number for number in range(10_000)},
        "at most 50 conditions",
    ),
    "fifty-one conditions": (Q(**{f"meta__k{number}": number for number in range(51)}), "at most 50 conditions"),
    "fifty-one groups of not nothing": (Q(*[~Q()] * 51), "at most 50 conditions"),
    "a list for a filter": ([("size", 3)], "A filter is"),
    "an empty list for a filter": ([], "A filter is"),
    "text for a filter": ("size = 3 OR 1=1", "A filter is"),
    "no text for a filter": ("", "A filter is"),
    "a number for a filter": (1, "A filter is"),
    "a falsehood for a filter": (False, "A filter is"),
    "a set for a filter": ({"size"}, "A filter is"),
    "a class for a filter": (dict, "A filter is"),
}

NO_JOINS: dict[str, tuple[Callable[[], Any], str]] = {
    "a mapping in a Q": (lambda: Q({"size": 3}), "A Q joins other Qs"),  # type: ignore[arg-type]
    "text in a Q": (lambda: Q("size = 3 OR 1=1"), "A Q joins other Qs"),  # type: ignore[arg-type]
    "a pair in a Q": (lambda: Q(("size", 3)), "A Q joins other Qs"),  # type: ignore[arg-type]
    "None in a Q": (lambda: Q(None, size=3), "A Q joins other Qs"),  # type: ignore[arg-type]
    "a mapping joined by and": (lambda: Q(size=3) & {"code": "A1"}, "A Q joins other Qs"),  # type: ignore[operator]
    "a truth joined by or": (lambda: Q() | True, "A Q joins other Qs"),  # type: ignore[operator]
    "a pattern that ends in a backslash": (lambda: {"name__like": Pattern("50%\\")}, "end in a backslash"),
    "a pattern that ends in three": (lambda: {"name__like": Pattern("\\" * 3)}, "end in a backslash"),
    "a pattern that ends in ten thousand and one": (lambda: Pattern("\\" * 10_001), "end in a backslash"),
}

NO_BOUNDS: dict[str, tuple[Any, str]] = {
    "a limit below nothing": ({"limit": -1}, "limit is a whole number from 0"),
    "a limit beyond 64 bits": ({"limit": 2**63}, "limit is a whole number from 0"),
    "a limit as text": ({"limit": "1"}, "limit is a whole number from 0"),
    "a limit of SQL": ({"limit": "1; DELETE FROM users"}, "limit is a whole number from 0"),
    "a limit as a truth": ({"limit": True}, "limit is a whole number from 0"),
    "a limit as a float": ({"limit": 1.0}, "limit is a whole number from 0"),
    "a limit of all": ({"limit": INFINITY}, "limit is a whole number from 0"),
    "a limit as a decimal": ({"limit": Decimal(1)}, "limit is a whole number from 0"),
    "a limit in a list": ({"limit": [1]}, "limit is a whole number from 0"),
    "an offset below nothing": ({"offset": -1}, "offset is a whole number from 0"),
    "an offset beyond 64 bits": ({"offset": 10**100}, "offset is a whole number from 0"),
    "an offset as text": ({"offset": "0"}, "offset is a whole number from 0"),
    "an offset as a falsehood": ({"offset": False}, "offset is a whole number from 0"),
    "an offset as NaN": ({"offset": NAN}, "offset is a whole number from 0"),
}

BOUNDS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "no rows": ({"limit": 0}, ()),
    "a limit that is large": ({"limit": 2**62, "offset": 1}, (SECOND, THIRD)),
    "an offset that is large": ({"offset": 2**62}, ()),
    "no limit": ({"limit": None, "offset": None}, ALL),
}

# Each lookup of each type, given what is nearly right.

_NEARLY: dict[Family, tuple[Any, str]] = {
    Family.TEXT: (7, "takes text"),
    Family.CHOICE: ("stone", "takes one of bone, shell, leaf"),
    Family.INTEGER: ("3", "takes a whole number of"),
    Family.NUMBER: (1.5, "takes a whole or decimal number"),
    Family.FLOAT: ("0.5", "takes a number"),
    Family.BOOLEAN: (1, "takes true or false"),
    Family.UUID: ("00000000-0000-0000-0000-00000000000g", "takes a UUID"),
    Family.MOMENT: ("01.01.2026", "takes a date and time"),
    Family.DATE: ("01.01.2026", "takes a date"),
    Family.TIME: ("09:30", "takes a time of day"),
    Family.DURATION: (60, "takes a duration"),
    Family.BYTES: ("00ff", "takes bytes"),
    Family.JSON: (NAN, "takes JSON"),
    Family.LIST: ("old", "takes a list"),
    Family.DOCUMENT: (["ammonite"], "takes text"),
}


def _nearly_right() -> Iterator[Case]:
    for column in Specimen.__table__.c:
        asks: defaultdict[str, dict[str, Ask]] = defaultdict(dict)
        family = family_of(column.type)
        for name in sorted(LOOKUPS.names(family)) if not column.info.get("sensitive") else ():
            lookup = LOOKUPS.find(family, name)
            assert lookup is not None
            value, refusal = _NEARLY[family if lookup.value_type is None else family_of(lookup.value_type)]
            match lookup.takes:
                case Takes.MANY:
                    value = [value]
                case Takes.TWO:
                    value = [value, value]
                case Takes.WHETHER:
                    value, refusal = "true", "takes true or false"
            asks[refusal][name] = finding({f"{column.name}__{name}": value})
        for refusal, lookups in asks.items():
            yield Case(f"nearly right: {column.name} {refusal}", lookups, refusal)


FILTERS = [
    *answered("values", FOUND_BY_VALUE, finding),
    *refused("columns", NO_COLUMNS, finding),
    *answered("paths", FOUND_BY_PATH, finding),
    *refused("paths", NO_PATHS, finding),
    *answered("texts", TEXTS, finding),
    *answered("searches", SEARCHES, finding),
    *refused("texts", NO_TEXTS, finding),
    *answered("numbers", NUMBERS, finding),
    *refused("numbers", NO_NUMBERS, finding),
    *answered("moments", MOMENTS, finding),
    *refused("moments", NO_MOMENTS, finding),
    *refused("uuids", NO_UUIDS, finding),
    *answered("lists", LISTS, finding),
    *refused("lists", NO_LISTS, finding),
    *answered("JSON", JSON, finding),
    *refused("JSON", NO_JSON, finding),
    *answered("groups", GROUPS, finding),
    *refused("groups", NO_GROUPS, finding),
    *refused("made", NO_JOINS, making),
    *answered("bounds", BOUNDS, finding),
    *refused("bounds", NO_BOUNDS, finding),
    *_nearly_right(),
]
