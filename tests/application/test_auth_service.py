import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from src.app.application.common.actor import Actor
from src.app.application.container import Container
from src.app.application.dto.auth import Device, SignedUpDTO, SignIn, TokensDTO
from src.app.application.dto.users import SignUp
from src.app.application.services.auth_service import AppAuthService
from src.app.domain.auth.aggregates.session_agg import REFRESH_GRACE
from src.app.domain.auth.exceptions import (
    InvalidCredentialsError,
    TokenExpiredError,
    TokenInvalidError,
    TokenRevokedError,
)
from src.app.domain.users.exceptions import UserInactiveError
from src.app.infrastructure.providers.passwords import PasslibHasher
from tests.builders.clock import MovedClock
from tests.builders.outbox import Outbox
from tests.builders.users import PASSWORD, a_sign_up

DEVICE = Device(address="192.0.2.1", user_agent="a test")


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(datetime.now(UTC))


@pytest.fixture
def auth(container: Container, clock: MovedClock) -> AppAuthService:
    return replace(container, clock=clock).auth_service


async def signed_in(auth: AppAuthService, sign_up: SignUp | None = None) -> TokensDTO:
    sign_up = sign_up or a_sign_up()
    await auth.sign_up(sign_up, DEVICE)
    return await auth.sign_in(SignIn(email=sign_up.email, password=sign_up.password), DEVICE)


class TestSignUp:
    async def test_with_tokens_they_are_signed_in_at_once(self, auth: AppAuthService) -> None:
        signed_up = await auth.sign_up(a_sign_up(issue_tokens=True), DEVICE)

        assert isinstance(signed_up, SignedUpDTO)
        assert (await auth.authenticate(signed_up.access)).uuid == signed_up.user.uuid


class TestSignIn:
    async def test_the_tokens_are_of_the_user(self, auth: AppAuthService, outbox: Outbox) -> None:
        tokens = await signed_in(auth)

        actor = await auth.authenticate(tokens.access)

        assert actor.uuid == tokens.user_data.uuid
        assert actor.permissions == frozenset()
        assert tokens.expires_in == 300
        assert await outbox.names() == ["user.registered", "user.logged_in"]

    async def test_a_weak_hash_is_replaced_by_a_strong_one(self, container: Container) -> None:
        sign_up = a_sign_up()
        await container.auth_service.sign_up(sign_up, DEVICE)
        stronger = replace(container, passwords=PasslibHasher(rounds=5))

        await stronger.auth_service.sign_in(SignIn(email=sign_up.email, password=sign_up.password), DEVICE)

        account = await container.accounts.find_account(sign_up.email)
        assert account is not None
        assert "r=5" in str(account.password_hashed)
        await stronger.auth_service.sign_in(SignIn(email=sign_up.email, password=sign_up.password), DEVICE)

    async def test_a_phone_number_serves_as_well(self, auth: AppAuthService) -> None:
        sign_up = a_sign_up(phone="+442079460958")
        await auth.sign_up(sign_up, DEVICE)

        assert await auth.sign_in(SignIn(phone=sign_up.phone, password=sign_up.password), DEVICE)

    async def test_a_wrong_password_and_an_unknown_address_look_the_same(self, auth: AppAuthService) -> None:
        sign_up = a_sign_up()
        await auth.sign_up(sign_up, DEVICE)
        attempts = [
            SignIn.model_validate({"email": str(sign_up.email), "password": "another phrase"}),
            SignIn.model_validate({"email": "nobody@example.com", "password": PASSWORD}),
        ]

        refusals = []
        for attempt in attempts:
            with pytest.raises(InvalidCredentialsError) as refused:
                await auth.sign_in(attempt, DEVICE)
            refusals.append((refused.value.code, refused.value.message, refused.value.details))

        assert refusals[0] == refusals[1]

    async def test_who_was_deactivated_learns_it_only_with_the_right_password(
        self, auth: AppAuthService, container: Container
    ) -> None:
        sign_up = a_sign_up()
        user = await auth.sign_up(sign_up, DEVICE)
        await container.users_service.deactivate_user(Actor.system(), user.uuid)  # type: ignore[union-attr]

        with pytest.raises(UserInactiveError):
            await auth.sign_in(SignIn(email=sign_up.email, password=sign_up.password), DEVICE)
        with pytest.raises(InvalidCredentialsError):
            await auth.sign_in(SignIn.model_validate({"email": str(sign_up.email), "password": "wrong"}), DEVICE)


