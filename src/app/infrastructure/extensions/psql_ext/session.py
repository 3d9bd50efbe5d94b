"""SQLAlchemy sessions, for what wants the ORM: the prototype's code and administration pages.

The service itself does not use them: a session costs a read four times as much.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

# Imported where they are used: they make a process start a fifth later, and few use them.


@cache
def engine_of(url: str) -> "AsyncEngine":
    """Return the process's one engine for this address, with a small pool of its own."""
    from sqlalchemy.ext.asyncio import create_async_engine

    return create_async_engine(url, pool_size=2, max_overflow=3, pool_pre_ping=True, pool_timeout=2)


@asynccontextmanager
async def get_session() -> AsyncIterator["AsyncSession"]:
    """Open a session on the database of the settings; the caller commits."""
    from sqlalchemy.ext.asyncio import AsyncSession

    from src.app.config.settings import settings

    async with AsyncSession(engine_of(settings.DB_URL), expire_on_commit=False) as session:
        yield session
