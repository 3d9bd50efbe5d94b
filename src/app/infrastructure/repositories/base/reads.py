from collections.abc import AsyncGenerator, Sequence
from typing import Any, TypeVar, overload

from src.app.application.common.filters import PAGE_KEYS, Q
from src.app.application.common.page import Page
from src.app.domain.common.exceptions import NotFoundError
from src.app.infrastructure.repositories.base.core import RepositoryCore, Thing
from src.app.infrastructure.repositories.base.query import Lock, Where

_Out = TypeVar("_Out")


class Reads(RepositoryCore[Thing]):
    """The reads. Soft-deleted rows are left out unless `with_deleted`; `out` names another dataclass to return."""

    @overload
    async def get_first(
        self,
        filter_data: Where = ...,
        *,
        order_data: Sequence[str] = ...,
        lock: Lock = ...,
        with_deleted: bool = ...,
    ) -> Thing | None: ...

    @overload
    async def get_first(
        self,
        filter_data: Where = ...,
        *,
        order_data: Sequence[str] = ...,
        with_deleted: bool = ...,
        out: type[_Out],
    ) -> _Out | None: ...

    async def get_first(
        self,
        filter_data: Where = None,
        *,
        order_data: Sequence[str] = (),
        lock: Lock = False,
        with_deleted: bool = False,
        out: type[Any] | None = None,
    ) -> Any:
        """Return the first row that matches, or None.

        With `lock`, it is held until the unit of work ends; `"skip_locked"` passes over what others hold.
        """
        found = await self._select(filter_data, order_data, 1, None, lock, with_deleted, out)
        return found[0] if found else None

    @overload
    async def get_one(self, filter_data: Where, *, lock: Lock = ..., with_deleted: bool = ...) -> Thing: ...

    @overload
    async def get_one(self, filter_data: Where, *, with_deleted: bool = ..., out: type[_Out]) -> _Out: ...

    async def get_one(
        self,
        filter_data: Where,
        *,
        lock: Lock = False,
        with_deleted: bool = False,
        out: type[Any] | None = None,
    ) -> Any:
        """Return the row that matches.

        Raises:
            NotFoundError: none does.
        """
        found = await self._select(filter_data, (), 1, None, lock, with_deleted, out)
        if not found:
            raise NotFoundError
        return found[0]

    @overload
    async def get_list(
        self,
        filter_data: Where = ...,
        *,
        order_data: Sequence[str] = ...,
        lock: Lock = ...,
        with_deleted: bool = ...,
    ) -> list[Thing]: ...

    @overload
    async def get_list(
        self,
        filter_data: Where = ...,
        *,
        order_data: Sequence[str] = ...,
        with_deleted: bool = ...,
        out: type[_Out],
    ) -> list[_Out]: ...

    async def get_list(
        self,
        filter_data: Where = None,
        *,
        order_data: Sequence[str] = (),
        lock: Lock = False,
        with_deleted: bool = False,
        out: type[Any] | None = None,
    ) -> Any:
        """Return the rows that match; `limit` and `offset` may stand in `filter_data`."""
        bounds = _bounds(filter_data)
        return await self._select(
            filter_data, order_data, bounds.get("limit"), bounds.get("offset"), lock, with_deleted, out
        )

    async def get_page(
        self,
        filter_data: Where = None,
        *,
        order_data: Sequence[str] = ("id",),
        limit: int = 10,
        offset: int = 0,
        with_deleted: bool = False,
        out: type[Any] | None = None,
    ) -> Page[Any]:
        """Return one page and the number of all rows that match, in one statement."""
        mapper = self._mapper(out)
        rows = await self._run(
            self._build.select(
                mapper.columns,
                filter_data,
                order=order_data,
                limit=limit,
                offset=offset,
                with_total=True,
                with_deleted=with_deleted,
            )
        )
        # A window function counts nothing where there is no row: past the end, ask once more.
        if rows:
            total = rows[0]["total"]
        else:
            total = await self.count(filter_data, with_deleted=with_deleted) if offset else 0
        items = [self._tracked(mapper.thing({name: row[name] for name in mapper.columns})) for row in rows]
        return Page(items=items, total=total, limit=limit, offset=offset)

    async def stream(
        self,
        filter_data: Where = None,
        *,
        order_data: Sequence[str] = (),
        batch: int = 1000,
        with_deleted: bool = False,
        out: type[Any] | None = None,
    ) -> AsyncGenerator[Any, None]:
        """Yield the rows that match, however many there are; `batch` of them are in memory at a time.

        A transaction is open until the last one was taken, or the generator closed.
        """
        mapper = self._mapper(out)
        statement = self._build.select(mapper.columns, filter_data, order=order_data, with_deleted=with_deleted)
        async with self._transaction() as executor:
            async for row in executor.stream(*statement, batch=batch):
                yield mapper.thing(row)

    async def count(self, filter_data: Where = None, *, with_deleted: bool = False) -> int:
        rows = await self._run(self._build.count(filter_data, with_deleted=with_deleted))
        total: int = rows[0][0]
        return total

    async def exists(self, filter_data: Where, *, with_deleted: bool = False) -> bool:
        rows = await self._run(self._build.exists(filter_data, with_deleted=with_deleted))
        return bool(rows[0][0])

    async def _select(
        self,
        filter_data: Where,
        order: Sequence[str],
        limit: int | None,
        offset: int | None,
        lock: Lock,
        with_deleted: bool,
        out: type[Any] | None,
    ) -> list[Any]:
        mapper = self._mapper(out)
        rows = await self._run(
            self._build.select(
                mapper.columns,
                filter_data,
                order=order,
                limit=limit,
                offset=offset,
                lock=lock,
                with_deleted=with_deleted,
            )
        )
        return [self._tracked(mapper.thing(row)) for row in rows]


def _bounds(filter_data: Where) -> dict[str, Any]:
    if filter_data is None or isinstance(filter_data, Q):
        return {}
    return {name: filter_data[name] for name in PAGE_KEYS if name in filter_data}
