from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from src.app.application.common.actor import EVERYTHING, Actor
from src.app.application.common.raises import raises
from src.app.application.dto.auth import Device, SignedUpDTO, SignIn, TokensDTO, VerifiedTokenDTO
from src.app.application.dto.users import NewUser, SignUp, UserDTO
from src.app.application.ports.clock import Clock
from src.app.application.ports.ids import Ids
from src.app.application.ports.passwords import PasswordHasher
from src.app.application.ports.revocations import Revocations
from src.app.application.ports.tokens import TokenSigner
from src.app.application.ports.unit_of_work import UnitOfWork
from src.app.domain.auth.aggregates.session_agg import SessionAggregate
from src.app.domain.auth.exceptions import (
    InvalidCredentialsError,
    TokenExpiredError,
    TokenInvalidError,
    TokenRevokedError,
)
from src.app.domain.auth.repository import SessionRepository
from src.app.domain.auth.services.jwt_service import DomainJWTService
from src.app.domain.auth.value_objects.jwt_vob import DecodedToken, TokenPair, TokenType
from src.app.domain.common.contact import Email, Phone
from src.app.domain.common.exceptions import (
    AlreadyExistsError,
    RateLimitedError,
    StaleVersionError,
    ValidationError,
)
from src.app.domain.users.exceptions import UserInactiveError
from src.app.domain.users.repository import UserRepository

MAX_CACHED_TOKENS = 50_000


@dataclass(slots=True, kw_only=True)
class Account:
    """What signing in needs to know of a user."""

    uuid: UUID
    password_hashed: str | None
    is_active: bool
    is_superuser: bool


class AccountReader(Protocol):
    async def find_account(self, who: UUID | Email | Phone) -> Account | None:
        """Read the account with this uuid, e-mail or phone, without a transaction."""


class Registration(Protocol):
    async def create_user_by_email(self, new: NewUser) -> UserDTO: ...


class AuthUnitOfWork(UnitOfWork, Protocol):
    """Signing in writes a session and may rewrite the user's password hash, in one commit."""

    @property
    def sessions(self) -> SessionRepository: ...

    @property
    def users(self) -> UserRepository: ...


