from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class TokenType(StrEnum):
    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Two signed tokens; `expires_in` is the life of the access token in seconds."""

    access: str
    refresh: str
    expires_in: int

    def __repr__(self) -> str:
        return f"TokenPair(expires_in={self.expires_in})"


@dataclass(frozen=True, slots=True)
class DecodedToken:
    """What a token says, after its signature and its claims were found good."""

    type: TokenType
    user_uuid: UUID
    session_id: UUID
    jti: str
    issued_at: datetime
    expires_at: datetime
