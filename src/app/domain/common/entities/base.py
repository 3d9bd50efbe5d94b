from dataclasses import dataclass
from uuid import UUID


@dataclass(slots=True, kw_only=True, eq=False)
class BaseEntity:
    """A thing that stays itself while its fields change: equal when type and uuid are."""

    uuid: UUID

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, BaseEntity) and other.uuid == self.uuid

    def __hash__(self) -> int:
        return hash((type(self), self.uuid))
