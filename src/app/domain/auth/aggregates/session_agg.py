from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from src.app.domain.auth.events.session import SessionReuseDetected, SessionRevoked, UserLoggedIn
from src.app.domain.auth.exceptions import TokenExpiredError, TokenRevokedError
from src.app.domain.common.aggregates.base import BaseAggregate

REFRESH_GRACE = timedelta(seconds=10)


@dataclass(slots=True, kw_only=True, eq=False)
class SessionAggregate(BaseAggregate):
    """One sign-in on one device, kept alive by a chain of refresh tokens, each used once.

    Only hashes of the newest token and of the one before it are kept. A token that comes back
    within the grace is a lost answer or a second tab; later it is a copy in wrong hands, and
    the whole session ends.
    """

    user_uuid: UUID
    refresh_hash: str
    previous_hash: str | None = None
    rotated_at: datetime
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    address: str | None = None
    user_agent: str | None = None

    @classmethod
    def start(
        cls,
        *,
        uuid: UUID,
        user_uuid: UUID,
        refresh_hash: str,
        now: datetime,
        ttl: timedelta,
        address: str | None = None,
        user_agent: str | None = None,
    ) -> Self:
        session = cls(
            uuid=uuid,
            user_uuid=user_uuid,
            refresh_hash=refresh_hash,
            rotated_at=now,
            created_at=now,
            expires_at=now + ttl,
            address=address,
            user_agent=user_agent,
        )
        session.record(UserLoggedIn(aggregate_uuid=uuid, occurred_at=now, user_uuid=user_uuid))
        return session

    def rotate(self, *, presented: str, successor: str, now: datetime, ttl: timedelta) -> bool:
        """Replace the presented token by its successor; False says that it was stolen.

        The tokens that follow are issued as of `rotated_at`, so that one token always has one
        successor. A stolen one has ended the session, which the caller must save.
        """
        if self.revoked_at is not None:
            raise TokenRevokedError
        if self.expires_at <= now:
            raise TokenExpiredError
        if presented == self.refresh_hash:
            self.previous_hash, self.refresh_hash = self.refresh_hash, successor
            self.rotated_at = now
            self.expires_at = now + ttl
            return True
        if presented == self.previous_hash and now - self.rotated_at <= REFRESH_GRACE:
            return True
        self.record(SessionReuseDetected(aggregate_uuid=self.uuid, occurred_at=now, user_uuid=self.user_uuid))
        self.revoke(now=now)
        return False

    def revoke(self, *, now: datetime) -> None:
        """End the session; ending an ended one is what a second sign-out does, and changes nothing."""
        if self.revoked_at is None:
            self.revoked_at = now
            self.record(SessionRevoked(aggregate_uuid=self.uuid, occurred_at=now, user_uuid=self.user_uuid))
