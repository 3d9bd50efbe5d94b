from src.app.infrastructure.cache.reads import ReadCache, cached
from src.app.infrastructure.cache.redis_cache import RedisCache

__all__ = ["ReadCache", "RedisCache", "cached"]
