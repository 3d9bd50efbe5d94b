from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, TypeVar, cast, overload

from asyncpg import Record

from src.app.application.common.filters import PAGE_KEYS, Where
from src.app.application.common.lists import ListQuery
from src.app.application.common.page import Page
from src.app.domain.common.exceptions import NotFoundError, ValidationError
from src.app.infrastructure.repositories.base.core import Out, RepositoryCore, Thing
from src.app.infrastructure.repositories.base.order import Order
from src.app.infrastructure.repositories.base.query import MAX_ROWS, ForUpdate, row_count

# As the protocol of PostgreSQL counts them.
MAX_BATCH = 2**31 - 1

_Out = TypeVar("_Out")


class Reads(RepositoryCore[Thing]):
    """The reads. Soft-deleted rows are left out unless `with_deleted`.

    `out` names another dataclass to return, or columns: then each row is a slotted dataclass of
    these. `limit` and `offset` may stand in `filter_data`.
    """

    @overload
    async def get_first(
        self,
        filter_data: Where = ...,
        order_data: Sequence[str] = ...,
        *,
        for_update: ForUpdate = ...,
        with_deleted: bool = ...,
    ) -> Thing | None: ...

    @overload
    async def get_first(
        self,
        filter_data: Where = ...,
        order_data: Sequence[str] = ...,
        *,
        with_deleted: bool = ...,
        out: type[_Out],
    ) -> _Out | None: ...

    @overload
    async def get_first(
        self,
        filter_data: Where = ...,
        order_data: Sequence[str] = ...,
        *,
        with_deleted: bool = ...,
        out: Sequence[str],
    ) -> Any: ...

    async def get_first(
        self,
        filter_data: Where = None,
        order_data: Sequence[str] = (),
        *,
        for_update: ForUpdate = False,
        with_deleted: bool = False,
        out: Out | None = None,
    ) -> Any:
        """Return the first row that matches, or None.

        With `for_update`, it is held until the unit of work ends; `"skip_locked"` passes over what
        others hold.
        """
        found = await self._select(
            filter_data, order_data, limit=1, for_update=for_update, with_deleted=with_deleted, out=out
        )
        return found[0] if found else None

    @overload
    async def get_one(
        self, filter_data: Where, *, for_update: ForUpdate = ..., with_deleted: bool = ...
    ) -> Thing: ...

    @overload
    async def get_one(self, filter_data: Where, *, with_deleted: bool = ..., out: type[_Out]) -> _Out: ...

    @overload
    async def get_one(self, filter_data: Where, *, with_deleted: bool = ..., out: Sequence[str]) -> Any: ...

    async def get_one(
        self,
        filter_data: Where,
        *,
        for_update: ForUpdate = False,
        with_deleted: bool = False,
        out: Out | None = None,
    ) -> Any:
        """Return a row that matches; filter by what is unique, for of several it is any.

        Raises:
            NotFoundError: none does.
        """
        found = await self._select(
            filter_data, (), limit=1, for_update=for_update, with_deleted=with_deleted, out=out
        )
        if not found:
            raise NotFoundError
        return found[0]

    @overload
    async def get_list(
        self,
        filter_data: Where = ...,
        order_data: Sequence[str] = ...,
        *,
        for_update: ForUpdate = ...,
        with_deleted: bool = ...,
    ) -> list[Thing]: ...

    @overload
    async def get_list(
        self,
        filter_data: Where = ...,
        order_data: Sequence[str] = ...,
        *,
        with_deleted: bool = ...,
        out: type[_Out],
    ) -> list[_Out]: ...

    @overload
    async def get_list(
        self,
        filter_data: Where = ...,
        order_data: Sequence[str] = ...,
        *,
        with_deleted: bool = ...,
        out: Sequence[str],
    ) -> list[Any]: ...

    async def get_list(
        self,
        filter_data: Where = None,
        order_data: Sequence[str] = (),
        *,
        for_update: ForUpdate = False,
        with_deleted: bool = False,
        out: Out | None = None,
    ) -> Any:
        """Return the rows that match."""
        return await self._select(
            filter_data, order_data, for_update=for_update, with_deleted=with_deleted, out=out
        )

    @overload
    async def get_page(
        self,
        filter_data: Where = ...,
        order_data: Sequence[str] = ...,
        *,
        limit: int = ...,
        offset: int = ...,
        cursor: str | None = ...,
        with_total: bool = ...,
        with_deleted: bool = ...,
    ) -> Page[Thing]: ...

    @overload
    async def get_page(
        self,
        filter_data: Where = ...,
        order_data: Sequence[str] = ...,
        *,
        limit: int = ...,
        offset: int = ...,
        cursor: str | None = ...,
        with_total: bool = ...,
        with_deleted: bool = ...,
        out: type[_Out],
    ) -> Page[_Out]: ...

    @overload
    async def get_page(
        self,
        filter_data: Where = ...,
        order_data: Sequence[str] = ...,
        *,
        limit: int = ...,
        offset: int = ...,
        cursor: str | None = ...,
        with_total: bool = ...,
        with_deleted: bool = ...,
        out: Sequence[str],
    ) -> Page[Any]: ...

    async def get_page(
        self,
        filter_data: Where = None,
        order_data: Sequence[str] = (),
        *,
        limit: int = 10,
        offset: int = 0,
        cursor: str | None = None,
        with_total: bool = True,
        with_deleted: bool = False,
        out: Out | None = None,
    ) -> Page[Any]:
        """Return one page, and the number of all rows that match, in one statement.

        The primary key is the last key of every order, so that no row stands on two pages. With
        the `cursor` of another page, this one begins where that ended, however far that is; it
        has no total and no offset.

        Raises:
            ValidationError: the cursor is from another list or order, or stands beside an offset.
        """
        bounds = {"limit": limit, "offset": offset} | _bounds(filter_data)
        limit, offset = (row_count(name, bounds[name]) for name in ("limit", "offset"))
        mapper = self._mapper(out)
        order = self._build.order(order_data, is_total=True)
        after = None
        if cursor is not None:
            if offset:
                raise ValidationError("A page begins at a cursor or at an offset, not at both", field="cursor")
            after = order.position(self._source.cursors.open(cursor, about=order.about))
            with_total = False
        query = self._build.page(
            mapper.columns,
            filter_data,
            order,
            # One row more tells whether there are more, where no total does.
            limit=limit if with_total else min(limit + 1, MAX_ROWS),
            offset=offset,
            after=after,
            with_total=with_total,
            with_deleted=with_deleted,
        )
        rows = await self._read(query)
        total = None
        if with_total and rows:
            total = rows[0]["total__"]
        elif with_total:
            # Where there is no row there is none to tell the number: past the end, ask once more.
            total = await self.count(filter_data, with_deleted=with_deleted) if offset or not limit else 0
        has_more = len(rows) > limit if total is None else offset + len(rows) < total
        rows = rows[:limit]
        items = [mapper.thing(row) for row in rows]
        if self._unit is not None:
            for item in items:
                self._tracked(item)
        return Page(
            items=items,
            limit=limit,
            has_more=has_more,
            total=total,
            offset=None if after is not None else offset,
            next_cursor=self._cursor_after(rows, order) if has_more else None,
        )

    async def get_queried(self, query: ListQuery, *, out: type[_Out]) -> Page[_Out]:
        """Return the page that a client's admitted request asks for; with `query.fields`, of these columns."""
        return await self.get_page(
            query.where,
            query.order,
            limit=query.limit,
            offset=query.offset,
            cursor=query.cursor,
            with_total=query.with_total,
            out=cast("type[_Out]", query.fields or out),
        )

    async def stream(
        self,
        filter_data: Where = None,
        order_data: Sequence[str] = (),
        *,
        batch: int = 1000,
        with_deleted: bool = False,
        out: Out | None = None,
    ) -> AsyncGenerator[Any, None]:
        """Yield the rows that match, however many there are; `batch` of them are in memory at a time.

        A transaction is open until the last one was taken, or the generator closed.
        """
        mapper = self._mapper(out)
        row_count("batch", batch, least=1, most=MAX_BATCH)
        bounds = _bounds(filter_data)
        query = self._build.select(
            mapper.columns, filter_data, order=order_data, with_deleted=with_deleted, **bounds
        )
        async with self._source.reading() as executor:
            async for row in executor.stream(*query, batch=batch):
                yield mapper.thing(row)

    async def count(self, filter_data: Where = None, *, with_deleted: bool = False) -> int:
        rows = await self._read(self._build.count(filter_data, with_deleted=with_deleted))
        total: int = rows[0][0]
        return total

    async def exists(self, filter_data: Where = None, *, with_deleted: bool = False) -> bool:
        rows = await self._read(self._build.exists(filter_data, with_deleted=with_deleted))
        return bool(rows[0][0])

    def _cursor_after(self, rows: Sequence[Record], order: Order) -> str | None:
        if not rows or not order.has_cursors:
            return None
        position = [rows[-1][f"position__{place}"] for place in range(len(order.sorts))]
        return self._source.cursors.seal(position, about=order.about)

    async def _select(
        self,
        filter_data: Where,
        order_data: Sequence[str],
        *,
        for_update: ForUpdate,
        with_deleted: bool,
        out: Out | None,
        limit: int | None = None,
    ) -> list[Any]:
        if for_update and self._unit is None:
            raise RuntimeError("Rows are held by a unit of work; without one they would be free again at once")
        mapper = self._mapper(out)
        bounds = _bounds(filter_data) | ({} if limit is None else {"limit": limit})
        query = self._build.select(
            mapper.columns,
            filter_data,
            order=order_data,
            for_update=for_update,
            with_deleted=with_deleted,
            **bounds,
        )
        things = mapper.things(await self._read(query))
        if self._unit is not None:
            for thing in things:
                self._tracked(thing)
        return things


def _bounds(filter_data: Where) -> dict[str, Any]:
    if not isinstance(filter_data, Mapping):
        return {}
    return {name: filter_data[name] for name in PAGE_KEYS if name in filter_data}