class TestAuthenticate:
    async def test_a_remembered_token_still_expires(self, auth: AppAuthService, clock: MovedClock) -> None:
        tokens = await signed_in(auth)
        await auth.authenticate(tokens.access)

        clock.move(timedelta(minutes=5))

        with pytest.raises(TokenExpiredError):
            await auth.authenticate(tokens.access)

    async def test_a_refresh_token_is_no_access_token(self, auth: AppAuthService) -> None:
        with pytest.raises(TokenInvalidError):
            await auth.authenticate((await signed_in(auth)).refresh)

    @pytest.mark.parametrize("token", ["", ".", "a.b.c", "x" * 10_000, "é.é.é", "eyJhbGciOiJub25lIn0.e30."])
    async def test_anything_else_is_no_token(self, auth: AppAuthService, token: str) -> None:
        with pytest.raises(TokenInvalidError):
            await auth.authenticate(token)


class TestEndSessions:
    async def test_every_token_of_the_user_ends_and_nobody_elses(self, auth: AppAuthService) -> None:
        sign_up = a_sign_up()
        first = await signed_in(auth, sign_up)
        second = await auth.sign_in(SignIn(email=sign_up.email, password=sign_up.password), DEVICE)
        other = await signed_in(auth)

        await auth.end_sessions(first.user_data.uuid)

        for tokens in (first, second):
            with pytest.raises(TokenRevokedError):
                await auth.refresh(tokens.refresh)
            await refused(auth, tokens.access)
        await auth.authenticate(other.access)


async def refused(auth: AppAuthService, access: str) -> None:
    """Wait until the token of an ended session is refused: a notification's way, and no longer."""
    async with asyncio.timeout(1):
        while True:
            try:
                await auth.authenticate(access)
                await asyncio.sleep(0.01)
            except TokenRevokedError:
                return


class TestVerifyToken:
    async def test_another_service_learns_whose_it_is(self, auth: AppAuthService, clock: MovedClock) -> None:
        tokens = await signed_in(auth)

        verified = await auth.verify_token(tokens.access)

        assert verified.user_uuid == tokens.user_data.uuid
        assert verified.expires_at == clock.now().replace(microsecond=0) + timedelta(minutes=5)


class TestRefresh:
    async def test_the_new_pair_works(self, auth: AppAuthService, clock: MovedClock) -> None:
        tokens = await signed_in(auth)
        clock.move(timedelta(days=4))

        refreshed = await auth.refresh(tokens.refresh)

        assert refreshed.refresh != tokens.refresh
        assert (await auth.authenticate(refreshed.access)).uuid == tokens.user_data.uuid

    async def test_many_at_once_with_one_token_get_one_successor(self, auth: AppAuthService) -> None:
        tokens = await signed_in(auth)

        pairs = await asyncio.gather(*(auth.refresh(tokens.refresh) for _ in range(16)))

        assert len({(pair.access, pair.refresh) for pair in pairs}) == 1

    async def test_a_spent_token_ends_the_session_everywhere(
        self, auth: AppAuthService, clock: MovedClock, outbox: Outbox
    ) -> None:
        tokens = await signed_in(auth)
        refreshed = await auth.refresh(tokens.refresh)
        clock.move(REFRESH_GRACE + timedelta(seconds=1))

        with pytest.raises(TokenRevokedError):
            await auth.refresh(tokens.refresh)

        with pytest.raises(TokenRevokedError):
            await auth.refresh(refreshed.refresh)
        assert await outbox.names() == [
            "user.registered", "user.logged_in", "session.reuse_detected", "session.revoked"
        ]  # fmt: skip
        await refused(auth, refreshed.access)

    async def test_it_ends_when_nobody_uses_it(self, auth: AppAuthService, clock: MovedClock) -> None:
        tokens = await signed_in(auth)
        clock.move(timedelta(days=5))

        with pytest.raises(TokenExpiredError):
            await auth.refresh(tokens.refresh)

    async def test_an_access_token_refreshes_nothing(self, auth: AppAuthService) -> None:
        with pytest.raises(TokenInvalidError):
            await auth.refresh((await signed_in(auth)).access)
