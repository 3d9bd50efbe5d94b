"""Keys of what is cached: whoever can choose an argument cannot choose somebody else's key."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from src.app.application.common.filters import Q
from src.app.infrastructure.cache.keys import NoKeyError, digest_of


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Name:
    first: str
    last: str


DIFFERENT: list[tuple[Any, ...]] = [
    (),
    ("",),
    (None,),
    ("None",),
    ("a", "b"),
    ("a:b",),
    ("a', 'b",),
    ("a\x00b",),
    ("a\n b",),
    ("\ud800",),
    ("*",),
    ("x" * 100_000,),
    ("x" * 100_001,),
    (1,),
    (1.0,),
    (True,),
    ("1",),
    (Decimal(1),),
    (Decimal("1.0"),),
    (b"1",),
    ([1],),
    ((1,),),
    ([[1]],),
    ([1, 2],),
    ([[1], 2],),
    ({"a": 1},),
    ({"a": "1"},),
    ({"a": 1, "b": 2},),
    ([("a", 1)],),
    (Colour.RED,),
    ("red",),
    (date(2026, 1, 1),),
    (datetime(2026, 1, 1, tzinfo=UTC),),
    ("2026-01-01",),
    (UUID(int=1),),
    (str(UUID(int=1)),),
    (("UUID", UUID(int=1).hex),),
    (Name("a", "b"),),
    (Name("a", "c"),),
    (("Name", ("first", "a"), ("last", "b")),),
    (Q(a=1),),
    (~Q(a=1),),
    (Q(a=1) & Q(b=2),),
    (Q(a=1) | Q(b=2),),
    (Q(a=1) & ~Q(b=2),),
    (Q(a="1"),),
    (Q(a="1) & Q(b=2"),),
]


class TestDigest:
    def test_different_values_have_different_ones(self) -> None:
        digests = [digest_of(*values) for values in DIFFERENT]

        for one, another in combinations(range(len(DIFFERENT)), 2):
            assert digests[one] != digests[another], (DIFFERENT[one], DIFFERENT[another])
        assert {len(digest) for digest in digests} == {40}

    def test_the_order_of_a_mapping_says_nothing(self) -> None:
        assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})

    def test_what_hides_its_content_has_none(self) -> None:
        deep: list[Any] = []
        for _ in range(10_000):
            deep = [deep]
        for value in (SecretStr("a"), object(), {"a"}, lambda: 1, deep):
            with pytest.raises(NoKeyError):
                digest_of(value)
