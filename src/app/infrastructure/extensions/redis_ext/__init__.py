from src.app.infrastructure.extensions.redis_ext.connection import connect_redis

__all__ = ["connect_redis"]
