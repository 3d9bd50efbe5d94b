"""The base repository of the service."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from uuid import UUID

from benchmarks.repositories.peer import CITY, LIST_SIZE, PAGE_SIZE, Rows
from benchmarks.repositories.tables import Citizen, Person, PersonRow, UserRow
from src.app.config.settings import DatabaseSettings
from src.app.infrastructure.extensions.psql_ext import Cursors, Database
from src.app.infrastructure.persistence.models.users import User
from src.app.infrastructure.repositories.base import BasePSQLRepository

_PATIENCE = 300.0


class Users(BasePSQLRepository[UserRow]):
    model = User


class People(BasePSQLRepository[PersonRow]):
    model = Person


class Citizens(BasePSQLRepository[PersonRow]):
    model = Citizen


class Allium:
    def __init__(self, database: Database) -> None:
        self._users = Users(database)
        self._people = People(database)

    async def get_first(self, uuid: UUID) -> UserRow | None:
        return await self._users.get_first({"uuid": uuid}, out=UserRow)

    async def get_page(self, since: datetime) -> tuple[list[UserRow], int | None]:
        page = await self._users.get_page(
            {"city": CITY, "is_active": True, "created_at__gte": since},
            order_data=("-created_at",),
            limit=PAGE_SIZE,
            out=UserRow,
        )
        return page.items, page.total

    async def get_list(self) -> list[UserRow]:
        return await self._users.get_list({"city": CITY, "limit": LIST_SIZE}, order_data=("id",), out=UserRow)

    async def create(self, rows: Rows) -> None:
        await self._people.create_bulk(rows, is_return_require=False)

    async def create_with_ids(self, rows: Rows) -> Sequence[int]:
        return [person.id for person in await self._people.create_bulk(rows, out=("id",))]

    async def update(self, rows: Rows) -> None:
        await self._people.update_bulk(rows, key="id", is_return_require=False)


def connected(settings: Mapping[str, str]) -> AbstractAsyncContextManager[Database]:
    """Open the database as a process of the service does, but with time for a million rows."""
    patient = DatabaseSettings.model_validate({**settings, "DB_STATEMENT_TIMEOUT_SECONDS": _PATIENCE})
    return Database.connect(
        patient, cursors=Cursors(settings["SECRET_KEY"]), application="benchmarks", slow_ms=_PATIENCE * 1000
    )
