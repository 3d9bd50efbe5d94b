"""Queries of one shape share one statement, whatever their values are."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from src.app.application.common.filters import Pattern, Q
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.persistence.models.users import User
from src.app.infrastructure.repositories.base.columns import Columns, visible
from src.app.infrastructure.repositories.base.query import MAX_SHAPES, QueryBuilder
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from tests.builders.users import NOW

COLUMNS = Columns({"id": "id"})
TWO_COLUMNS = Columns({"id": "id", "city": "city"})

# Each makes a query of its shape out of a number, which changes its values and nothing else.
SHAPES: list[Callable[[QueryBuilder, int], Any]] = [
    lambda build, _: build.select(COLUMNS),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}"}),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}"}, limit=n),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}"}, limit=n, offset=n),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}"}, for_update=True),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}"}, for_update="skip_locked"),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}"}, with_deleted=True),
    lambda build, n: build.select(TWO_COLUMNS, {"city": f"{n}"}),
    lambda build, n: build.select(COLUMNS, {"city__ne": f"{n}"}),
    lambda build, n: build.select(COLUMNS, {"city__in": [f"{n}"] * n}),
    lambda build, n: build.select(COLUMNS, {"city__ilike": f"{n}%" if n % 2 else Pattern(f"{n}%")}),
    lambda build, n: build.select(COLUMNS, {"city__startswith": f"{n}"}),
    lambda build, n: build.select(COLUMNS, {"created_at__between": [NOW, NOW + timedelta(days=n)]}),
    lambda build, n: build.select(COLUMNS, {"birthday__is_null": True, "id__gt": n}),
    lambda build, n: build.select(COLUMNS, {"birthday__is_null": False, "id__gt": n}),
    lambda build, n: build.select(COLUMNS, {"id__gt": n, "city": f"{n}"}),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}", "id__gt": n}),
    lambda build, n: build.select(COLUMNS, Q(city=f"{n}") | Q(id=n)),
    lambda build, n: build.select(COLUMNS, ~Q(city=f"{n}")),
    lambda build, n: build.select(COLUMNS, {"meta": n if n % 2 else {"a": n}}),
    lambda build, n: build.select(COLUMNS, {f"meta__key{n}": n}),
    lambda build, n: build.select(COLUMNS, {"__".join(["meta", *"abcdefgh"[: 1 + n % 8], "jsonb_like"]): f"{n}"}),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}"}, order=("id",)),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}"}, order=("-id",)),
    lambda build, n: build.select(COLUMNS, {"city": f"{n}"}, order=(f"meta__key{n}",)),
    lambda build, n: page(build, {"city": f"{n}"}, limit=n, offset=n, after=None),
    lambda build, n: page(build, {"city": f"{n}"}, limit=n, offset=0, after=[f"{n}", n]),
    lambda build, n: page(build, {"city": f"{n}"}, limit=n, offset=0, after=[None, n]),
    lambda build, n: build.count({"city": f"{n}"}),
    lambda build, n: build.exists({"city": f"{n}"}),
    lambda build, n: build.insert({"uuid": uuid4(), "city": f"{n}"}, COLUMNS),
    lambda build, n: build.update({"city": f"{n}"}, {"id": n}, COLUMNS),
]


def page(build: QueryBuilder, where: dict[str, Any], **options: Any) -> Any:
    order = build.order(("city",), is_total=True)
    return build.page(COLUMNS, where, order, with_total=False, with_deleted=False, **options)


class TestShapes:
    def test_32_shapes_are_32_statements(self) -> None:
        build = QueryBuilder(User.__table__)  # type: ignore[arg-type]
        assert len(SHAPES) == 32

        for n in range(1, 60):
            for build_query in SHAPES:
                build_query(build, n)

        assert build.shapes == 32

    def test_the_values_are_arguments_and_never_text(self) -> None:
        build = QueryBuilder(User.__table__)  # type: ignore[arg-type]

        sql, arguments = build.select(COLUMNS, {"city": "it's'; --", "meta__it's__'; --": 1}, limit=3)

        assert "it's" not in sql
        assert arguments == ["it's'; --", ["it's", "'; --"], 1, 3]

    def test_shapes_without_end_do_not_fill_the_memory(self) -> None:
        build = QueryBuilder(User.__table__)  # type: ignore[arg-type]

        for number in range(MAX_SHAPES + 200):
            names = [name for bit, name in enumerate(visible(build.table)) if number >> bit & 1]
            build.count({f"{name}__is_null": False for name in names})

        assert build.shapes == MAX_SHAPES

    async def test_the_repositories_of_a_table_share_them(self, process: Process) -> None:
        await UsersPSQLRepository(process.database).count({"city": "Rome", "state": "x", "country": "y"})
        before = UsersPSQLRepository(process.database)._build.shapes

        for _ in range(3):
            await UsersPSQLRepository(process.database).count({"city": "Bonn", "state": "y", "country": "z"})

        assert UsersPSQLRepository(process.database)._build.shapes == before
