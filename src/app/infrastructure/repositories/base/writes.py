from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from src.app.application.common.filters import PAGE_KEYS, Q
from src.app.domain.common.aggregates.base import BaseAggregate
from src.app.domain.common.exceptions import ConflictError, StaleVersionError, ValidationError
from src.app.infrastructure.repositories.base import bulk
from src.app.infrastructure.repositories.base.core import RepositoryCore, Thing
from src.app.infrastructure.repositories.base.query import SOFT_DELETE, Where

Data = Mapping[str, Any]
ATTEMPTS = 3

# Made by the database, and never given by whoever writes.
_GENERATED = frozenset({"id"})


class Writes(RepositoryCore[Thing]):
    """The writes. A violated constraint is the error that the repository declares for it."""

    async def create(self, data: Data, is_return_require: bool = True) -> Thing | None:
        """Insert one row and return it as it is stored. An aggregate is inserted by `add`."""
        mapper = self._mapper(None)
        returned = mapper.columns if is_return_require else {}
        rows = await self._run(self._build.insert(dict(data), returned))
        return self._tracked(mapper.thing(rows[0])) if is_return_require else None

    async def add(self, aggregate: Thing) -> None:
        """Insert a new aggregate; its events leave with the commit."""
        rows = await self._run(self._build.insert(self._row(aggregate), {"id": "id"}))
        if any(field.name == "id" for field in fields(aggregate)):  # type: ignore[arg-type]
            aggregate.id = rows[0]["id"]  # type: ignore[attr-defined]
        self._collect(aggregate)

    async def save(self, aggregate: Thing) -> None:
        """Store the changes of a loaded aggregate; its events leave with the commit.

        Raises:
            StaleVersionError: somebody changed or removed it since it was loaded.
        """
        if not isinstance(aggregate, BaseAggregate):
            raise TypeError(f"{type(aggregate).__name__} is no aggregate; use update()")
        row = self._row(aggregate) | {"version": aggregate.version + 1}
        key = {"uuid": aggregate.uuid, "version": aggregate.version}
        if not await self._run(self._build.update(row, key, {})):
            raise StaleVersionError
        aggregate.version += 1
        self._collect(aggregate)

    async def update(
        self, filter_data: Where, data: Data, is_return_require: bool = True, *, allow_all: bool = False
    ) -> list[Thing]:
        """Set the columns of `data` in every row that matches, and return those rows if asked for.

        Each row is one version on, so that who loaded it before cannot save over it.

        Raises:
            ValidationError: the filter is empty, and `allow_all` does not say that this is meant.
        """
        self._refuse_everything(filter_data, allow_all)
        mapper = self._mapper(None)
        returned = mapper.columns if is_return_require else {}
        rows = await self._run(self._build.update(dict(data), filter_data, returned))
        return [self._tracked(mapper.thing(row)) for row in rows] if is_return_require else []

    async def remove(self, filter_data: Where, *, allow_all: bool = False) -> int:
        """Delete what matches and return how many rows that were; softly where the model can.

        Raises:
            ValidationError: the filter is empty, and `allow_all` does not say that this is meant.
        """
        self._refuse_everything(filter_data, allow_all)
        if SOFT_DELETE not in self._table.c:
            return len(await self._run(self._build.delete(filter_data)))
        marks = {SOFT_DELETE: True, "deleted_at": datetime.now(UTC)}
        return len(await self._run(self._build.update(marks, filter_data, {})))

    async def restore(self, filter_data: Where) -> int:
        """Take back the removal of what matches, and return how many rows that were.

        Raises:
            ValidationError: the filter is empty, or the model is not removed softly.
        """
        self._refuse_everything(filter_data, allow_all=False)
        if SOFT_DELETE not in self._table.c:
            raise ValidationError(f"What is removed from {self._table.name} is gone")
        removed = Q(is_deleted=True) & _as_q(filter_data)
        marks = {SOFT_DELETE: False, "deleted_at": None}
        return len(await self._run(self._build.update(marks, removed, {}, with_deleted=True)))

    async def get_or_create(self, filter_data: Data, defaults: Data | None = None) -> tuple[Thing, bool]:
        """Return the row with these values, made with `defaults` if there is none, and whether it was made.

        Of two callers at once one makes it, if a unique constraint covers the values.

        Raises:
            ConflictError: another row has a unique value of the new one.
        """
        mapper = self._mapper(None)
        row = {**filter_data, **(defaults or {})}
        for _ in range(ATTEMPTS):
            made = await self._run(self._build.insert(row, mapper.columns, unless_there=True))
            if made:
                return self._tracked(mapper.thing(made[0])), True
            # Taken by somebody else, who may take it back before we look: then it is ours to make.
            found = await self._run(self._build.select(mapper.columns, filter_data, limit=1))
            if found:
                return self._tracked(mapper.thing(found[0])), False
        raise ConflictError("Another row has a unique value of this one")

    async def upsert_bulk(
        self, items: Sequence[Data], conflict: Sequence[str], is_return_require: bool = True
    ) -> list[Thing]:
        """Insert many rows in one statement; where the `conflict` columns are taken, update that row.

        Raises:
            ValidationError: two items are about the same row.
        """
        if not items:
            return []
        mapper = self._mapper(None)
        returned = mapper.columns if is_return_require else {}
        statement = bulk.insert(self._table, [dict(item) for item in items], returned, conflict=conflict)
        rows = await self._run(statement)
        return [mapper.thing(row) for row in rows] if is_return_require else []

    async def create_bulk(self, items: Sequence[Data], is_return_require: bool = True) -> list[Thing]:
        """Insert many rows in one statement, and return them in their order if asked for.

        Without return they are copied, which is twice as fast. Rows that leave a column out take
        its default; all rows of one call name the same columns.
        """
        rows = [dict(item) for item in items]
        if not rows:
            return []
        if not is_return_require:
            await self._copy(*bulk.columns_and_values(self._table, rows))
            return []
        mapper = self._mapper(None)
        return [mapper.thing(row) for row in await self._run(bulk.insert(self._table, rows, mapper.columns))]

    async def update_bulk(
        self, items: Sequence[Data], key: str = "id", is_return_require: bool = True
    ) -> list[Thing]:
        """Update many rows, each by its `key`, in one statement; keys that match no row are passed over."""
        if not items:
            return []
        mapper = self._mapper(None)
        returned = mapper.columns if is_return_require else {}
        rows = await self._run(bulk.update(self._table, [dict(item) for item in items], key, returned))
        return [mapper.thing(row) for row in rows] if is_return_require else []

    def _row(self, aggregate: Thing) -> dict[str, Any]:
        row = self._mapper(None).row(aggregate)
        return {name: value for name, value in row.items() if name not in _GENERATED}

    def _collect(self, aggregate: Any) -> None:
        if not isinstance(aggregate, BaseAggregate) or not aggregate.has_events:
            return
        if self._unit is None:
            raise RuntimeError("An aggregate with events is saved in a unit of work, which sends them")
        self._unit.collect(aggregate)

    def _refuse_everything(self, where: Where, allow_all: bool) -> None:
        is_empty = not where or not (isinstance(where, Q) or where.keys() - PAGE_KEYS)
        if is_empty and not allow_all:
            raise ValidationError("An empty filter means every row; say allow_all=True if you mean it")


def _as_q(where: Where) -> Q:
    if isinstance(where, Q):
        return where
    return Q(**{name: value for name, value in (where or {}).items() if name not in PAGE_KEYS})
