from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from src.app.application.common.filters import FilterData, Q

_Thing = TypeVar("_Thing")


class CommonRepository(Protocol[_Thing]):
    """The calls of any repository; `BasePSQLRepository` documents each."""

    async def get_first(
        self, filter_data: FilterData | Q | None = None, *, order_data: Sequence[str] = ()
    ) -> _Thing | None: ...

    async def get_list(
        self, filter_data: FilterData | Q | None = None, *, order_data: Sequence[str] = ()
    ) -> list[_Thing]: ...

    async def count(self, filter_data: FilterData | Q | None = None) -> int: ...

    async def create(self, data: Mapping[str, Any], is_return_require: bool = True) -> _Thing | None: ...

    async def create_bulk(
        self, items: Sequence[Mapping[str, Any]], is_return_require: bool = True
    ) -> list[_Thing]: ...

    async def update(
        self, filter_data: FilterData | Q | None, data: Mapping[str, Any], is_return_require: bool = True
    ) -> list[_Thing]: ...

    async def update_bulk(
        self, items: Sequence[Mapping[str, Any]], key: str = "id", is_return_require: bool = True
    ) -> list[_Thing]: ...

    async def remove(self, filter_data: FilterData | Q | None) -> int: ...
