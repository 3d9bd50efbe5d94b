from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Something that happened, in the past tense: uuids and plain facts, never a secret.

    A subclass names itself in `name` (`user.registered`) and the kind of aggregate it happened
    to in `aggregate`; `version` grows when the meaning of its fields changes.
    """

    name: ClassVar[str]
    aggregate: ClassVar[str]
    version: ClassVar[int] = 1

    aggregate_uuid: UUID
    occurred_at: datetime
