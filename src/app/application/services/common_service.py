from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from src.app.application.common.filters import FilterData, Q
from src.app.application.ports.repository import CommonRepository

_Thing = TypeVar("_Thing")

Where = FilterData | Q | None


class AppCommonService(Generic[_Thing]):
    """The calls of a repository as a service, for tables that have no rules of their own."""

    def __init__(self, repository: CommonRepository[_Thing]) -> None:
        self._repository = repository

    async def get_first(self, filter_data: Where = None, order_data: Sequence[str] = ()) -> _Thing | None:
        return await self._repository.get_first(filter_data, order_data=order_data)

    async def get_list(self, filter_data: Where = None, order_data: Sequence[str] = ()) -> list[_Thing]:
        return await self._repository.get_list(filter_data, order_data=order_data)

    async def count(self, filter_data: Where = None) -> int:
        return await self._repository.count(filter_data)

    async def create(self, data: Mapping[str, Any], is_return_require: bool = True) -> _Thing | None:
        return await self._repository.create(data, is_return_require)

    async def create_bulk(
        self, items: Sequence[Mapping[str, Any]], is_return_require: bool = True
    ) -> list[_Thing]:
        return await self._repository.create_bulk(items, is_return_require)

    async def update(
        self, filter_data: Where, data: Mapping[str, Any], is_return_require: bool = True
    ) -> list[_Thing]:
        return await self._repository.update(filter_data, data, is_return_require)

    async def update_bulk(
        self, items: Sequence[Mapping[str, Any]], key: str = "id", is_return_require: bool = True
    ) -> list[_Thing]:
        return await self._repository.update_bulk(items, key, is_return_require)

    async def remove(self, filter_data: Where) -> int:
        return await self._repository.remove(filter_data)
