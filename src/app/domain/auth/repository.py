from typing import Protocol
from uuid import UUID

from src.app.domain.auth.aggregates.session_agg import SessionAggregate


class SessionRepository(Protocol):
    async def add(self, session: SessionAggregate) -> None: ...

    async def save(self, session: SessionAggregate) -> None:
        """Store the changes; every process hears of a revocation when it commits."""

    async def list_alive(self, user_uuid: UUID) -> list[SessionAggregate]:
        """Load the sessions of a user that were not ended, locked until the transaction ends."""

    async def find_locked(self, uuid: UUID) -> SessionAggregate | None:
        """Load a session, locked until the transaction ends."""
