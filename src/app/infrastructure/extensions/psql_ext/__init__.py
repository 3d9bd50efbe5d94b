from src.app.infrastructure.extensions.psql_ext.database import (
    Connection,
    Database,
    Executor,
    running_database,
    set_running_database,
)
from src.app.infrastructure.extensions.psql_ext.session import get_session

__all__ = ["Connection", "Database", "Executor", "get_session", "running_database", "set_running_database"]
