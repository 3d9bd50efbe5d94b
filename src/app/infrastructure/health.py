"""Whether what the process stands on is there."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from redis.exceptions import RedisError

from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.extensions.psql_ext import Database
from src.app.infrastructure.persistence.models.container import SCHEMA_REVISION

CHECK_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at; without a required one the process cannot do its job."""

    look: Callable[[], Awaitable[object]]
    is_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found: the error's own words stay in the log."""

    is_ok: bool
    is_required: bool
    ms: float


async def examine(checks: Mapping[str, Check]) -> dict[str, Finding]:
    """Look at everything at once; what does not answer in two seconds is not there."""
    found = await asyncio.gather(*(_examine(check) for check in checks.values()))
    return dict(zip(checks, found, strict=True))


async def _examine(check: Check) -> Finding:
    started = time.perf_counter()
    try:
        await asyncio.wait_for(check.look(), CHECK_TIMEOUT)
        is_ok = True
    except (ExternalServiceError, RedisError, OSError, TimeoutError):
        is_ok = False
    ms = round((time.perf_counter() - started) * 1000, 2)
    return Finding(is_ok=is_ok, is_required=check.is_required, ms=ms)


async def ensure_migrated(database: Database) -> None:
    """Answer when the schema is the one that this code was written for.

    Raises:
        ExternalServiceError: it is not.
    """
    exists = await database.executor.fetch("SELECT to_regclass('alembic_version') IS NOT NULL")
    rows = await database.executor.fetch("SELECT version_num FROM alembic_version") if exists[0][0] else []
    if [row[0] for row in rows] != [SCHEMA_REVISION]:
        raise ExternalServiceError("The database is not migrated to this version")
