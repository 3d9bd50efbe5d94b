from typing import Any

from sqlalchemy.orm import DeclarativeBase

from src.app.infrastructure.extensions.psql_ext import Source
from src.app.infrastructure.repositories.base import BasePSQLRepository


class CommonPSQLRepository(BasePSQLRepository[dict[str, Any]]):
    """A repository over any model, whose rows are dicts by column."""

    def __init__(self, model: type[DeclarativeBase], source: Source | None = None) -> None:
        super().__init__(source)
        self.model = model
