"""The base repository through the users' one, on real PostgreSQL."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from src.app.application.common.filters import Q
from src.app.application.dto.users import UserDTO
from src.app.domain.common.contact import Email
from src.app.domain.common.exceptions import ConflictError, NotFoundError, StaleVersionError, ValidationError
from src.app.domain.users.aggregates.user_agg import UserAggregate
from src.app.domain.users.exceptions import EmailTakenError
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.persistence.models.sessions import Session
from src.app.infrastructure.persistence.models.users import User
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository, UsersPSQLUnitOfWork
from tests.builders.users import NOW, a_user, an_email

DAYS = timedelta(days=9)


@pytest.fixture
def users(process: Process) -> UsersPSQLRepository:
    return UsersPSQLRepository(process.database)


def a_row(**changes: Any) -> dict[str, Any]:
    return {"uuid": uuid4(), "email": an_email(), "first_name": "Ada", "last_name": "Lovelace", **changes}


class TestCreate:
    async def test_the_row_comes_back_as_it_is_stored(self, users: UsersPSQLRepository) -> None:
        created = await users.create(a_row(email="ada@example.com", meta={"theme": {"name": "dark"}}))

        assert created is not None
        assert created.email == Email("ada@example.com")
        assert str(created.name) == "Ada Lovelace"
        assert created.meta == {"theme": {"name": "dark"}}
        assert created == await users.get_one({"uuid": created.uuid})

    async def test_a_misspelt_column_is_named_in_every_write(self, users: UsersPSQLRepository) -> None:
        for write in (
            users.create(a_row(emial="x")),
            users.update({"city": "Rome"}, {"emial": "x"}),
            users.create_bulk([a_row(emial="x")]),
            users.update_bulk([{"id": 1, "emial": "x"}]),
        ):
            with pytest.raises(ValidationError, match="did you mean 'email'"):
                await write

    async def test_what_nobody_could_read_is_not_written(self, users: UsersPSQLRepository) -> None:
        for write in (
            users.create(a_row(email="no address")),
            users.create_bulk([a_row(), a_row(email="no address")]),
            users.get_or_create({"email": "no address"}, {"uuid": uuid4()}),
            users.upsert_bulk([a_row(email="no address")], ["email"]),
        ):
            with pytest.raises(ValidationError, match="e-mail"):
                await write
        assert await users.count() == 0

        created = await users.create(a_row(city="Rome"))
        assert created is not None
        with pytest.raises(ValidationError):
            await users.update({"uuid": created.uuid}, {"first_name": "4711"})

        assert await users.get_one({"uuid": created.uuid}) == created

    async def test_without_return_there_is_none(self, users: UsersPSQLRepository) -> None:
        assert await users.create(a_row(), is_return_require=False) is None
        assert await users.count() == 1

    async def test_made_with_nothing_it_uses_the_database_of_the_process(self, process: Process) -> None:
        await UsersPSQLRepository().create(a_row())

        assert await UsersPSQLRepository().count() == 1


class TestSave:
    async def test_everything_of_an_aggregate_survives(self, process: Process, users: UsersPSQLRepository) -> None:
        user = a_user(city="Rome", meta={"a": [1, None]})
        async with UsersPSQLUnitOfWork(process.database) as uow:
            await uow.users.add(user)

        loaded = await users.get_one({"uuid": user.uuid})

        assert {name: getattr(loaded, name) for name in user.__slots__} == {
            name: getattr(user, name) for name in user.__slots__
        }
        assert loaded.id is not None

    async def test_who_saves_an_older_state_is_refused(self, users: UsersPSQLRepository) -> None:
        await users.create(a_row(email="ada@example.com"))
        first, second = [await users.get_one({"email": "ada@example.com"}) for _ in range(2)]
        first.rehash_password("x", now=NOW)
        second.rehash_password("y", now=NOW)
        await users.save(first)

        with pytest.raises(StaleVersionError):
            await users.save(second)

        assert (await users.get_one({"uuid": first.uuid})).password_hashed == "x"
        assert first.version == 2

    @pytest.mark.parametrize("change", ["update", "update_bulk", "remove"])
    async def test_a_change_by_filter_is_a_change_too(self, users: UsersPSQLRepository, change: str) -> None:
        created = await users.create(a_row())
        assert created is not None
        match change:
            case "update":
                await users.update({"uuid": created.uuid}, {"city": "Rome"})
            case "update_bulk":
                await users.update_bulk([{"id": created.id, "city": "Rome"}])
            case _:
                await users.remove({"uuid": created.uuid})
        created.rehash_password("x", now=NOW)

        with pytest.raises(StaleVersionError):
            await users.save(created)

    async def test_events_are_saved_in_a_unit_of_work_or_not_at_all(self, users: UsersPSQLRepository) -> None:
        user = UserAggregate.register(uuid=uuid4(), now=NOW, email=Email(an_email()))

        with pytest.raises(RuntimeError, match="unit of work"):
            await users.add(user)


class TestFilters:
    @pytest.fixture(autouse=True)
    async def three_users(self, users: UsersPSQLRepository) -> None:
        shared = {"is_active": True, "created_at": NOW}
        dark = {"theme": "dark", "tags": {"a": "100%"}, "level": 2.5}
        light = {"theme": "light", "level": 10}
        await users.create_bulk(
            [
                a_row(**shared | {"email": "ada@example.com", "city": "Rome", "meta": dark}),
                a_row(**shared | {"email": "bob@example.com", "city": "Oslo", "meta": light, "is_active": False}),
                a_row(**shared | {"email": "eve@other.org", "city": None, "meta": {}, "created_at": NOW - DAYS}),
            ],
            is_return_require=False,
        )

    @pytest.mark.parametrize(
        ("where", "found"),
        [
            ({}, "ada bob eve"),
            ({"email": "ada@example.com"}, "ada"),
            ({"email__e": "ada@example.com"}, "ada"),
            ({"email__ne": "ada@example.com"}, "bob eve"),
            ({"email__like": "example"}, "ada bob"),
            ({"email__ilike": "EXAMPLE"}, "ada bob"),
            ({"email__like": "%"}, ""),
            ({"email__not_like": "example"}, "eve"),
            ({"email__not_ilike": "EXAMPLE"}, "eve"),
            ({"email__startswith": "ada"}, "ada"),
            ({"email__endswith": ".org"}, "eve"),
            ({"email__iexact": "ADA@example.com"}, "ada"),
            ({"city__in": ["Rome", "Oslo"]}, "ada bob"),
            ({"city__in": []}, ""),
            ({"city__not_in": ["Rome"]}, "bob"),
            ({"city__is_null": True}, "eve"),
            ({"city__is_null": False}, "ada bob"),
            ({"is_active": True}, "ada eve"),
            ({"created_at__lt": NOW}, "eve"),
            ({"created_at__gte": NOW.isoformat()}, "ada bob"),
            ({"created_at__between": (NOW - timedelta(days=10), NOW - timedelta(days=8))}, "eve"),
            ({"email__gt": "b", "email__lte": "bob@example.com"}, "bob"),
            ({"meta__theme": "dark"}, "ada"),
            ({"meta__theme__jsonb_like": "ar"}, "ada"),
            ({"meta__tags__a__jsonb_like": "0%"}, "ada"),
            ({"meta__tags__a__like": "_"}, ""),
            ({"meta__tags": {"a": "100%"}}, "ada"),
            ({"email__istartswith": "ADA"}, "ada"),
            ({"email__iendswith": ".ORG"}, "eve"),
            ({"created_at__date": NOW.date()}, "ada bob"),
            ({"created_at__year": NOW.year, "created_at__month": NOW.month, "created_at__day": 1}, "ada bob"),
            ({"created_at__month": NOW.month - 1}, "eve"),
            ({"meta__theme__ne": "dark"}, "bob"),
            ({"meta__level__gt": 9}, "bob"),
            ({"meta__level__jsonb_gte": 2.5}, "ada bob"),
            ({"meta__level__lt": 10}, "ada"),
            ({"meta__level__lte": 10.0}, "ada bob"),
            ({"meta__level__gt": "1"}, ""),
            ({"meta__level__in": [10, "x"]}, "bob"),
            ({"meta__level__not_in": [10]}, "ada"),
            ({"meta__theme__not_like": "ar"}, "bob"),
            ({"meta__theme__ilike": "DARK"}, "ada"),
            ({"meta__theme__is_null": True}, "eve"),
            ({"meta__has_key": "tags"}, "ada"),
            ({"meta__has_any_keys": ["tags", "theme"]}, "ada bob"),
            ({"meta__has_all_keys": ["tags", "theme"]}, "ada"),
            ({"meta__contains": {"tags": {"a": "100%"}}}, "ada"),
            ({"meta__contained_by": {"theme": "light", "level": 10, "more": 1}}, "bob eve"),
            ({"meta__theme": None}, ""),
            (Q(city="Rome") | Q(city="Oslo"), "ada bob"),
            (Q(is_active=True) & ~Q(city="Rome"), ""),
            (~Q(is_active=True), "bob"),
            (Q(Q(city="Rome") | Q(city__is_null=True), is_active=True), "ada eve"),
        ],
    )
    async def test_what_is_found(self, users: UsersPSQLRepository, where: Any, found: str) -> None:
        rows = await users.get_list(where, order_data=("email",))

        assert " ".join(str(row.email).partition("@")[0] for row in rows) == found
        assert await users.count(where) == len(rows)
        assert await users.exists(where) == bool(rows)

    @pytest.mark.parametrize(
        ("where", "message"),
        [
            ({"emial": "x"}, "did you mean 'email'"),
            ({"email__contians": "x"}, "Unknown lookup on email 'contians'"),
            ({"is_active__like": "x"}, "Unknown lookup"),
            ({"password_hashed": "x"}, "Unknown column 'password_hashed'"),
            ({"id": "1"}, "takes a whole number"),
            ({"id": True}, "takes a whole number"),
            ({"id": 2**63}, "64 bits"),
            ({"version": 2**31}, "32 bits"),
            ({"email": 1}, "takes text"),
            ({"email": "a\x00"}, "takes text"),
            ({"email": "\ud800"}, "takes text"),
            ({"uuid": "nonsense"}, "takes a UUID"),
            ({"is_active": "true"}, "takes true or false"),
            ({"created_at": "2026-01-01T00:00:00"}, "with its time zone"),
            ({"birthday": "2026-02-30"}, "takes a date"),
            ({"email__in": "ada"}, "takes a list"),
            ({"email__in": ["x"] * 1001}, "at most 1000"),
            ({"created_at__between": [NOW]}, "two values"),
            ({"city__is_null": "yes"}, "true or false"),
            ({"meta__" + "__".join("abcdefghi"): 1}, "at most 8 parts"),
            ({"meta__a": float("nan")}, "takes JSON"),
            ({"meta__a": ["\x00"]}, "takes JSON"),
            ({"meta__a": {"\ud800": 1}}, "takes JSON"),
            ({"meta__a": object()}, "takes JSON"),
            ({"meta__has_key": 1}, "takes text"),
            ({"created_at__year": "2026"}, "takes a whole number"),
            ({"created_at__date": "yesterday"}, "takes a date"),
        ],
    )
    async def test_what_is_refused(self, users: UsersPSQLRepository, where: Any, message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            await users.get_list(where)

    @pytest.mark.parametrize("where", [[], "", 0, "id = 1", [("city", "Rome")]])
    async def test_what_is_no_filter_is_refused(self, users: UsersPSQLRepository, where: Any) -> None:
        with pytest.raises(ValidationError, match="A filter is a mapping"):
            await users.get_list(where)

    async def test_groups_nest_only_so_deep(self, users: UsersPSQLRepository) -> None:
        nested = Q(city="Rome")
        for _ in range(2000):
            nested = Q(nested, is_active=True)

        with pytest.raises(ValidationError, match="at most 5 deep"):
            await users.get_list(nested)

    async def test_order_and_bounds(self, users: UsersPSQLRepository) -> None:
        async def emails(**options: Any) -> list[str]:
            return [str(row.email)[:3] for row in await users.get_list(**options)]

        assert await emails(order_data=("-email",)) == ["eve", "bob", "ada"]
        assert await emails(order_data=("city",)) == ["bob", "ada", "eve"]
        assert await emails(order_data=("-city",)) == ["ada", "bob", "eve"]
        assert await emails(filter_data={"limit": 1, "offset": 1}, order_data=("email",)) == ["bob"]

    @pytest.mark.parametrize("bounds", [{"limit": -1}, {"offset": -1}, {"limit": "1"}, {"limit": 2**63}])
    async def test_impossible_bounds_are_refused(self, users: UsersPSQLRepository, bounds: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match="whole number"):
            await users.get_list(bounds)

    async def test_an_unknown_column_to_order_by_is_refused(self, users: UsersPSQLRepository) -> None:
        with pytest.raises(ValidationError, match="did you mean 'email'"):
            await users.get_list(order_data=("emial",))

    async def test_a_page_knows_how_much_there_is(self, users: UsersPSQLRepository) -> None:
        page = await users.get_page({"is_active": True}, order_data=("email",), limit=1, out=UserDTO)

        assert ([item.email for item in page.items], page.total, page.has_more) == (["ada@example.com"], 2, True)
        assert (await users.get_page({"is_active": True}, offset=5)).total == 2

    async def test_another_dataclass_may_be_asked_for(self, users: UsersPSQLRepository) -> None:
        @dataclass
        class Place:
            city: str | None

        assert await users.get_first({"email": "ada@example.com"}, out=Place) == Place("Rome")

    async def test_statements_of_one_shape_are_compiled_once(self, users: UsersPSQLRepository) -> None:
        await users.get_list({"city__in": ["a"]})
        before = len(users._build._statements)

        for number in range(20):
            await users.get_list({"city__in": [str(number)] * number})

        assert len(users._build._statements) == before


class TestStream:
    async def test_all_rows_come_a_few_at_a_time(self, users: UsersPSQLRepository) -> None:
        await users.create_bulk([a_row(city=f"c{n:03}") for n in range(250)], is_return_require=False)

        cities = [user.city async for user in users.stream({"city__lt": "c200"}, order_data=("city",), batch=30)]

        assert cities == [f"c{n:03}" for n in range(200)]

    async def test_who_stops_early_gives_the_connection_back(
        self, process: Process, users: UsersPSQLRepository
    ) -> None:
        await users.create_bulk([a_row() for _ in range(50)], is_return_require=False)

        for _ in range(process.database.pool.get_max_size() + 5):
            async with aclosing(users.stream(batch=10)) as rows:
                assert await anext(rows)

        assert await users.count() == 50

    @pytest.mark.parametrize("batch", [0, -1, 2**31, True, "10"])
    async def test_so_many_at_a_time_are_none(self, users: UsersPSQLRepository, batch: Any) -> None:
        with pytest.raises(ValidationError, match="batch is a whole number from 1"):
            await anext(users.stream(batch=batch))

    async def test_in_a_unit_of_work_it_sees_what_is_not_committed(self, process: Process) -> None:
        async with UsersPSQLUnitOfWork(process.database) as uow:
            await uow.users.create_bulk([a_row(), a_row()], is_return_require=False)
            assert len([user async for user in uow.users.stream()]) == 2


class TestUpdate:
    async def test_what_matches_is_changed_and_returned(self, users: UsersPSQLRepository) -> None:
        await users.create_bulk([a_row(city="Rome"), a_row(city="Oslo")], is_return_require=False)

        changed = await users.update({"city": "Rome"}, {"city": "Bergen"})

        assert [row.city for row in changed] == ["Bergen"]
        assert await users.count({"city": "Oslo"}) == 1

    @pytest.mark.parametrize("where", [None, {}, Q(), Q(Q(), Q()), ~~Q(), ~Q(~Q())])
    async def test_everything_is_changed_only_when_it_is_meant(
        self, users: UsersPSQLRepository, where: Any
    ) -> None:
        await users.create(a_row())

        with pytest.raises(ValidationError, match="allow_all"):
            await users.update(where, {"city": "Rome"})
        with pytest.raises(ValidationError, match="allow_all"):
            await users.remove(where)

        assert len(await users.update(where, {"city": "Rome"}, allow_all=True)) == 1

    async def test_many_by_their_key(self, users: UsersPSQLRepository) -> None:
        created = await users.create_bulk([a_row(), a_row(), a_row()])

        changed = await users.update_bulk([{"id": row.id, "city": f"c{row.id}"} for row in created[:2]])

        assert sorted(str(row.city) for row in changed) == [f"c{row.id}" for row in created[:2]]
        assert await users.count({"city__is_null": True}) == 1


class TestRemove:
    async def test_a_removed_user_stays_and_is_left_out(self, users: UsersPSQLRepository) -> None:
        created = await users.create(a_row())
        assert created is not None

        assert await users.remove({"uuid": created.uuid}) == 1

        assert await users.get_first({"uuid": created.uuid}) is None
        with pytest.raises(NotFoundError):
            await users.get_one({"uuid": created.uuid})
        deleted = await users.get_one({"uuid": created.uuid}, with_deleted=True)
        assert deleted.is_deleted
        assert deleted.deleted_at is not None

    async def test_what_cannot_be_kept_is_deleted(self, process: Process, users: UsersPSQLRepository) -> None:
        user = await users.create(a_row())
        assert user is not None
        sessions = CommonPSQLRepository(Session, process.database)
        row = {"uuid": uuid4(), "user_uuid": user.uuid, "refresh_hash": "x"}
        await sessions.create(row | dict.fromkeys(("rotated_at", "created_at", "expires_at"), NOW))

        assert await sessions.remove({"uuid": row["uuid"]}) == 1
        assert await sessions.count() == 0


class TestRestore:
    async def test_what_was_removed_is_back(self, users: UsersPSQLRepository) -> None:
        created = await users.create_bulk([a_row(), a_row()])
        await users.remove({"uuid": created[0].uuid})

        assert await users.restore({"uuid__in": [row.uuid for row in created]}) == 1

        back = await users.get_one({"uuid": created[0].uuid})
        assert (back.is_deleted, back.deleted_at) == (False, None)

    async def test_everything_is_not_restored_by_accident(self, users: UsersPSQLRepository) -> None:
        with pytest.raises(ValidationError, match="empty filter"):
            await users.restore({})


class TestGetOrCreate:
    async def test_the_first_makes_it_and_the_second_finds_it(self, users: UsersPSQLRepository) -> None:
        first, is_made = await users.get_or_create({"email": "ada@example.com"}, a_row(email="ada@example.com"))
        second, is_made_again = await users.get_or_create(
            {"email": "ada@example.com"}, a_row(email="ada@example.com", city="Rome")
        )

        assert (is_made, is_made_again) == (True, False)
        assert (first.uuid, second.name) == (second.uuid, first.name)

    async def test_of_many_at_once_one_makes_it(self, users: UsersPSQLRepository) -> None:
        answers = await asyncio.gather(
            *(users.get_or_create({"email": "ada@example.com"}, a_row(email="ada@example.com")) for _ in range(16))
        )

        assert sum(is_made for _, is_made in answers) == 1
        assert len({user.uuid for user, _ in answers}) == 1

    async def test_a_value_that_another_row_has_is_a_conflict(self, users: UsersPSQLRepository) -> None:
        await users.create(a_row(phone="+442079460958"))

        with pytest.raises(ConflictError):
            await users.get_or_create({"email": "ada@example.com"}, a_row(phone="+442079460958"))


class TestUpsertBulk:
    async def test_new_rows_are_made_and_old_ones_changed(self, users: UsersPSQLRepository) -> None:
        old = await users.create(a_row(email="ada@example.com", city="Rome"))
        assert old is not None
        rows = [a_row(email="ada@example.com", city="Oslo"), a_row(email="bob@example.com", city="Bergen")]

        stored = await users.upsert_bulk(rows, conflict=("email",))

        assert [(str(row.email), row.city) for row in stored] == [
            ("ada@example.com", "Oslo"),
            ("bob@example.com", "Bergen"),
        ]
        assert (stored[0].uuid, stored[0].version) == (old.uuid, old.version + 1)

    async def test_one_row_twice_in_a_call_is_refused(self, users: UsersPSQLRepository) -> None:
        with pytest.raises(ValidationError, match="same row"):
            await users.upsert_bulk([a_row(email="ada@example.com")] * 2, conflict=("email",))

        assert await users.count() == 0

    async def test_the_conflict_is_about_columns_of_the_rows(self, users: UsersPSQLRepository) -> None:
        with pytest.raises(ValidationError, match="did you mean 'email'"):
            await users.upsert_bulk([a_row()], conflict=("emial",))


class TestCreateBulk:
    @pytest.mark.parametrize("is_return_require", [True, False])
    async def test_all_or_none(self, users: UsersPSQLRepository, is_return_require: bool) -> None:
        rows = [a_row(), a_row(email="ada@example.com"), a_row(email="ada@example.com")]

        with pytest.raises(EmailTakenError):
            await users.create_bulk(rows, is_return_require)

        assert await users.count() == 0

    async def test_they_come_back_in_their_order(self, users: UsersPSQLRepository) -> None:
        rows = [a_row() for _ in range(500)]

        created = await users.create_bulk(rows)

        assert [row.uuid for row in created] == [row["uuid"] for row in rows]

    async def test_rows_name_the_same_columns(self, users: UsersPSQLRepository) -> None:
        with pytest.raises(ValidationError, match="same columns"):
            await users.create_bulk([a_row(), a_row(city="Rome")])


class TestCommonRepository:
    async def test_rows_of_any_model_are_dicts(self, process: Process) -> None:
        users = CommonPSQLRepository(User, process.database)

        created = await users.create(a_row(email="ada@example.com"))

        assert created is not None
        assert created["email"] == "ada@example.com"
        assert await users.get_first({"email": "ada@example.com"}) == created
