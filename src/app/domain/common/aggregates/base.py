from dataclasses import dataclass, field

from src.app.domain.common.entities.base import BaseEntity
from src.app.domain.common.events.base import DomainEvent


@dataclass(slots=True, kw_only=True, eq=False)
class BaseAggregate(BaseEntity):
    """The root of what changes together: it guards its rules and records what happened.

    `version` counts the saved changes; whoever saves an older one is refused.
    """

    version: int = 1
    _events: list[DomainEvent] = field(default_factory=list, init=False, repr=False)

    def record(self, event: DomainEvent) -> None:
        self._events.append(event)

    def pull_events(self) -> list[DomainEvent]:
        """Return what was recorded since the last call, oldest first, and forget it."""
        events, self._events = self._events, []
        return events

    @property
    def has_events(self) -> bool:
        return bool(self._events)
