from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest

from src.app.application.common.actor import Actor
from src.app.application.common.filters import Family, Q
from src.app.application.common.lists import (
    EXACT,
    JSON,
    LISTS,
    MOMENTS,
    RANGE,
    TEXT,
    Field,
    FilterSet,
    ListQuery,
    ListRequest,
    PageSizes,
)
from src.app.domain.common.exceptions import ValidationError

NOBODY = Actor(user_uuid=UUID(int=1))
SOMEBODY = Actor(user_uuid=UUID(int=1), permissions=frozenset({"secrets:read"}))


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(slots=True)
class Shown:
    uuid: UUID
    name: str | None
    price: Decimal
    weight: float
    size: int
    is_new: bool
    colour: Colour
    made_at: datetime
    made_on: date
    opens: time
    tags: list[str]
    numbers: list[int] | None
    meta: dict[str, Any]
    secret: str
    internal: str


THINGS = FilterSet(
    Shown,
    {
        "uuid": Field(lookups=EXACT),
        "name": Field(lookups=TEXT, is_sortable=True, column="title"),
        "price": Field(lookups=RANGE, is_sortable=True),
        "weight": Field(lookups=RANGE),
        "size": Field(lookups=RANGE),
        "is_new": Field(lookups=EXACT),
        "colour": Field(lookups=EXACT),
        "made_at": Field(lookups=MOMENTS, is_sortable=True),
        "made_on": Field(lookups=RANGE),
        "opens": Field(lookups=RANGE),
        "tags": Field(lookups=LISTS),
        "numbers": Field(lookups=LISTS),
        "meta": Field(lookups=JSON, is_sortable=True),
        "secret": Field(lookups=EXACT, is_sortable=True, permission="secrets:read"),
    },
    sort=("-made_at",),
)


def admitted(actor: Actor = NOBODY, **request: Any) -> ListQuery:
    return THINGS.query(ListRequest(**request), actor=actor, sizes=PageSizes(10, 50))


def value_of(key: str, value: Any) -> Any:
    [child] = admitted(where=Q.of({key: value})).where.children
    assert isinstance(child, tuple)
    return child[1]


