"""Every type of column through the base repository, on real PostgreSQL."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from src.app.domain.common.exceptions import AlreadyExistsError, ConflictError, ValidationError
from src.app.infrastructure.repositories.base import bulk
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository

WHOLE: dict[str, Any] = {
    "uuid": UUID(int=7),
    "name": "Ammonite from Lyme",
    "code": "A1",
    "kind": "shell",
    "small": -(2**15),
    "size": 3,
    "count": 2**63 - 1,
    "price": Decimal("12.50"),
    "cost": Decimal("0.99"),
    "weight": 0.1,
    "is_whole": True,
    "found_at": datetime(2026, 11, 21, 23, 30, tzinfo=UTC),
    "noted_at": datetime(2026, 11, 21, 23, 30),  # noqa: DTZ001
    "found_on": date(2026, 11, 21),
    "opens_at": time(9, 30),
    "age": timedelta(days=1, seconds=5),
    "print": b"\x00\xff",
    "tags": ["old", "round", "it's", 'a "b", {c}'],
    "numbers": [1, 2, 3],
    "meta": {"a": [1, None, {"b": "c"}], "n": None},
}
NOTHING = dict.fromkeys(WHOLE)


@pytest.fixture(params=[False, True], ids=["few", "many"])
def is_copied(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Update in bulk in the way of few rows, and in the way of many."""
    is_copied: bool = request.param
    monkeypatch.setattr(bulk, "MIN_ROWS_TO_COPY", 0 if is_copied else 1_000_000)
    return is_copied


class TestRoundTrip:
    @pytest.mark.parametrize("way", ["create", "returned", "copied"])
    async def test_what_is_written_is_read(self, specimens: CommonPSQLRepository, way: str) -> None:
        rows = [WHOLE, NOTHING, {**NOTHING, "tags": [], "numbers": [], "meta": {}}]
        match way:
            case "create":
                for row in rows:
                    await specimens.create(row)
            case "returned":
                await specimens.create_bulk(rows)
            case _:
                await specimens.create_bulk(iter(rows), is_return_require=False)

        found = await specimens.get_list({}, ("id",))

        assert [{name: row[name] for name in WHOLE} for row in found] == rows

    async def test_ids_come_back_in_the_order_of_their_rows(self, specimens: CommonPSQLRepository) -> None:
        rows = [{"name": f"n{place}", "tags": [f"{place}"]} for place in range(500)]

        ids = await specimens.create_bulk(rows, out=("id",))

        found = await specimens.get_list({}, ("id",), out=("id", "name"))
        assert [(row.id, row.name) for row in found] == [(i.id, r["name"]) for i, r in zip(ids, rows, strict=True)]
        another = await specimens.create({"name": "later"})
        assert another is not None
        assert another["id"] > ids[-1].id

    async def test_lists_and_json_are_updated_in_bulk(
        self, specimens: CommonPSQLRepository, is_copied: bool
    ) -> None:
        first, second = await specimens.create_bulk([WHOLE, NOTHING], out=("id",))

        changed = await specimens.update_bulk(
            [{"id": first.id, "tags": None, "meta": {"x": 1}}, {"id": second.id, "tags": ["new"], "meta": [1]}]
        )

        found = await specimens.get_list({}, ("id",))
        assert [(row["tags"], row["meta"]) for row in found] == [(None, {"x": 1}), (["new"], [1])]
        assert sorted(changed, key=lambda row: row["id"]) == found


