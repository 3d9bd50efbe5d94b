from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


@asynccontextmanager
async def engine_of(url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine for asyncpg, which reads and writes JSON by orjson as the others do."""
    engine = create_async_engine(address_of(url), json_serializer=_dumped, json_deserializer=orjson.loads)
    try:
        yield engine
    finally:
        await engine.dispose()


def address_of(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://")


def _dumped(value: Any) -> str:
    return orjson.dumps(value).decode()