class AppAuthService:
    """Who somebody is: signing up and in, tokens and the sessions behind them."""

    def __init__(
        self,
        *,
        uow: Callable[[], AuthUnitOfWork],
        accounts: AccountReader,
        registration: Registration,
        rules: DomainJWTService,
        signer: TokenSigner,
        passwords: PasswordHasher,
        revocations: Revocations,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._uow = uow
        self._accounts = accounts
        self._registration = registration
        self._rules = rules
        self._signer = signer
        self._passwords = passwords
        self._revocations = revocations
        self._clock = clock
        self._ids = ids
        self._verified: dict[str, tuple[DecodedToken, Actor]] = {}

    @raises(ValidationError, AlreadyExistsError, RateLimitedError)
    async def sign_up(self, sign_up: SignUp, device: Device) -> UserDTO | SignedUpDTO:
        """Make a user, and sign them in at once if they ask for it."""
        user = await self._registration.create_user_by_email(sign_up)
        if not sign_up.issue_tokens:
            return user
        pair = await self._start_session(user.uuid, device)
        return SignedUpDTO(user=user, access=pair.access, refresh=pair.refresh, expires_in=pair.expires_in)

    @raises(InvalidCredentialsError, UserInactiveError, RateLimitedError, ValidationError)
    async def sign_in(self, sign_in: SignIn, device: Device) -> TokensDTO:
        """Start a session for who knows the password; unknown accounts take as long as known ones."""
        account = await self._accounts.find_account(sign_in.who)
        password = sign_in.password.get_secret_value()
        hashed = account.password_hashed if account else None
        is_right, rehashed = await self._passwords.verify(password, hashed)
        if account is None or not is_right:
            raise InvalidCredentialsError
        if not account.is_active:
            raise UserInactiveError
        pair = await self._start_session(account.uuid, device, rehashed=rehashed)
        return TokensDTO.of(account.uuid, pair)

    @raises(TokenInvalidError, TokenExpiredError, TokenRevokedError, UserInactiveError)
    async def refresh(self, token: str) -> TokensDTO:
        """Spend a refresh token for a new pair.

        The same token gives the same pair again within ten seconds; later its session ends.
        """
        now = self._clock.now()
        presented = self._rules.read(self._signer.open(token), expected=TokenType.REFRESH, now=now)
        account = await self._accounts.find_account(presented.user_uuid)
        if account is None:
            raise TokenInvalidError
        if not account.is_active:
            raise UserInactiveError
        successor = self._signer.derive(presented.jti)
        async with self._uow() as uow:
            session = await uow.sessions.find_locked(presented.session_id)
            if session is None or session.user_uuid != presented.user_uuid:
                raise TokenInvalidError
            is_rotated = session.rotate(
                presented=_hash(presented.jti),
                successor=_hash(str(successor)),
                now=now,
                ttl=self._rules.lifetime(TokenType.REFRESH),
            )
            await uow.sessions.save(session)
        # After the block: raised inside, it would roll back the very revocation that it tells of.
        if not is_rotated:
            raise TokenRevokedError
        return TokensDTO.of(account.uuid, self._issue(session, successor))

    @raises(StaleVersionError)
    async def end_sessions(self, user_uuid: UUID) -> None:
        """Sign a user out everywhere; every process knows it when this commits."""
        now = self._clock.now()
        async with self._uow() as uow:
            for session in await uow.sessions.list_alive(user_uuid):
                session.revoke(now=now)
                await uow.sessions.save(session)

    @raises(TokenInvalidError, TokenExpiredError, TokenRevokedError, UserInactiveError)
    async def authenticate(self, token: str) -> Actor:
        """Say who presents this access token.

        A token is checked once and remembered until it expires. Whether its session has ended is
        asked each time, of memory; to deactivate somebody ends their sessions.
        """
        _, actor = await self._open(token)
        return actor

    @raises(TokenInvalidError, TokenExpiredError, TokenRevokedError, UserInactiveError)
    async def verify_token(self, token: str) -> VerifiedTokenDTO:
        """Say whose access token this is, to a service that was shown it."""
        decoded, _ = await self._open(token)
        return VerifiedTokenDTO(
            user_uuid=decoded.user_uuid, session_id=decoded.session_id, expires_at=decoded.expires_at
        )

    async def _open(self, token: str) -> tuple[DecodedToken, Actor]:
        now = self._clock.now()
        verified = self._verified.get(token)
        if verified is None:
            decoded = self._rules.read(self._signer.open(token), expected=TokenType.ACCESS, now=now)
            verified = decoded, await self._actor_of(decoded)
            self._remember(token, verified)
        elif verified[0].expires_at <= now:
            del self._verified[token]
            raise TokenExpiredError
        if verified[0].session_id in self._revocations:
            raise TokenRevokedError
        return verified

    async def _actor_of(self, decoded: DecodedToken) -> Actor:
        account = await self._accounts.find_account(decoded.user_uuid)
        if account is None:
            raise TokenInvalidError
        if not account.is_active:
            raise UserInactiveError
        return Actor(account.uuid, decoded.session_id, EVERYTHING if account.is_superuser else frozenset())

    def _remember(self, token: str, verified: tuple[DecodedToken, Actor]) -> None:
        # The oldest entry goes first: tokens live for minutes, so it has expired or soon will.
        if len(self._verified) >= MAX_CACHED_TOKENS:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = verified

    async def _start_session(self, user_uuid: UUID, device: Device, *, rehashed: str | None = None) -> TokenPair:
        now = self._clock.now()
        refresh_id = self._ids.new()
        session = SessionAggregate.start(
            uuid=self._ids.new(),
            user_uuid=user_uuid,
            refresh_hash=_hash(str(refresh_id)),
            now=now,
            ttl=self._rules.lifetime(TokenType.REFRESH),
            address=device.address,
            user_agent=device.user_agent,
        )
        async with self._uow() as uow:
            await uow.sessions.add(session)
            if rehashed is not None:
                user = await uow.users.get_locked(user_uuid)
                user.rehash_password(rehashed, now=now)
                await uow.users.save(user)
        return self._issue(session, refresh_id)

    def _issue(self, session: SessionAggregate, refresh_id: UUID) -> TokenPair:
        # As of the rotation, not of now: who retries a lost answer gets the very same pair.
        access = self._rules.access_claims(
            user_uuid=session.user_uuid,
            session_id=session.uuid,
            jti=self._signer.derive(f"{refresh_id}/access"),
            now=session.rotated_at,
        )
        refresh = self._rules.refresh_claims(
            user_uuid=session.user_uuid, session_id=session.uuid, refresh_id=refresh_id, now=session.rotated_at
        )
        lifetime = self._rules.lifetime(TokenType.ACCESS)
        return TokenPair(self._signer.sign(access), self._signer.sign(refresh), int(lifetime.total_seconds()))


def _hash(refresh_id: str) -> str:
    # The id is 122 random bits, so a fast hash is enough to keep a leaked table from being used.
    return sha256(refresh_id.encode()).hexdigest()
