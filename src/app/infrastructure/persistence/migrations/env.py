"""Alembic's environment: `alembic upgrade head` on the database of the settings."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from src.app.config.settings import load_settings
from src.app.infrastructure.persistence.models.container import Base

_URL = load_settings().DB_URL

# Two processes that start at once must not migrate at once.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('alembic', 0))"


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        connection.exec_driver_sql(_LOCK)
        context.run_migrations()


async def _migrate_online() -> None:
    engine = create_async_engine(_URL, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


def _write_sql() -> None:
    context.configure(url=_URL, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    _write_sql()
else:
    asyncio.run(_migrate_online())
