"""The headers that the house writes beside a message, the same on every transport."""

from collections.abc import Mapping
from datetime import UTC, datetime

from src.app.infrastructure.messaging.broker import Delivery

ATTEMPTS = "x-attempts"
DEAD_ERROR = "x-dead-error"
DEAD_REASON = "x-dead-reason"
DUE = "x-due"
FIRST_SEEN = "x-first-seen"
KEY = "x-key"
LAST_ERROR = "x-last-error"
MESSAGE_ID = "x-message-id"

# RabbitMQ closes the connection over headers that do not fit into one frame (128 KiB).
_LONGEST_TEXT = 4_000


def of_retry(delivery: Delivery, *, error: str) -> dict[str, str]:
    return {
        ATTEMPTS: str(delivery.attempts + 1),
        FIRST_SEEN: delivery.first_seen.isoformat(),
        LAST_ERROR: error[:_LONGEST_TEXT],
    }


def of_dead(delivery: Delivery, *, reason: str, error: str) -> dict[str, str]:
    return {
        DEAD_REASON: reason[:_LONGEST_TEXT],
        DEAD_ERROR: error[:_LONGEST_TEXT],
        ATTEMPTS: str(delivery.attempts),
        FIRST_SEEN: delivery.first_seen.isoformat(),
    }


def attempts_in(headers: Mapping[str, str]) -> int:
    # Anybody can publish, so these may hold anything: a bad one counts as absent.
    text = headers.get(ATTEMPTS, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def first_seen_in(headers: Mapping[str, str], *, otherwise: datetime) -> datetime:
    try:
        seen = datetime.fromisoformat(headers[FIRST_SEEN])
        return seen.astimezone(UTC) if seen.tzinfo else seen.replace(tzinfo=UTC)
    except (KeyError, ValueError, OverflowError):
        return otherwise
