from datetime import timedelta

import pytest

from src.app.domain.auth.aggregates.session_agg import REFRESH_GRACE, SessionAggregate
from src.app.domain.auth.exceptions import TokenExpiredError, TokenRevokedError
from tests.builders.sessions import TTL, a_session
from tests.builders.users import NOW


def rotated(session: SessionAggregate, presented: str, successor: str, *, after: timedelta) -> bool:
    return session.rotate(presented=presented, successor=successor, now=NOW + after, ttl=TTL)


class TestRotate:
    def test_the_newest_token_is_replaced_by_its_successor(self) -> None:
        session = a_session(refresh_hash="first")

        assert rotated(session, "first", "second", after=timedelta(days=1))

        assert (session.refresh_hash, session.previous_hash) == ("second", "first")
        assert session.expires_at == NOW + timedelta(days=1) + TTL

    def test_a_lost_answer_may_be_asked_for_again_within_the_grace(self) -> None:
        session = a_session(refresh_hash="first")
        rotated(session, "first", "second", after=timedelta(hours=1))

        assert rotated(session, "first", "second", after=timedelta(hours=1) + REFRESH_GRACE)

        assert session.rotated_at == NOW + timedelta(hours=1)
        assert session.revoked_at is None

    @pytest.mark.parametrize("presented", ["first", "never issued"])
    def test_a_spent_token_ends_the_session_after_the_grace(self, presented: str) -> None:
        session = a_session(refresh_hash="first")
        rotated(session, "first", "second", after=timedelta(hours=1))

        is_rotated = rotated(session, presented, "x", after=timedelta(hours=1, milliseconds=1) + REFRESH_GRACE)

        assert not is_rotated
        assert session.revoked_at is not None
        assert [event.name for event in session.pull_events()] == ["session.reuse_detected", "session.revoked"]

    def test_a_token_before_the_previous_one_has_no_grace(self) -> None:
        session = a_session(refresh_hash="first")
        rotated(session, "first", "second", after=timedelta(seconds=1))
        rotated(session, "second", "third", after=timedelta(seconds=2))

        assert not rotated(session, "first", "second", after=timedelta(seconds=3))

    def test_an_ended_session_gives_no_tokens(self) -> None:
        session = a_session(refresh_hash="first")
        session.revoke(now=NOW)

        with pytest.raises(TokenRevokedError):
            rotated(session, "first", "second", after=timedelta(seconds=1))

    def test_a_session_ends_by_itself_when_nobody_refreshes_it(self) -> None:
        with pytest.raises(TokenExpiredError):
            rotated(a_session(refresh_hash="first"), "first", "second", after=TTL)


class TestRevoke:
    def test_ending_twice_is_told_once(self) -> None:
        session = a_session()

        session.revoke(now=NOW)
        session.revoke(now=NOW + timedelta(days=1))

        assert session.revoked_at == NOW
        assert [event.name for event in session.pull_events()] == ["session.revoked"]
