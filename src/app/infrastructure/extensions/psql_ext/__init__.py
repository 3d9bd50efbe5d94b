from src.app.infrastructure.extensions.psql_ext.database import (
    Connection,
    Database,
    Executor,
    current_database,
)
from src.app.infrastructure.extensions.psql_ext.session import get_session

__all__ = ["Connection", "Database", "Executor", "current_database", "get_session"]
