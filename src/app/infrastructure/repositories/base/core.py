"""What reads and writes share: the table, where statements run, and how rows become things."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from asyncpg import Record
from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase

from src.app.domain.common.aggregates.base import BaseAggregate
from src.app.domain.common.exceptions import AppException, ValidationError
from src.app.infrastructure.cache import ReadCache
from src.app.infrastructure.extensions.psql_ext import Executor, Source, current_database
from src.app.infrastructure.persistence.unit_of_work import PSQLUnitOfWork
from src.app.infrastructure.repositories.base.mapping import Composites, Mapper, dataclass_of
from src.app.infrastructure.repositories.base.query import MAX_SHAPES, Query, QueryBuilder
from src.app.infrastructure.repositories.base.stored import unfit
from src.app.infrastructure.repositories.base.violations import Rows, Violations, named

Thing = TypeVar("Thing")

Out = type[Any] | Sequence[str]

builder_of = cache(QueryBuilder)


class RepositoryCore(Generic[Thing]):
    """The declarations of a repository, and the one way in which it reaches the database."""

    model: type[DeclarativeBase]
    composites: ClassVar[Composites] = {}
    renamed: ClassVar[Mapping[str, str]] = {}
    violations: ClassVar[Violations] = {}

    _thing: ClassVar[type[Any]] = dict
    _mappers: ClassVar[dict[tuple[Table, Any], Mapper[Any]]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._mappers = {}
        for base in getattr(cls, "__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(get_origin(argument) or argument, type):
                    cls._thing = get_origin(argument) or argument

    def __init__(self, source: Source | None = None, *, cache: ReadCache | None = None) -> None:
        if cache is not None and source is not cache.database:
            raise TypeError("A cache answers for the database that it was made with, and for no other source")
        self.cache = cache
        self._source = source if source is not None else current_database.get()
        self._unit = source if isinstance(source, PSQLUnitOfWork) else None

    @property
    def _executor(self) -> Executor:
        return self._source.executor

    @property
    def _table(self) -> Table:
        return self.model.__table__  # type: ignore[return-value]

    @property
    def _build(self) -> QueryBuilder:
        return builder_of(self._table)

    def _mapper(self, out: Out | None) -> Mapper[Any]:
        wanted = self._thing if out is None else out if isinstance(out, type) else _names(out)
        mapper = self._mappers.get((self._table, wanted))
        if mapper is None:
            cls = wanted if isinstance(wanted, type) else dataclass_of(self._table, wanted, renamed=self.renamed)
            # Value objects are the domain's; what is read straight into a DTO stays plain.
            composites = self.composites if cls is self._thing else {}
            mapper = Mapper(cls, self._table, composites=composites, renamed=self.renamed)
            if len(self._mappers) >= MAX_SHAPES:
                del self._mappers[next(iter(self._mappers))]
            self._mappers[self._table, wanted] = mapper
        return mapper

    async def _read(self, query: Query) -> list[Record]:
        return await self._source.reader.fetch(*query)

    async def _write(self, query: Query, rows: Rows = (), executor: Executor | None = None) -> list[Record]:
        with self._naming(rows):
            return await (executor or self._executor).fetch(*query)

    @contextmanager
    def _naming(self, rows: Rows) -> Iterator[None]:
        """Name the rule that a write breaks, or the value of `rows` that does not fit."""
        try:
            yield
        except AppException as error:
            raise named(error, self.violations, table=self._table, rows=rows) from error.__cause__
        except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
            # So a COPY says that it cannot write the value in hand.
            refused = unfit(self._table, rows)
            if refused is None:
                raise
            raise refused from error

    def _tracked(self, thing: Any) -> Any:
        if self._unit is not None and isinstance(thing, BaseAggregate):
            self._unit.track(thing)
        return thing


def _names(out: Iterable[str]) -> tuple[str, ...]:
    names = None if isinstance(out, str) or not isinstance(out, Iterable) else tuple(out)
    if names is None or not all(isinstance(name, str) for name in names):
        raise ValidationError("The columns are a list of names", field="fields")
    return tuple(dict.fromkeys(names))
