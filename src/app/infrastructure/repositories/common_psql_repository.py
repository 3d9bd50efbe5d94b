from typing import Any

from src.app.infrastructure.extensions.psql_ext import Database
from src.app.infrastructure.persistence.models.base import Base
from src.app.infrastructure.persistence.unit_of_work import PSQLUnitOfWork
from src.app.infrastructure.repositories.base import BasePSQLRepository


class CommonPSQLRepository(BasePSQLRepository[dict[str, Any]]):
    """A repository over any model, whose rows are dicts by column."""

    def __init__(self, model: type[Base], source: Database | PSQLUnitOfWork | None = None) -> None:
        super().__init__(source)
        self.model = model
