from src.app.infrastructure.extensions.psql_ext.cursors import Cursors
from src.app.infrastructure.extensions.psql_ext.database import (
    Connection,
    Database,
    Executor,
    Source,
    current_database,
)
from src.app.infrastructure.extensions.psql_ext.replicas import Replicas
from src.app.infrastructure.extensions.psql_ext.session import get_session

__all__ = [
    "Connection",
    "Cursors",
    "Database",
    "Executor",
    "Replicas",
    "Source",
    "current_database",
    "get_session",
]
