"""A repository with reads that may be cached, which tells how often they were made."""

import asyncio
from datetime import timedelta
from typing import Any

from src.app.application.common.lists import ListQuery
from src.app.application.common.page import Page
from src.app.application.dto.users import UserDTO
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.cache import cached
from src.app.infrastructure.persistence.changes import horizon
from src.app.infrastructure.persistence.models.users import User
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository, UsersPSQLUnitOfWork
from tests.builders.users import a_user
from tests.builders.waiting import until


class Cities(UsersPSQLRepository):
    """Where users live; while `may_end` is not set, a read does not end."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.database, cache=process.read_cache)
        self.process = process
        self.made = 0
        self.read = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    @cached(User, ttl=timedelta(minutes=1))
    async def list_cities(self, *_: Any, **__: Any) -> list[str | None]:
        self.made += 1
        found = [user.city for user in await self.get_list(order_data=("email",), out=("city",))]
        self.read.set()
        await self.may_end.wait()
        return found

    @cached(User, ttl=timedelta(minutes=1))
    async def page_users(self, query: ListQuery) -> Page[UserDTO]:
        return await super().page_users(query)

    @cached(User, ttl=timedelta(minutes=1))
    async def find_city(self, email: str) -> str | None:
        self.made += 1
        return (await self.get_one({"email": email}, out=("city",))).city  # type: ignore[no-any-return]


async def settled(process: Process) -> None:
    """Wait until all transactions are over that run now, whosever they are: until then, little can be kept."""
    newest = await process.database.pool.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")

    async def is_over() -> bool:
        return bool(await horizon(process.database.executor) >= newest)

    await until(is_over, within=30)


async def lives_in(process: Process, city: str | None, email: str = "ada@example.com") -> None:
    """Let the user of this e-mail live in a city, in a unit of work."""
    async with UsersPSQLUnitOfWork(process.database) as uow:
        if not await uow.users.update({"email": email}, {"city": city}):
            user = a_user(city=city)
            await uow.users.create({"uuid": user.uuid, "email": email, "city": city}, False)
