"""What reads and writes share: the table, where statements run, and how rows become things."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from asyncpg import Record
from sqlalchemy import Table

from src.app.domain.common.aggregates.base import BaseAggregate
from src.app.domain.common.exceptions import AppException
from src.app.infrastructure.extensions.psql_ext import Database, Executor, current_database
from src.app.infrastructure.persistence.models.base import Base
from src.app.infrastructure.persistence.unit_of_work import PSQLUnitOfWork
from src.app.infrastructure.repositories.base.mapping import Composites, Mapper
from src.app.infrastructure.repositories.base.query import QueryBuilder
from src.app.infrastructure.repositories.base.violations import Violations, named

Thing = TypeVar("Thing")

builder_of = cache(QueryBuilder)


class RepositoryCore(Generic[Thing]):
    """The declarations of a repository, and the one way in which it reaches the database."""

    model: type[Base]
    composites: ClassVar[Composites] = {}
    renamed: ClassVar[Mapping[str, str]] = {}
    violations: ClassVar[Violations] = {}

    _thing: ClassVar[type[Any]] = dict
    _mappers: ClassVar[dict[tuple[Table, type[Any]], Mapper[Any]]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._mappers = {}
        for base in getattr(cls, "__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(get_origin(argument) or argument, type):
                    cls._thing = get_origin(argument) or argument

    def __init__(self, source: Database | PSQLUnitOfWork | None = None) -> None:
        self._source = source if source is not None else current_database.get()
        self._unit = source if isinstance(source, PSQLUnitOfWork) else None

    @property
    def _executor(self) -> Executor:
        return self._source.executor

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Executor]:
        """The transaction of the unit of work, or one of its own."""
        if isinstance(self._source, PSQLUnitOfWork):
            yield self._source.executor
        else:
            async with self._source.transaction() as executor:
                yield executor

    @property
    def _table(self) -> Table:
        return self.model.__table__  # type: ignore[return-value]

    @property
    def _build(self) -> QueryBuilder:
        return builder_of(self._table)

    def _mapper(self, out: type[Any] | None) -> Mapper[Any]:
        cls = out or self._thing
        mapper = self._mappers.get((self._table, cls))
        if mapper is None:
            # Value objects are the domain's; what is read straight into a DTO stays plain.
            composites = self.composites if cls is self._thing else {}
            mapper = Mapper(cls, self._table, composites=composites, renamed=self.renamed)
            self._mappers[self._table, cls] = mapper
        return mapper

    async def _run(self, statement: tuple[str, Sequence[Any]]) -> list[Record]:
        try:
            return await self._executor.fetch(*statement)
        except AppException as error:
            raise named(error, self.violations, table=self._table.name) from error.__cause__

    async def _copy(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        try:
            await self._executor.copy(self._table.name, columns, rows)
        except AppException as error:
            raise named(error, self.violations, table=self._table.name) from error.__cause__

    def _tracked(self, thing: Any) -> Any:
        if self._unit is not None and isinstance(thing, BaseAggregate):
            self._unit.track(thing)
        return thing
