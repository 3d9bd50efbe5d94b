from src.app.infrastructure.repositories.base.base_redis_repository import BaseRedisRepository


class CommonRedisRepository(BaseRedisRepository):
    """Records of no context in particular."""

    prefix = "common"