class TestConditions:
    @pytest.mark.parametrize(
        ("key", "text", "value"),
        [
            ("uuid", "00000000-0000-0000-0000-000000000007", UUID(int=7)),
            ("price", "12.50", Decimal("12.50")),
            ("weight__lt", "0.5", 0.5),
            ("size__in", "1, 2,3", [1, 2, 3]),
            ("size__between", "-1,+1", [-1, 1]),
            ("is_new", "true", True),
            ("colour__in", "red,blue", ["red", "blue"]),
            ("made_at__gte", "2025-01-01", datetime(2025, 1, 1, tzinfo=UTC)),
            ("made_at__gte", "2025-01-01T10:00:00+00:00", datetime(2025, 1, 1, 10, tzinfo=UTC)),
            ("made_at__date", "2025-01-01", date(2025, 1, 1)),
            ("made_at__year", "2025", 2025),
            ("made_on", "2025-01-31", date(2025, 1, 31)),
            ("opens", "09:30", time(9, 30)),
            ("tags__overlap", 'a,"b, c"', ["a", "b, c"]),
            ("numbers__contains", "1,2", [1, 2]),
            ("numbers__is_null", "false", False),
            ("meta__a", "5", 5),
            ("meta__a", '"5"', "5"),
            ("meta__a", "dark", "dark"),
            ("meta__a", "null", None),
            ("meta__a__jsonb_like", "5", "5"),
            ("meta__a__in", "1,true,x", [1, True, "x"]),
            ("meta__contains", '{"a": [1]}', {"a": [1]}),
            ("meta__has_any_keys", "1,b", ["1", "b"]),
        ],
    )
    def test_text_becomes_a_value_of_its_type(self, key: str, text: str, value: Any) -> None:
        found = value_of(key, text)

        assert found == value
        assert type(found) is type(value)

    @pytest.mark.parametrize(
        ("key", "value"), [("size", 5), ("is_new", True), ("size__in", [1, 2]), ("meta__a", [1])]
    )
    def test_a_value_stays_what_it_is(self, key: str, value: Any) -> None:
        assert value_of(key, value) == value

    def test_the_key_is_the_repositorys_and_says_its_lookup(self) -> None:
        where = Q.of({"name": "a", "name__ilike": "b", "meta__search": 1, "meta__a__jsonb_like": "c"})

        keys = [child[0] for child in admitted(where=where).where.children if isinstance(child, tuple)]

        assert keys == ["title__e", "title__ilike", "meta__search__e", "meta__a__like"]

    def test_groups_stay_as_they_are(self) -> None:
        where = (Q(size="1") | ~Q(size="2")) & Q(is_new="true")

        assert repr(admitted(where=where).where) == "Q(Q(size__e=1 OR ~Q(size__e=2)) AND is_new__e=True)"

    @pytest.mark.parametrize(
        ("key", "text", "message"),
        [
            ("internal", "x", "Unknown column 'internal'"),
            ("title", "x", "Unknown column 'title'"),
            ("name__search", "x", "Unknown lookup on name 'search'"),
            ("name__a__b", "x", "Unknown lookup on name 'b'"),
            ("size__gtt", "1", "did you mean 'gt"),
            ("size", "١٢", "takes a whole number"),
            ("size", "1_000", "takes a whole number"),
            ("uuid", "+" + "1" * 31, "takes a UUID"),
            ("price", "1e999999999", "takes a whole or decimal number"),
            ("price", "NaN", "takes a whole or decimal number"),
            ("weight", "inf", "takes a number"),
            ("colour", "green", "takes one of red, blue"),
            ("is_new", "1", "takes true or false"),
            ("made_at", "2025-01-01T10:00:00", "its time zone"),
            ("made_on", "20250101", "takes a date"),
            ("size__in", '"1', "parted by commas"),
            ("size__in", "1\n2", "parted by commas"),
            ("meta__a", "[" * 999, "takes JSON"),
            ("meta__a", "x" * 1001, "takes JSON"),
            ("meta__a", "9" * 1000 + "x", "takes JSON"),
        ],
    )
    def test_what_is_refused(self, key: str, text: str, message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            admitted(where=Q.of({key: text}))


class TestWhoMay:
    @pytest.mark.parametrize(
        "request_", [{"where": Q(secret="x")}, {"sort": ("secret",)}, {"fields": ("secret",)}]
    )
    def test_what_a_caller_may_not_see_is_not_there(self, request_: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match="Unknown") as refused:
            admitted(**request_)

        assert "secret" not in refused.value.message.partition("There are")[2]
        assert admitted(SOMEBODY, **request_)

    def test_nor_is_it_in_the_answer(self) -> None:
        assert "secret" not in (admitted().fields or ("secret",))
        assert "secret" in (admitted(SOMEBODY).fields or ())
        assert {one.name for one in THINGS.allowed(SOMEBODY)} - {one.name for one in THINGS.allowed(NOBODY)} == {
            "secret"
        }


class TestOrderAndPage:
    def test_the_order_is_the_repositorys(self) -> None:
        assert admitted().order == ("-made_at",)
        assert admitted(sort=("-name", "meta__name__nulls_first")).order == ("-title", "meta__name__nulls_first")

    @pytest.mark.parametrize("key", ["size", "price__a", "-", "", "uuid"])
    def test_what_cannot_be_ordered_by_is_refused(self, key: str) -> None:
        with pytest.raises(ValidationError):
            admitted(sort=(key,))

    def test_the_size_has_a_default_and_an_end(self) -> None:
        assert (admitted().limit, admitted(limit=20).limit, admitted(limit=51).limit) == (10, 20, 50)

    def test_the_number_of_a_page_is_an_offset(self) -> None:
        query = admitted(limit=100, page=3)

        assert (query.limit, query.offset) == (50, 100)


class TestDeclaration:
    def test_a_type_that_nobody_can_ask_by_is_a_mistake(self) -> None:
        @dataclass
        class Odd:
            value: complex

        with pytest.raises(TypeError, match="complex"):
            FilterSet(Odd, {"value": Field(lookups=EXACT)}, sort=())

    @pytest.mark.parametrize(
        ("fields", "sort"),
        [
            ({"nmae": Field()}, ()),
            ({"name": Field(lookups="ilike")}, ()),  # type: ignore[arg-type]
            ({"name": Field(lookups=TEXT)}, ("name",)),
            ({"name": Field(is_sortable=True)}, ("-nmae",)),
        ],
    )
    def test_a_wrong_declaration_is_told_when_it_is_made(
        self, fields: dict[str, Field], sort: tuple[str, ...]
    ) -> None:
        with pytest.raises((TypeError, ValidationError)):
            FilterSet(Shown, fields, sort=sort)

    def test_what_is_not_declared_is_not_shown(self) -> None:
        assert "internal" not in (admitted(SOMEBODY).fields or ("internal",))

    def test_it_describes_itself(self) -> None:
        described = {one.name: one for one in THINGS.allowed()}

        assert described["tags"].family is Family.LIST
        assert described["numbers"].element is Family.INTEGER
        assert described["colour"].choices == ("red", "blue")
        assert described["price"].is_sortable
