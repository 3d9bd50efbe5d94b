from src.app.infrastructure.repositories.base.base_psql_repository import BasePSQLRepository

__all__ = ["BasePSQLRepository"]
