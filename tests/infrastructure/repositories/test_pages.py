"""Pages of the base repository, by offset and by cursor, on real PostgreSQL."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.persistence.models.users import User
from src.app.infrastructure.repositories.base.columns import Columns
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from tests.builders.users import NOW, an_email

CITIES = ["Rome", None, "Bonn", "Rome", None, "Oslo", "Bonn"]
SCORES = [3, 1, None, 2.5, 3, "high", None]


@pytest.fixture
def users(process: Process) -> UsersPSQLRepository:
    return UsersPSQLRepository(process.database)


@pytest.fixture
async def seven(users: UsersPSQLRepository) -> None:
    await users.create_bulk(
        [
            {
                "uuid": uuid4(),
                "email": an_email(),
                "first_name": f"User{'ABCDEFG'[place]}",
                "city": city,
                "created_at": NOW - timedelta(days=place // 2),
                "meta": {} if place == 5 else {"score": score},
            }
            for place, (city, score) in enumerate(zip(CITIES, SCORES, strict=True))
        ],
        is_return_require=False,
    )


async def walk(users: UsersPSQLRepository, *order: str, limit: int = 2, **options: Any) -> list[str]:
    names: list[str] = []
    cursor = None
    for _ in range(100):
        page = await users.get_page(
            {}, order, limit=limit, cursor=cursor, with_total=False, out=("first_name",), **options
        )
        assert len(page.items) == limit or not page.has_more
        assert (page.next_cursor is not None) == page.has_more
        names += [item.first_name for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    return names


@pytest.mark.usefixtures("seven")
class TestCursors:
    @pytest.mark.parametrize(
        "order",
        [
            (),
            ("id",),
            ("-id",),
            ("-created_at",),
            ("created_at", "-first_name"),
            ("city",),
            ("-city",),
            ("city__nulls_first",),
            ("-city__nulls_first", "created_at"),
            ("is_active", "-city", "uuid"),
            ("birthday", "created_at"),
            ("meta__score",),
            ("-meta__score__nulls_first", "-created_at"),
            ("meta__score__nulls_last", "meta__nothing__at__all", "city"),
        ],
    )
    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
    async def test_pages_one_after_another_are_the_list(
        self, users: UsersPSQLRepository, order: tuple[str, ...], limit: int
    ) -> None:
        sign = "-" if order and order[-1].startswith("-") else ""
        whole = await users.get_list({}, (*order, f"{sign}id"), out=("first_name",))

        assert await walk(users, *order, limit=limit) == [user.first_name for user in whole]

    async def test_what_comes_in_between_moves_no_page(self, users: UsersPSQLRepository) -> None:
        first = await users.get_page({}, ("-created_at",), limit=3)
        await users.create({"uuid": uuid4(), "email": an_email(), "created_at": NOW + timedelta(days=1)})

        second = await users.get_page({}, ("-created_at",), limit=10, cursor=first.next_cursor)

        assert [user.name.first for user in second.items] == ["UserC", "UserF", "UserE", "UserG"]
        assert second.total is None
        assert second.offset is None
        assert not second.has_more

    async def test_the_same_position_is_the_same_text_and_tells_nothing(self, users: UsersPSQLRepository) -> None:
        one, two = [await users.get_page({}, ("city",), limit=3) for _ in range(2)]

        assert one.next_cursor == two.next_cursor
        assert "Rome" not in str(one.next_cursor)

    async def test_no_other_text_is_a_cursor(self, users: UsersPSQLRepository) -> None:
        cursor = (await users.get_page({}, ("city",), limit=3)).next_cursor
        assert cursor is not None
        changed = [cursor[:place] + other + cursor[place + 1 :] for place in range(len(cursor)) for other in "aZ-"]

        for text in (
            *changed,
            "",
            "x",
            cursor + "=",
            cursor + "A",
            cursor[:-1],
            "é",
            "\x00",
            "\ud800",
            "A" * 100_000,
        ):
            if text != cursor:
                with pytest.raises(ValidationError, match="begin again without one"):
                    await users.get_page({}, ("city",), limit=3, cursor=text)

    async def test_a_cursor_is_for_its_order_and_its_table_alone(
        self, process: Process, users: UsersPSQLRepository
    ) -> None:
        cursor = (await users.get_page({}, ("city",), limit=3)).next_cursor

        for order in ((), ("-city",), ("meta__city",), ("city__nulls_first",), ("city", "-id"), ("state",)):
            with pytest.raises(ValidationError, match="cursor"):
                await users.get_page({}, order, cursor=cursor)
        with pytest.raises(ValidationError, match="not at both"):
            await users.get_page({}, ("city",), cursor=cursor, offset=1)

    @pytest.mark.parametrize(
        "position", [[], ["Rome"], ["Rome", 1, 2], {"city": "Rome"}, 7, ["Rome", None], [7, 1]]
    )
    async def test_a_position_that_is_none_here_is_no_cursor(
        self, process: Process, users: UsersPSQLRepository, position: Any
    ) -> None:
        about = users._build.order(("city",), is_total=True).about

        with pytest.raises(ValidationError, match="begin again without one"):
            await users.get_page({}, ("city",), cursor=process.database.cursors.seal(position, about=about))

    async def test_a_long_way_off_it_reads_no_more_than_at_the_beginning(
        self, process: Process, users: UsersPSQLRepository
    ) -> None:
        await users.create_bulk(
            [{"uuid": uuid4(), "email": f"far-{n}@example.com"} for n in range(5000)], is_return_require=False
        )
        page = await users.get_page({}, ("id",), limit=4900)

        query = users._build.page(
            Columns({"id": "id"}),
            {},
            users._build.order(("id",), is_total=True),
            limit=10,
            offset=0,
            after=[page.items[-1].id],
            with_total=False,
            with_deleted=True,
        )
        await process.database.pool.execute("ANALYZE users")
        plan = await process.database.pool.fetch(f"EXPLAIN ANALYZE {query[0]}", *query[1])

        told = "\n".join(row[0] for row in plan)
        assert "Index Cond: (id > " in told
        assert "Rows Removed by Filter" not in told


@pytest.mark.usefixtures("seven")
class TestOffsets:
    async def test_a_page_knows_how_many_there_are(self, users: UsersPSQLRepository) -> None:
        page = await users.get_page({"city__is_null": False}, ("city",), limit=2, offset=1)

        assert (page.total, page.limit, page.offset, page.has_more) == (5, 2, 1, True)
        assert [user.name.first for user in page.items] == ["UserG", "UserF"]

    async def test_without_a_total_nothing_is_counted(self, users: UsersPSQLRepository) -> None:
        page = await users.get_page({"limit": 7}, with_total=False)

        assert (page.total, len(page.items), page.has_more) == (None, 7, False)

    @pytest.mark.parametrize(("limit", "offset"), [(2, 100), (0, 0), (0, 3)])
    async def test_an_empty_page_knows_it_too(self, users: UsersPSQLRepository, limit: int, offset: int) -> None:
        page = await users.get_page({}, limit=limit, offset=offset)

        assert (page.total, page.items, page.has_more) == (7, [], offset < 7)

    @pytest.mark.parametrize("limit", [-1, True, "2", 2.0, None, 2**63])
    @pytest.mark.parametrize("with_total", [True, False])
    async def test_an_impossible_limit_is_refused(
        self, users: UsersPSQLRepository, limit: Any, with_total: bool
    ) -> None:
        with pytest.raises(ValidationError, match="limit is a whole number"):
            await users.get_page({}, limit=limit, with_total=with_total)

    @pytest.mark.parametrize("order", [None, 7, "city", {"city"}, iter(["city"])])
    async def test_what_is_no_order_is_refused(self, users: UsersPSQLRepository, order: Any) -> None:
        with pytest.raises(ValidationError, match="An order is a list of keys"):
            await users.get_page({}, order)

    async def test_a_misspelt_place_of_nulls_is_named(self, users: UsersPSQLRepository) -> None:
        with pytest.raises(ValidationError, match="did you mean 'nulls_first'"):
            await users.get_page({}, ("city__nulls_frist",))

    async def test_a_cursor_goes_on_from_a_page_by_offset(self, users: UsersPSQLRepository) -> None:
        page = await users.get_page({}, ("id",), limit=2, offset=2)

        following = await users.get_page({}, ("id",), limit=2, cursor=page.next_cursor)

        assert [user.name.first for user in following.items] == ["UserE", "UserF"]

    async def test_rows_that_are_alike_stand_on_one_page_each(self, users: UsersPSQLRepository) -> None:
        pages = [await users.get_page({}, ("is_active",), limit=1, offset=place) for place in range(7)]

        assert len({page.items[0].id for page in pages}) == 7


@pytest.mark.usefixtures("seven")
class TestColumns:
    async def test_only_the_columns_that_were_named_come_back(self, users: UsersPSQLRepository) -> None:
        found = await users.get_first({"first_name": "UserA"}, out=("first_name", "avatar_url", "city"))

        assert (found.first_name, found.avatar_url, found.city) == ("UserA", None, "Rome")
        assert list(found.__slots__) == ["first_name", "avatar_url", "city"]
        assert found == await users.get_one({"first_name": "UserA"}, out=["first_name", "avatar_url", "city"])

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            (("emial",), "did you mean 'email'"),
            (("password_hashed",), "Unknown column"),
            ((), "at least one"),
            (("email; DROP TABLE users",), "Unknown column"),
            ("email", "a list of names"),
            (7, "a list of names"),
            ([["email"]], "a list of names"),
        ],
    )
    async def test_what_is_not_there_or_not_for_callers_is_refused(
        self, users: UsersPSQLRepository, columns: Any, message: str
    ) -> None:
        with pytest.raises(ValidationError, match=message):
            await users.get_list({}, out=columns)

    async def test_rows_of_any_model_are_dicts(self, process: Process) -> None:
        page = await CommonPSQLRepository(User, process.database).get_page({}, ("id",), limit=1)

        assert page.items[0]["first_name"] == "UserA"
        assert "total__" not in page.items[0]
