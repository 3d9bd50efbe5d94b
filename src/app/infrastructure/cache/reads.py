"""Reads that are answered from the cache until what they were made of changes (docs/adr/0015).

An entry is its horizon and the value as JSON. It is good while `Changes` knows of no later change
of its tables, so nothing is deleted when something changes, and what Redis misses does not matter:
an old entry is told from a new one wherever it comes from.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import cache, cached_property, partial, wraps
from inspect import signature
from time import monotonic
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeVar,
    get_type_hints,
)
from uuid import uuid4
from weakref import WeakValueDictionary

from loguru import logger
from pydantic import TypeAdapter
from sqlalchemy.orm import DeclarativeBase

from src.app.application.common.lists import ListQuery
from src.app.infrastructure.cache.keys import NoKeyError, digest_of
from src.app.infrastructure.cache.redis_cache import CacheOutError, RedisCache
from src.app.infrastructure.extensions.psql_ext import Database
from src.app.infrastructure.extensions.psql_ext.listener import Ear
from src.app.infrastructure.persistence.changes import Changes, horizon

if TYPE_CHECKING:
    from prometheus_client import Counter

LOCK_TTL = timedelta(seconds=2)
# Longer than the lock of a maker that died.
WAIT_SECONDS = 4.0
POLL_SECONDS = 0.02
HEARING_SECONDS = 0.25

_Arguments = ParamSpec("_Arguments")
_Value = TypeVar("_Value")


class Reader(Protocol):
    """Who has reads that may be cached: a repository."""

    @property
    def cache(self) -> "ReadCache | None":
        """Where to look first, if anywhere."""


_Reader = TypeVar("_Reader", bound=Reader)


def cached(
    *made_of: type[DeclarativeBase], ttl: timedelta
) -> Callable[
    [Callable[Concatenate[_Reader, _Arguments], Awaitable[_Value]]],
    Callable[Concatenate[_Reader, _Arguments], Coroutine[Any, Any, _Value]],
]:
    """Answer a repository's read from its cache, if it has one, until a table of `made_of` changes.

        @cached(Plan, ttl=timedelta(hours=1))
        async def page_plans(self, query: ListQuery) -> Page[PlanDTO]: ...

    The key is made of all arguments, and the annotated type of the result is what is stored and
    read again. So the result must depend on nothing but arguments and tables: not on who asks,
    unless that is an argument, and not on the time.
    """

    def declare(
        read: Callable[Concatenate[_Reader, _Arguments], Awaitable[_Value]],
    ) -> Callable[Concatenate[_Reader, _Arguments], Coroutine[Any, Any, _Value]]:
        declared = CachedRead(read, made_of=made_of, ttl=ttl)

        @wraps(read)
        async def answer(self: _Reader, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Value:
            make = partial(read, self, *args, **kwargs)
            if self.cache is None:
                return await make()
            return await self.cache.answer(declared, declared.arguments(self, *args, **kwargs), make)

        answer.cached = declared  # type: ignore[attr-defined]
        return answer

    return declare


class CachedRead(Generic[_Value]):
    """What is declared of a read."""

    def __init__(
        self, read: Callable[..., Awaitable[_Value]], *, made_of: tuple[type[DeclarativeBase], ...], ttl: timedelta
    ) -> None:
        if not made_of:
            raise TypeError(f"{read.__qualname__} names nothing that it is made of")
        self.tables = tuple(str(model.__table__.name) for model in made_of)  # type: ignore[attr-defined]
        self.ttl = ttl
        self.name = f"{self.tables[0]}:{read.__name__}"
        self._read = read
        self._signature = signature(read)

    def arguments(self, *args: Any, **kwargs: Any) -> Mapping[str, Any]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        _, *arguments = bound.arguments.items()
        return dict(arguments)

    def key(self, arguments: Mapping[str, Any], *, server: str) -> str:
        """Return `{module}:{operation}:{params_hash}`; a value of another shape or server has another."""
        return f"{self.name}:{digest_of(server, self._shape, arguments)}"

    def stored(self, value: _Value) -> bytes:
        return self._type.dump_json(value, warnings="error")

    def value(self, stored: bytes) -> _Value:
        return self._type.validate_json(stored)

    @cached_property
    def _type(self) -> TypeAdapter[_Value]:
        return TypeAdapter(get_type_hints(self._read)["return"])

    @cached_property
    def _shape(self) -> str:
        read = self._read
        return digest_of(read.__module__, read.__qualname__, self._type.json_schema(mode="serialization"))


class _Found(NamedTuple, Generic[_Value]):
    """A value that was found, which may be None."""

    value: _Value


class ReadCache:
    """Answers reads from Redis, and has what is not there made once, by one of all processes."""

    def __init__(self, redis: RedisCache, *, database: Database, changes: Changes, ear: Ear) -> None:
        self.database = database
        self._redis = redis
        self._changes = changes
        self._ear = ear
        self._commits = 0
        self._turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()

    async def answer(
        self, read: CachedRead[_Value], arguments: Mapping[str, Any], make: Callable[[], Awaitable[_Value]]
    ) -> _Value:
        """Return what the read makes, or what it has made since its tables changed last."""
        self._changes.refuse_unannounced(read.tables)
        is_dear = all(map(_is_dear, arguments.values()))
        if not is_dear or self._redis.is_out or not await self._knows_what_changed():
            _reads().labels(read.name, "passed").inc()
            return await make()
        try:
            key = read.key(arguments, server=self._changes.server)
            found = await self._find(read, key)
            if found is None:
                came = monotonic()
                turn = self._turns.setdefault(key, _Turn())
                async with turn.waited_for(until=came + WAIT_SECONDS):
                    found = self._taken(read, turn.made, came)
                    if found is None:
                        async with self._made_elsewhere(read, key, until=came + WAIT_SECONDS) as found:
                            if found is None:
                                return await self._made(read, key, make, turn)
        except NoKeyError:
            # What it depends on is none that we know; that it is refused is up to the read.
            _reads().labels(read.name, "passed").inc()
            return await make()
        except CacheOutError:
            _reads().labels(read.name, "error").inc()
            return await make()
        _reads().labels(read.name, "hit").inc()
        return found.value

    async def _knows_what_changed(self) -> bool:
        """Whether the changes are known that were committed by this process, and a second ago by any."""
        if self.database.is_joined:
            # Who has changed something reads it, and nobody else does yet.
            return False
        commits = self.database.commits
        if commits == self._commits and self._ear.is_current:
            return True
        is_known = await self._ear.catch_up(within=HEARING_SECONDS)
        if is_known:
            self._commits = max(self._commits, commits)
        return is_known

    async def _find(self, read: CachedRead[_Value], key: str) -> _Found[_Value] | None:
        stored = await self._redis.get(key)
        if stored is None:
            return None
        at, _, value = stored.partition(b" ")
        try:
            return _Found(read.value(value)) if self._is_good(read, int(at)) else None
        except ValueError:
            logger.warning("What Redis keeps as {} is not what was kept", key)
            return None

    def _taken(self, read: CachedRead[_Value], made: "_Made | None", came: float) -> _Found[_Value] | None:
        """Take what was made while the caller waited, if it is good, or was read after they came."""
        if made is None or not (made.began > came or self._is_good(read, made.at)):
            return None
        return _Found(read.value(made.stored))

    def _is_good(self, read: CachedRead[_Value], at: int) -> bool:
        return self._ear.is_current and self._changes.are_seen(read.tables, at=at)

    @asynccontextmanager
    async def _made_elsewhere(
        self, read: CachedRead[_Value], key: str, *, until: float
    ) -> AsyncIterator[_Found[_Value] | None]:
        """Wait until no other process makes it, and yield what was made; or None, and it is ours to make."""
        token = uuid4().hex
        try:
            found = None
            while not (is_ours := await self._redis.lock(key, token, ttl=LOCK_TTL)) and monotonic() < until:
                await asyncio.sleep(POLL_SECONDS)
                if found := await self._find(read, key):
                    break
            # It may have been made since it was looked for.
            yield await self._find(read, key) if is_ours else found
        finally:
            with suppress(CacheOutError):
                await self._redis.unlock(key, token)

    async def _made(
        self, read: CachedRead[_Value], key: str, make: Callable[[], Awaitable[_Value]], turn: "_Turn"
    ) -> _Value:
        _reads().labels(read.name, "miss").inc()
        began = monotonic()
        # Asked before the read: what is committed in between may be seen, and is taken for unseen.
        at = await horizon(self.database.executor)
        value = await make()
        stored = read.stored(value)
        turn.made = _Made(began, at, stored)
        with suppress(CacheOutError):
            await self._redis.set(key, b"%d %b" % (at, stored), ttl=read.ttl)
        return value


class _Made(NamedTuple):
    """What was made, when that began, and at which horizon."""

    began: float
    at: int
    stored: bytes


class _Turn:
    """Whose turn it is to make a value in this process, and what the last one has made."""

    def __init__(self) -> None:
        self.made: _Made | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def waited_for(self, *, until: float) -> AsyncIterator[None]:
        """Wait for who makes it; who takes too long is not waited for."""
        async with AsyncExitStack() as stack:
            with suppress(TimeoutError):
                async with asyncio.timeout(until - monotonic()):
                    await stack.enter_async_context(self._lock)
            yield


@cache
def _reads() -> "Counter":
    # Loaded by the processes that need it.
    from prometheus_client import Counter

    return Counter(
        "cache_reads",
        "Reads of what may be cached: hit, miss, passed (it is not asked, as in a transaction), error (it is out)",
        ("read", "outcome"),
    )


def _is_dear(argument: Any) -> bool:
    """Whether a page is dear to read: what takes long is to count.

    Without a total the database answers as soon as Redis. A page of chosen fields is not of the
    declared type.
    """
    if not isinstance(argument, ListQuery):
        return True
    return argument.with_total and argument.cursor is None and argument.fields is None
