from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from typing import Any

from asyncpg import Record

from src.app.application.common.filters import PAGE_KEYS, Q, Where
from src.app.domain.common.aggregates.base import BaseAggregate
from src.app.domain.common.exceptions import AppException, ConflictError, StaleVersionError, ValidationError
from src.app.infrastructure.extensions.psql_ext import Executor
from src.app.infrastructure.repositories.base import bulk
from src.app.infrastructure.repositories.base.columns import NONE, Columns
from src.app.infrastructure.repositories.base.core import Out, RepositoryCore, Thing
from src.app.infrastructure.repositories.base.mapping import Mapper
from src.app.infrastructure.repositories.base.query import SOFT_DELETE, Query
from src.app.infrastructure.repositories.base.stored import row_of, rows_of, stored_columns

Data = Mapping[str, Any]
ATTEMPTS = 3

# Made by the database, and never given by whoever writes.
_GENERATED = frozenset({"id"})
_ID = Columns({"id": "id"})


class Writes(RepositoryCore[Thing]):
    """The writes. A violated constraint is the error that the repository declares for it."""

    async def create(self, data: Data, is_return_require: bool = True) -> Thing | None:
        """Insert one row and return it as it is stored. An aggregate is inserted by `add`."""
        mapper = self._mapper(None)
        row = row_of(data)
        if not is_return_require:
            await self._write(self._build.insert(row, NONE), [row])
            return None
        async with self._whole(mapper) as executor:
            rows = await self._write(self._build.insert(row, mapper.columns), [row], executor)
            return self._tracked(mapper.thing(rows[0]))  # type: ignore[no-any-return]

    async def add(self, aggregate: Thing) -> None:
        """Insert a new aggregate; its events leave with the commit."""
        row = self._row(aggregate)
        rows = await self._write(self._build.insert(row, _ID), [row])
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
        if not await self._write(self._build.update(row, key, NONE), [row]):
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
        _refuse_everything(filter_data, allow_all=allow_all)
        row = row_of(data)
        if not row:
            raise ValidationError("There is nothing to update")
        mapper = self._mapper(None)
        if not is_return_require:
            await self._write(self._build.update(row, filter_data, NONE), [row])
            return []
        async with self._whole(mapper) as executor:
            rows = await self._write(self._build.update(row, filter_data, mapper.columns), [row], executor)
            return [self._tracked(mapper.thing(row)) for row in rows]

    async def remove(self, filter_data: Where, *, allow_all: bool = False) -> int:
        """Delete what matches and return how many rows that were; softly where the model can.

        Raises:
            ValidationError: the filter is empty, and `allow_all` does not say that this is meant.
        """
        _refuse_everything(filter_data, allow_all=allow_all)
        if SOFT_DELETE not in self._table.c:
            return len(await self._write(self._build.delete(filter_data)))
        marks = {SOFT_DELETE: True, "deleted_at": datetime.now(UTC)}
        return len(await self._write(self._build.update(marks, filter_data, NONE)))

    async def restore(self, filter_data: Where) -> int:
        """Take back the removal of what matches, and return how many rows that were.

        Raises:
            ValidationError: the filter is empty, or the model is not removed softly.
        """
        _refuse_everything(filter_data)
        if SOFT_DELETE not in self._table.c:
            raise ValidationError(f"What is removed from {self._table.name} is gone")
        removed = Q(is_deleted=True) & Q.of(filter_data)
        marks = {SOFT_DELETE: False, "deleted_at": None}
        return len(await self._write(self._build.update(marks, removed, NONE, with_deleted=True)))

    async def get_or_create(self, filter_data: Data, defaults: Data | None = None) -> tuple[Thing, bool]:
        """Return the row with these values, made with `defaults` if there is none, and whether it was made.

        Of two callers at once one makes it, if a unique constraint covers the values.

        Raises:
            ConflictError: another row has a unique value of the new one.
        """
        mapper = self._mapper(None)
        values = row_of(filter_data)
        row = values | row_of({} if defaults is None else defaults)
        if not values:
            raise ValidationError("Name at least one value to look for")
        # Refused before it is looked for, so that it does not depend on what is there.
        stored_columns(self._table, tuple(row)).check_row(tuple(row.values()))
        for _ in range(ATTEMPTS):
            found = await self._write(self._build.select(mapper.columns, filter_data, limit=1))
            if found:
                return self._tracked(mapper.thing(found[0])), False
            # Somebody else may make it now, and take it back before we look again: then it is ours.
            async with self._whole(mapper) as executor:
                query = self._build.insert(row, mapper.columns, unless_there=True)
                made = await self._write(query, [row], executor)
                if made:
                    return self._tracked(mapper.thing(made[0])), True
        raise ConflictError("Another row has a unique value of this one")

    async def create_bulk(
        self, items: Iterable[Data], is_return_require: bool = True, *, out: Out | None = None
    ) -> list[Any]:
        """Insert many rows, all or none, and return them in their order if asked for, as `out` if given.

        Without return they are copied as they are taken from `items`, which is twice as fast and
        holds none of them; nearly so with the ids alone, `out=("id",)`. Rows that leave a column
        out take its default; all rows of one call name the same columns.
        """
        if is_return_require:
            mapper, given = self._mapper(out), list(rows_of(items))
            is_ids_alone = mapper.columns.keys() == {"id"} and bulk.has_reservable_ids(self._table)
            if is_ids_alone and given and "id" not in row_of(given[0]):
                return await self._create_numbered(given, mapper)
            return await self._bulk(given, mapper, partial(bulk.insert, self._table))
        rows = bulk.Copied(self._table, items)
        try:
            with self._naming(rows.in_hand):
                async with self._source.transaction() as executor:
                    for part in rows.statements():
                        await executor.copy(self._table.name, rows.columns, part, schema=self._table.schema)
        except AppException as error:
            raise rows.fault or error from None
        return []

    async def upsert_bulk(
        self, items: Iterable[Data], conflict: Sequence[str], is_return_require: bool = True
    ) -> list[Thing]:
        """Insert many rows, all or none; where the `conflict` columns are taken, update that row.

        Raises:
            ValidationError: two items are about the same row.
        """
        bulk.refuse_conflict(self._table, conflict)
        mapper, rows = self._mapper(None) if is_return_require else None, list(rows_of(items))
        if len(rows) > bulk.MAX_ROWS_OF_STATEMENT:
            # Within one statement the database refuses them itself.
            bulk.refuse_repeated(self._table, rows, *conflict)
        return await self._bulk(rows, mapper, partial(bulk.insert, self._table, conflict=conflict))

    async def update_bulk(
        self, items: Iterable[Data], key: str = "id", is_return_require: bool = True
    ) -> list[Thing]:
        """Update many rows, all or none, each by its `key`; keys that match no row are passed over.

        Raises:
            ValidationError: two items are about the same row.
        """
        rows = list(rows_of(items))
        bulk.refuse_repeated(self._table, rows, key)
        mapper = self._mapper(None) if is_return_require else None
        if len(rows) < bulk.MIN_ROWS_TO_COPY:
            return await self._bulk(rows, mapper, partial(bulk.update, self._table, key=key))
        stored: list[Record] = []
        async with self._source.transaction() as executor:
            for part in bulk.chunks(rows):
                copied = bulk.CopiedUpdate(self._table, part, mapper.columns if mapper else NONE, key=key)
                with self._naming(part):
                    await executor.fetch(copied.create)
                    await executor.copy(copied.name, copied.columns, copied.values)
                    stored += await executor.fetch(copied.update)
                    await executor.fetch(copied.drop)
            return mapper.things(stored) if mapper else []

    async def _create_numbered(self, rows: bulk.Rows, mapper: Mapper[Any]) -> list[Any]:
        """Copy the rows with ids that were taken for them, which takes half the time of asking for theirs."""
        ids = await self._write(bulk.reserve_ids(self._table, len(rows)))
        numbered = (row_of(row) | {"id": id_} for row, (id_,) in zip(rows, ids, strict=True))
        await self.create_bulk(numbered, is_return_require=False)
        return mapper.things(ids)

    async def _bulk(self, rows: bulk.Rows, mapper: Mapper[Any] | None, build: Callable[..., Query]) -> list[Any]:
        if not rows:
            return []
        stored: list[Record] = []
        parts = list(bulk.chunks(rows))
        # One statement is all or none by itself, and may be run again where another got in its way.
        whole = self._whole(mapper) if len(parts) == 1 else self._source.transaction()
        async with whole as executor:
            for part in parts:
                with self._naming(part):
                    stored += await executor.fetch(*build(part, returning=mapper.columns if mapper else NONE))
            return mapper.things(stored) if mapper else []

    def _whole(self, mapper: Mapper[Any] | None) -> AbstractAsyncContextManager[Executor]:
        """Where a write and the making of what it returns succeed or fail together.

        A value object may refuse what the table took, and nobody could read that row any more.
        """
        if mapper is not None and mapper.has_rules:
            return self._source.transaction()
        return nullcontext(self._executor)

    def _row(self, aggregate: Thing) -> dict[str, Any]:
        row = self._mapper(None).row(aggregate)
        return {name: value for name, value in row.items() if name not in _GENERATED}

    def _collect(self, aggregate: Any) -> None:
        if not isinstance(aggregate, BaseAggregate) or not aggregate.has_events:
            return
        if self._unit is None:
            raise RuntimeError("An aggregate with events is saved in a unit of work, which sends them")
        self._unit.collect(aggregate)


def _refuse_everything(where: Where, *, allow_all: bool = False) -> None:
    if not isinstance(where, Mapping):
        is_empty = not Q.of(where).bounded().has_conditions()
    elif where.keys() & PAGE_KEYS:
        raise ValidationError("A write takes every row that matches; it has no limit and no offset", field="limit")
    else:
        is_empty = not where
    if is_empty and not allow_all:
        raise ValidationError("An empty filter means every row; say allow_all=True if you mean it")
