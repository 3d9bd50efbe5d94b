"""The sessions that ended while an access token of theirs may still be alive, in memory.

The table is the truth. A process loads what was revoked within the life of an access token when
it starts and whenever it had lost its connection, and hears of the rest by NOTIFY, which
PostgreSQL sends when the revoking transaction commits. Asking costs no round trip.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from src.app.infrastructure.extensions.psql_ext import Executor
from src.app.infrastructure.extensions.psql_ext.listener import Channel, PlainConnection

CHANNEL = "session_revoked"


async def announce(executor: Executor, session_id: UUID) -> None:
    """Tell every process that a session has ended, when the caller's transaction commits."""
    await executor.fetch("SELECT pg_notify($1, $2)", [CHANNEL, str(session_id)])


class RevokedSessions:
    """A set of session ids, each kept for the life of an access token."""

    def __init__(self, access_ttl: timedelta) -> None:
        self._access_ttl = access_ttl
        self._revoked: dict[UUID, datetime] = {}

    def __contains__(self, session_id: UUID) -> bool:
        return session_id in self._revoked

    @property
    def channel(self) -> Channel:
        """What is to be listened to, so that the set stays current."""
        return Channel(CHANNEL, heard=self._hear, connected=self._load)

    def _hear(self, payload: str) -> None:
        self._forget_expired()
        self._revoked[UUID(payload)] = datetime.now(UTC)

    async def _load(self, connection: PlainConnection) -> None:
        oldest = datetime.now(UTC) - self._access_ttl
        rows = await connection.fetch("SELECT uuid, revoked_at FROM sessions WHERE revoked_at > $1", oldest)
        self._revoked.update((row["uuid"], row["revoked_at"]) for row in rows)

    def _forget_expired(self) -> None:
        # Entries stand roughly in the order of their age; what is left behind a younger one goes later.
        oldest = datetime.now(UTC) - self._access_ttl
        while self._revoked and next(iter(self._revoked.values())) <= oldest:
            del self._revoked[next(iter(self._revoked))]