class TestLookups:
    @pytest.fixture(autouse=True)
    async def one_of_all(self, specimens: CommonPSQLRepository) -> None:
        await specimens.create_bulk([WHOLE, NOTHING], is_return_require=False)

    @pytest.mark.parametrize("column", WHOLE)
    async def test_each_type_is_null_or_equal_to_itself(
        self, specimens: CommonPSQLRepository, column: str
    ) -> None:
        assert await specimens.count({column: WHOLE[column]}) == 1
        assert await specimens.count({f"{column}__is_null": True}) == 1
        assert await specimens.count({f"{column}__is_null": False}) == 1
        assert await specimens.count({f"{column}__ne": WHOLE[column]}) == 0

    @pytest.mark.parametrize(
        "where",
        [
            {"tags__contains": ["old"]},
            {"tags__contains": []},
            {"tags__contained_by": [*WHOLE["tags"], "more"]},
            {"tags__overlap": ["none", "round"]},
            {"numbers__contains": [3, 1]},
            {"name__search": "lyme ammonite"},
            {"name__search": '"ammonite from" -paris'},
            {"words__search": "paris or lyme"},
            {"kind__in": ["leaf", "shell"]},
            {"weight__between": [0, 0.5]},
            {"opens_at__lt": time(10)},
            {"age__gte": timedelta(days=1)},
            {"meta__n": None},
            {"meta__a__2__b": "c"},
            {"meta__a__contains": [{"b": "c"}]},
            {"meta__n__is_null": False, "meta__m__is_null": True, "id__gt": 0, "name__is_null": False},
            {"noted_at__date": date(2026, 11, 21), "found_at__date": date(2026, 11, 21)},
            {"price__in": [Decimal("12.5"), 7]},
        ],
    )
    async def test_what_is_found(self, specimens: CommonPSQLRepository, where: dict[str, Any]) -> None:
        assert [row["name"] for row in await specimens.get_list(where)] == ["Ammonite from Lyme"]

    async def test_what_is_compared_is_not_cut_to_the_bounds_of_the_column(
        self, specimens: CommonPSQLRepository
    ) -> None:
        await specimens.create_bulk([{"code": "1234567890", "cost": Decimal("1.01")}], is_return_require=False)

        for code in ("1234567890", "1234567890 and more"):
            is_it = code == "1234567890"
            assert await specimens.count({"code": code}) == is_it
            assert await specimens.count({"code__in": [code]}) == is_it
            assert await specimens.count({"code__gte": code, "code__lte": code}) == is_it
        for cost in (Decimal("1.01"), Decimal("1.0149")):
            is_it = cost == Decimal("1.01")
            assert await specimens.count({"cost": cost}) == is_it
            assert await specimens.count({"cost__in": [cost]}) == is_it

    @pytest.mark.parametrize(
        ("where", "message"),
        [
            ({"kind": "stone"}, "kind takes one of bone, shell, leaf"),
            ({"small": 2**15}, "a whole number of 16 bits"),
            ({"size": 2**31}, "a whole number of 32 bits"),
            ({"count": 2**63}, "a whole number of 64 bits"),
            ({"size": True}, "a whole number"),
            ({"size": None}, "size__is_null"),
            ({"price": 1.5}, "a whole or decimal number"),
            ({"price": Decimal("NaN")}, "a whole or decimal number"),
            ({"price": Decimal("1e5000")}, "a whole or decimal number"),
            ({"weight": float("inf")}, "a number"),
            ({"noted_at": datetime(2026, 1, 1, tzinfo=UTC)}, "without a time zone"),
            ({"tags": "old"}, "takes a list"),
            ({"tags__contains": [1]}, "tags takes text"),
            ({"tags__contains": [None]}, "is_null"),
            ({"words": "x"}, "Unknown lookup on words"),
            ({"secret": "x"}, "Unknown column 'secret'"),
            ({"meta__a__gt": [1]}, "neither a number nor text"),
            ({"meta__a": 2**64}, "takes JSON"),
            ({"meta__a": [0] * 1001}, "takes JSON"),
            ({"meta__a__in": [[0] * 999] * 1000}, "takes JSON"),
            ({"found_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))}, "with its time zone"),
            ({"opens_at": time(9, tzinfo=UTC)}, "without a time zone"),
            ({"price": 1 << 3_000_000}, "a whole or decimal number"),
            ({"uuid": "+" + "1" * 31}, "takes a UUID"),
        ],
    )
    async def test_what_is_refused(self, specimens: CommonPSQLRepository, where: Any, message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            await specimens.get_list(where)


class TestRefusedWrites:
    """The rule, or the field, is named whichever way a row comes."""

    @pytest.fixture(autouse=True)
    def in_both_ways(self, is_copied: bool) -> None: ...

    async def write(self, specimens: CommonPSQLRepository, way: str, row: dict[str, Any]) -> None:
        match way:
            case "create":
                await specimens.create(row)
            case "returned":
                await specimens.create_bulk([row])
            case "copied":
                await specimens.create_bulk([row], is_return_require=False)
            case _:
                created = await specimens.create({})
                assert created is not None
                await specimens.update_bulk([{"id": created["id"], **row}])

    @pytest.mark.parametrize("way", ["create", "returned", "copied", "updated"])
    @pytest.mark.parametrize(
        ("row", "error", "field"),
        [
            ({"code": "taken"}, AlreadyExistsError, "code"),
            ({"drawer_id": 4711}, ConflictError, "drawer_id"),
            ({"size": -1_000_000}, ValidationError, "size_is_not_too_small"),
            ({"is_deleted": None}, ValidationError, "is_deleted"),
        ],
    )
    async def test_by_the_constraint(
        self, specimens: CommonPSQLRepository, way: str, row: dict[str, Any], error: type[Any], field: str
    ) -> None:
        await specimens.create({"code": "taken"})

        with pytest.raises(error) as refused:
            await self.write(specimens, way, row)

        assert [detail["key"] for detail in refused.value.details] == [field]
        assert await specimens.count({"size": -1_000_000}) == 0

    @pytest.mark.parametrize("way", ["create", "returned", "copied", "updated"])
    @pytest.mark.parametrize(
        ("row", "field"),
        [
            ({"code": "longer than ten"}, "code"),
            ({"code": "\x00"}, "code"),
            ({"name": "\ud800"}, "name"),
            ({"size": "3"}, "size"),
            ({"size": 2**40}, "size"),
            ({"uuid": "nonsense"}, "uuid"),
            ({"found_at": "yesterday"}, "found_at"),
            ({"kind": "stone"}, "kind"),
            ({"size": 3.7}, "size"),
            ({"name": ["one", "two"]}, "name"),
            ({"price": Decimal("NaN")}, "price"),
            ({"price": 0.1}, "price"),
            ({"found_at": datetime(2026, 1, 1)}, "found_at"),  # noqa: DTZ001
            ({"found_at": datetime.max.replace(tzinfo=UTC)}, "found_at"),
            ({"found_on": datetime(2026, 1, 1, tzinfo=UTC)}, "found_on"),
            ({"opens_at": time(9, tzinfo=UTC)}, "opens_at"),
            ({"age": 60}, "age"),
            ({"tags": "old"}, "tags"),
            ({"tags": [["old"], ["round"]]}, "tags"),
            ({"numbers": [1.5]}, "numbers"),
            ({"meta": {1, 2}}, "meta"),
            ({"meta": {"a": float("nan")}}, "meta"),
            ({"meta": {"a": Decimal("1e400")}}, "meta"),
            ({"meta": {"a": "\x00"}}, "meta"),
            ({"words": "ammonite"}, "words"),
        ],
    )
    async def test_by_the_value(
        self, specimens: CommonPSQLRepository, way: str, row: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(ValidationError) as refused:
            await self.write(specimens, way, row)

        assert [detail["key"] for detail in refused.value.details] == [field]

    async def test_more_than_the_database_takes_is_no_outage(self, specimens: CommonPSQLRepository) -> None:
        with pytest.raises(ValidationError, match="more than the database takes"):
            await specimens.create({"name": " ".join(f"word{number}" for number in range(120_000))})

    @pytest.mark.parametrize("rows", [[{}], [{"code": "a"}, None], {"code": "a"}, None])
    @pytest.mark.parametrize("is_return_require", [True, False])
    async def test_what_is_no_row_is_said_to_be_none(
        self, specimens: CommonPSQLRepository, rows: Any, is_return_require: bool
    ) -> None:
        with pytest.raises(ValidationError, match=r"[Rr]ow"):
            await specimens.create_bulk(rows, is_return_require)

        assert await specimens.count() == 0

    async def test_of_many_rows_none_is_kept(self, specimens: CommonPSQLRepository) -> None:
        rows = [{"code": f"c{n}"} for n in range(100)]

        for is_returned in (True, False):
            with pytest.raises(AlreadyExistsError):
                await specimens.create_bulk([*rows, rows[0]], is_return_require=is_returned)
            with pytest.raises(ValidationError, match="same columns"):
                await specimens.create_bulk([*rows, {"name": "other"}], is_return_require=is_returned)

        assert await specimens.count() == 0

    @pytest.mark.parametrize("fault", [ZeroDivisionError, OSError, TimeoutError, TypeError])
    async def test_a_fault_of_the_iterator_is_its_own(
        self, specimens: CommonPSQLRepository, fault: type[Exception]
    ) -> None:
        def rows() -> Any:
            yield {"code": "a"}
            raise fault

        with pytest.raises(fault):
            await specimens.create_bulk(rows(), is_return_require=False)

        assert await specimens.count() == 0

    async def test_one_row_twice_in_a_call_is_refused(self, specimens: CommonPSQLRepository) -> None:
        created = await specimens.create({"code": "a"})
        assert created is not None

        with pytest.raises(ValidationError, match="same row"):
            await specimens.update_bulk([{"id": created["id"], "size": 1}, {"id": created["id"], "size": 2}])
        with pytest.raises(ValidationError, match="same row"):
            await specimens.upsert_bulk([{"code": "b", "size": 1}, {"code": "b", "size": 2}], ["code"])

    async def test_a_key_is_compared_as_the_database_does(self, specimens: CommonPSQLRepository) -> None:
        uuid = UUID(int=10)

        with pytest.raises(ValidationError, match="same row"):
            await specimens.update_bulk([{"uuid": uuid, "size": 1}, {"uuid": uuid.hex, "size": 2}], key="uuid")

    @pytest.mark.parametrize(
        ("key", "message"),
        [("cdoe", "did you mean 'code'"), ("secret", "Unknown column 'secret'"), ("meta", "cannot be the key")],
    )
    async def test_what_is_no_key_is_refused(
        self, specimens: CommonPSQLRepository, key: str, message: str
    ) -> None:
        with pytest.raises(ValidationError, match=message):
            await specimens.update_bulk([{key: "x", "size": 1}], key=key)

    @pytest.mark.parametrize("conflict", ["code", (), ("size",), ("code", "size"), ("secret",)])
    async def test_what_is_not_unique_has_no_conflict(
        self, specimens: CommonPSQLRepository, conflict: Any
    ) -> None:
        with pytest.raises(ValidationError):
            await specimens.upsert_bulk([{"code": "a", "size": 1, "secret": "x"}], conflict)

    async def test_nothing_to_look_for_finds_nothing(self, specimens: CommonPSQLRepository) -> None:
        await specimens.create({"code": "a"})

        for where in ({}, {"limit": 1}, {"code__ilike": "a"}):
            with pytest.raises(ValidationError):
                await specimens.get_or_create(where)

    async def test_nor_far_from_each_other(self, specimens: CommonPSQLRepository) -> None:
        rows = [{"code": f"{n}", "size": n} for n in range(20_001)]

        with pytest.raises(ValidationError, match="same row"):
            await specimens.upsert_bulk([*rows, rows[0]], ["code"], is_return_require=False)

        assert await specimens.count() == 0

    async def test_what_was_removed_is_not_there_to_be_updated(self, specimens: CommonPSQLRepository) -> None:
        created = await specimens.create({"code": "a"})
        assert created is not None
        await specimens.remove({"code": "a"})

        assert await specimens.update_bulk([{"id": created["id"], "size": 1}]) == []
        assert await specimens.update({"code": "a"}, {"size": 1}) == []

    async def test_a_write_has_no_limit(self, specimens: CommonPSQLRepository) -> None:
        with pytest.raises(ValidationError, match="no limit"):
            await specimens.remove({"code": "a", "limit": 1})
        with pytest.raises(ValidationError, match="nothing to update"):
            await specimens.update({"code": "a"}, {})
