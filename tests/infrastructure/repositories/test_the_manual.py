"""The manual of the repository: every lookup stands in it with its true SQL, and its code runs."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from types import CodeType
from typing import Any, cast
from uuid import UUID

import pytest

from src.app.application.common.filters import Condition, Pattern
from src.app.config.settings import ROOT
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.repositories.base.columns import Columns, visible
from src.app.infrastructure.repositories.base.guards import family_of
from src.app.infrastructure.repositories.base.lookups import LOOKUPS
from src.app.infrastructure.repositories.base.query import QueryBuilder
from tests.builders.specimens import Specimen

MANUAL = (ROOT / "docs" / "source" / "repository.md").read_text()
ROWS = re.findall(r"^\| `(\w+)` \| ([^|]+) \| `(.+?)` \| `(.+)` \|$", MANUAL, re.MULTILINE)
LISTS = (ROOT / "docs" / "source" / "lists.md").read_text()
CACHING = (ROOT / "docs" / "source" / "caching.md").read_text()
TABLE: Any = Specimen.__table__
NAMES = {"date": date, "datetime": datetime, "Decimal": Decimal, "Pattern": Pattern, "UTC": UTC}


def condition_in(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).partition(" WHERE ")[2].removesuffix(" AND is_deleted IS false")


class TestTable:
    @pytest.mark.parametrize(("name", "types", "example", "sql"), ROWS)
    def test_a_row_says_what_runs(self, name: str, types: str, example: str, sql: str) -> None:
        where = eval(example, dict(NAMES))
        [key] = where

        statement, _ = QueryBuilder(TABLE).select(Columns({"id": "id"}), where)

        found = condition_in(statement.replace("cabinet.specimens.", ""))
        assert found == sql.replace("\\|", "|")
        condition = Condition.parse(key, columns=visible(TABLE), lookups=LOOKUPS.names())
        assert condition.lookup.removeprefix("jsonb_") == name

    def test_every_lookup_of_every_type_has_one(self) -> None:
        shown: dict[str, set[str]] = {}
        for name, _, example, _ in ROWS:
            [key] = eval(example, dict(NAMES))
            column = TABLE.c[key.partition("__")[0]]
            shown.setdefault(name, set()).add(str(family_of(column.type)))

        names = {name.removeprefix("jsonb_") for name in LOOKUPS.names()}
        assert shown.keys() == names
        for name in names:
            for family in ("JSON", "a list", "words to search for"):
                if (
                    any(of.value == family and found == name for of, found in LOOKUPS._lookups)
                    and name != "is_null"
                ):
                    assert family in shown[name], (name, family)


class TestCode:
    @pytest.fixture(autouse=True)
    def lookups_of_ones_own_are_forgotten(self) -> Iterator[None]:
        before = dict(LOOKUPS._lookups)
        yield
        LOOKUPS._lookups.clear()
        LOOKUPS._lookups.update(before)

    @pytest.mark.parametrize(("page", "blocks"), [(MANUAL, 7), (LISTS, 2), (CACHING, 2)])
    async def test_it_runs_from_the_first_line_to_the_last(self, process: Process, page: str, blocks: int) -> None:
        code = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        assert len(code) == blocks
        names: dict[str, Any] = {
            "__name__": __name__,
            "database": process.database,
            "read_cache": process.read_cache,
            **NAMES,
            "UUID": UUID,
        }

        for block in code:
            compiled = compile(block, "the manual", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(cast("CodeType", compiled), names)
            if result is not None:
                await result
