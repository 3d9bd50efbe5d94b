"""Which of our own contexts react to which event, by the name of the subscriber.

The unit of work writes one outbox entry for each, so that every subscriber is told on its own;
what a subscriber does stands in `interfaces/consumers/subscribers.py`.
"""

BROKER = "broker"

SUBSCRIPTIONS: dict[str, tuple[str, ...]] = {
    "user.deactivated": ("end_sessions",),
    "user.registered": ("welcome_mail",),
}


def destinations_of(event: str) -> tuple[str, ...]:
    """Return who is told of an event: the broker of every one, and our own subscribers."""
    return (BROKER, *SUBSCRIPTIONS.get(event, ()))
