from datetime import timedelta
from typing import Any
from uuid import uuid4

from src.app.domain.auth.aggregates.session_agg import SessionAggregate
from tests.builders.users import NOW

TTL = timedelta(days=5)


def a_session(**changes: Any) -> SessionAggregate:
    """Return a session started at `NOW` whose events were already taken."""
    values = {"user_uuid": uuid4(), "refresh_hash": "first", **changes}
    session = SessionAggregate.start(uuid=uuid4(), now=NOW, ttl=TTL, **values)
    session.pull_events()
    return session
