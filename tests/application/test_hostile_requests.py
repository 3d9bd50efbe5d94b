"""What a door of another kind may hand over: values of their types, and more of them than a URL holds."""

import asyncio
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest

from src.app.application.common.actor import Actor
from src.app.application.common.filters import Q
from src.app.application.common.lists import ListRequest
from src.app.application.container import Container
from src.app.domain.common.exceptions import ValidationError

DEEP: Any = None
for _ in range(10_000):
    DEEP = [DEEP]

TREE = Q(city="Rome")
for _ in range(10_000):
    TREE = Q(TREE)

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a column that is none": ({"where": Q(emial="x")}, "did you mean 'email'"),
    "a hash": ({"where": Q(password_hashed="x")}, "Unknown column 'password_hashed'"),
    "a hash in a group": ({"where": Q(city="Rome") | ~Q(password_hashed__is_null=True)}, "Unknown column"),
    "a key of a number": ({"where": Q.of({1: "x"})}, "A key is text"),  # type: ignore[dict-item]
    "a NUL in a key": ({"where": Q.of({"city\x00": "x"})}, "A key is text"),
    "a NUL in a value": ({"where": Q(city="\x00")}, "city takes text"),
    "half a character in a value": ({"where": Q(city="\ud800")}, "city takes text"),
    "a megabyte of text": ({"where": Q(city="x" * 1_000_000)}, "at most 10000 characters"),
    "ten thousand words": ({"where": Q(full_name__search="word " * 10_000)}, "at most 10000 characters"),
    "a number for text": ({"where": Q(city=7)}, "city takes text"),
    "a list for text": ({"where": Q(city=["Rome"])}, "city takes text"),
    "a mapping for text": ({"where": Q(city__ilike={"a": 1})}, "city takes text"),
    "None for text": ({"where": Q(city=None)}, "city__is_null"),
    "a list in a list": ({"where": Q(city__in=[["Rome"]])}, "city takes text"),
    "a list as deep as can be": ({"where": Q(city__in=DEEP)}, "city"),
    "a set for a list": ({"where": Q(uuid__in={"x"})}, "takes a UUID"),
    "seventy thousand": ({"where": Q(city__in=["Rome"] * 70_000)}, "at most 1000 values"),
    "seventy thousand, parted by commas": ({"where": Q(city__in="Rome," * 70_000)}, "at most 1000 values"),
    "a quoted text too long for a list": ({"where": Q(city__in=f'"{"x" * 200_000}"')}, "parted by commas"),
    "a number for a truth": ({"where": Q(is_active=1)}, "true or false"),
    "a number for a UUID": ({"where": Q(uuid=7)}, "takes a UUID"),
    "a truth for a year": ({"where": Q(birthday__year=True)}, "a whole number of 32 bits"),
    "a number for a day": ({"where": Q(birthday=20260101)}, "takes a date"),
    "a moment for a day": ({"where": Q(birthday=datetime(2026, 1, 1))}, "takes a date"),  # noqa: DTZ001
    "a moment without its zone": ({"where": Q(created_at__lt=datetime(2026, 1, 1))}, "its time zone"),  # noqa: DTZ001
    "a day for a moment": ({"where": Q(created_at__lt=date(2026, 1, 1))}, "its time zone"),
    "three bounds": ({"where": Q(created_at__between=["2026-01-01"] * 3)}, "two values"),
    "NaN in JSON": ({"where": Q(meta__a=float("nan"))}, "meta takes JSON"),
    "JSON as deep as can be": ({"where": Q(meta__a=DEEP)}, "meta takes JSON"),
    "a megabyte of JSON": ({"where": Q(meta__a="[" * 1_000_000)}, "takes JSON"),
    "a million nodes of JSON": ({"where": Q(meta__a=[0] * 1_000_000)}, "meta takes JSON"),
    "what is no JSON": ({"where": Q(meta__a=object())}, "meta takes JSON"),
    "groups as deep as can be": ({"where": TREE}, "at most 5 deep"),
    "ten thousand conditions": (
        {"where": Q(**{f"meta__k{n}": n for n in range(10_000)})},
        "at most 50 conditions",
    ),
    "a hundred thousand keys of an order": ({"sort": ("email",) * 100_000}, "at most 8 keys"),
    "an order by a hash": ({"sort": ("-password_hashed",)}, "Unknown column 'password_hashed'"),
    "the field of a hash": ({"fields": ("email", "password_hashed")}, "Unknown field 'password_hashed'"),
    "a limit below nothing": ({"limit": -1}, "limit is a whole number from 0"),
    "a limit below 64 bits": ({"limit": -(2**70)}, "limit is a whole number from 0"),
    "an offset below nothing": ({"offset": -1}, "offset is a whole number from 0"),
    "an offset beyond 64 bits": ({"offset": 2**64}, "offset is a whole number from 0"),
    "the page before the first": ({"page": 0}, "offset is a whole number from 0"),
    "a page beyond 64 bits": ({"page": 2**64}, "offset is a whole number from 0"),
    "a cursor of a megabyte": ({"cursor": "A" * 1_000_000}, "begin again without one"),
    "a cursor and an offset": ({"cursor": "A", "offset": 1}, "not at both"),
}


class TestEveryRequest:
    @pytest.mark.parametrize(("request_", "message"), REFUSED.values(), ids=REFUSED)
    async def test_that_cannot_be_is_refused(
        self, container: Container, request_: dict[str, Any], message: str
    ) -> None:
        async with asyncio.timeout(5):
            with pytest.raises(ValidationError, match=message):
                await container.users_service.list_users(Actor.system(), ListRequest(**request_))
            await asyncio.sleep(0.001)  # Who kept the loop from running is told only now.

    async def test_a_limit_above_the_largest_is_the_largest(self, container: Container) -> None:
        page = await container.users_service.list_users(Actor.system(), ListRequest(limit=2**70))

        assert page.limit == 5000

    async def test_nobody_is_found_by_a_uuid_that_nobody_has(self, container: Container) -> None:
        page = await container.users_service.list_users(Actor.system(), ListRequest(where=Q(uuid=uuid4())))

        assert page.items == []
