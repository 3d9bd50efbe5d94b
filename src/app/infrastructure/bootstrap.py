"""Everything outside the application, opened in order and closed in reverse."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from src.app.application.common.lists import PageSizes
from src.app.application.container import Container, Policies, current_container
from src.app.application.dto.dead_letters import DeadLetterDTO
from src.app.application.ports.idempotency import IdempotencyKeys
from src.app.application.ports.limits import RateLimits
from src.app.application.ports.mailer import Mailer
from src.app.application.ports.messages import Handler, Subscriber
from src.app.config.settings import Settings
from src.app.domain.common.exceptions import AppException
from src.app.infrastructure.cache import ReadCache, RedisCache
from src.app.infrastructure.common.heartbeat import heartbeat
from src.app.infrastructure.common.logging import RequestLog, configure_logging
from src.app.infrastructure.extensions.psql_ext import Cursors, Database, Replicas, current_database
from src.app.infrastructure.extensions.psql_ext.listener import listening
from src.app.infrastructure.extensions.redis_ext import connect_redis
from src.app.infrastructure.health import Check, Finding, ensure_migrated, examine
from src.app.infrastructure.limits import NoRateLimits, RedisRateLimits
from src.app.infrastructure.messaging.broker import Broker
from src.app.infrastructure.messaging.mq_client import BrokerOnDemand, connect_broker, current_broker
from src.app.infrastructure.persistence.changes import Changes
from src.app.infrastructure.persistence.idempotency import PSQLIdempotencyKeys
from src.app.infrastructure.persistence.revocations import RevokedSessions
from src.app.infrastructure.providers.celery_queue import CeleryTaskQueue
from src.app.infrastructure.providers.clock import SystemClock
from src.app.infrastructure.providers.ids import UUIDv7Ids
from src.app.infrastructure.providers.jose_tokens import JoseTokenSigner
from src.app.infrastructure.providers.mail import FolderMailer, SMTPMailer
from src.app.infrastructure.providers.passwords import PasslibHasher
from src.app.infrastructure.repositories.auth_repository import AccountsPSQLReader, AuthPSQLUnitOfWork
from src.app.infrastructure.repositories.dead_letters_repository import DeadLettersPSQLRepository
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository, UsersPSQLUnitOfWork

if TYPE_CHECKING:
    from src.app.infrastructure.dry_run import Rehearsal

_COMMON_PASSWORDS = Path(__file__).parent / "providers" / "common_passwords.txt"


@dataclass(frozen=True, kw_only=True)
class Process:
    """A running process: the application, the connections it stands on, and its loops."""

    settings: Settings
    container: Container
    database: Database
    replicas: Replicas
    idempotency: IdempotencyKeys
    limits: RateLimits
    redis: Redis
    read_cache: ReadCache
    broker: Broker
    log_request: RequestLog

    async def health(self) -> dict[str, Finding]:
        """Look at everything that this process stands on."""
        return await examine(
            {
                "database": Check(self.database.ping, is_required=True),
                "migrations": Check(partial(ensure_migrated, self.database), is_required=True),
                "redis": Check(self._ping_redis, is_required=False),
            }
        )

    def beating(self) -> AbstractAsyncContextManager[None]:
        """Touch `HEARTBEAT_FILE`, if one is named, for as long as the block: this process does its work."""
        return heartbeat(self.settings.HEARTBEAT_FILE)

    async def consume(
        self,
        handlers: Mapping[str, Handler],
        *,
        is_transient: Callable[[AppException], bool],
        stop: asyncio.Event,
    ) -> None:
        """Hand the messages of `DEFAULT_QUEUE` to their handlers until `stop` is set."""
        from src.app.infrastructure.messaging.consumer import Consumer

        await Consumer(
            database=self.database,
            broker=self.broker,
            beating=self.beating,
            queue=self.settings.DEFAULT_QUEUE,
            batch=self.settings.CONSUMER_BATCH,
            handlers=handlers,
            is_transient=is_transient,
        ).run(stop)

    async def rehearse(self, letter: DeadLetterDTO, handlers: Mapping[str, Handler]) -> "Rehearsal":
        """Handle a dead letter without doing it, and say what it would have written."""
        from src.app.infrastructure.dry_run import rehearse

        return await rehearse(self.database, handlers, letter)

    async def relay(self, subscribers: Mapping[str, Subscriber], *, stop: asyncio.Event) -> None:
        """Tell the broker and `subscribers` what happened, until `stop` is set."""
        from src.app.infrastructure.messaging.relay import Relay

        await Relay(
            database=self.database,
            broker=self.broker,
            beating=self.beating,
            exchange=self.settings.DEFAULT_EXCHANGER,
            source=self.settings.PROJECT_NAME.lower(),
            subscribers=subscribers,
        ).run(self.settings.DB_DSN, stop)

    async def _ping_redis(self) -> None:
        await self.redis.ping()


@asynccontextmanager
async def bootstrap(settings: Settings, *, name: str, has_deadlines: bool = False) -> AsyncIterator[Process]:
    """Open what the process called `name` stands on; leaving the block closes it.

    One that `has_deadlines` gives up by itself whatever takes too long, so its statements need not.

    Raises:
        ExternalServiceError: PostgreSQL cannot be reached. Redis may be down: it is asked when needed.
    """
    log_request = configure_logging(settings, process=name)
    async with AsyncExitStack() as stack:
        connect = partial(
            Database.connect,
            settings,
            cursors=Cursors(settings.SECRET_KEY.get_secret_value()),
            application=f"allium-{name}",
            slow_ms=settings.SLOW_QUERY_MS,
            has_deadlines=has_deadlines,
        )
        database = await stack.enter_async_context(connect())
        stack.enter_context(current_database.use(database))
        replicas = [
            await stack.enter_async_context(connect(dsn=url.get_secret_value()))
            for url in settings.DB_REPLICA_URLS
        ]
        redis = await stack.enter_async_context(connect_redis(settings.REDIS_URL))
        limits: RateLimits = NoRateLimits()
        if settings.RATE_LIMIT_ENABLED:
            limits = await stack.enter_async_context(
                RedisRateLimits.running(settings, redis=redis, redis_url=settings.REDIS_URL)
            )
        revocations, changes = RevokedSessions(settings.access_ttl), Changes()
        ear = await stack.enter_async_context(listening(settings.DB_DSN, revocations.channel, changes.channel))
        cache = await stack.enter_async_context(RedisCache.running(settings.REDIS_URL, longest=settings.redis_ttl))
        read_cache = ReadCache(cache, database=database, changes=changes, ear=ear)
        passwords = PasslibHasher(rounds=settings.BCRYPT_ROUNDS)
        stack.callback(passwords.close)
        container = Container(
            policies=policies_of(settings),
            accounts=AccountsPSQLReader(database),
            auth_uow=partial(AuthPSQLUnitOfWork, database),
            cache=cache,
            clock=SystemClock(),
            dead_letters=DeadLettersPSQLRepository(database),
            ids=UUIDv7Ids(),
            mailer=_mailer(settings),
            passwords=passwords,
            revocations=revocations,
            signer=JoseTokenSigner(settings.SECRET_KEY.get_secret_value()),
            tasks=CeleryTaskQueue(settings),
            users_reader=UsersPSQLRepository(database),
            users_uow=partial(UsersPSQLUnitOfWork, database),
        )
        stack.enter_context(current_container.use(container))
        broker = BrokerOnDemand(partial(_connect_broker, settings), stack, default_queue=settings.DEFAULT_QUEUE)
        stack.enter_context(current_broker.use(broker))
        yield Process(
            settings=settings,
            container=container,
            database=database,
            replicas=Replicas(database, replicas),
            idempotency=PSQLIdempotencyKeys(database, at_once=max(1, settings.most_connections // 2)),
            limits=limits,
            redis=redis,
            read_cache=read_cache,
            broker=broker,
            log_request=log_request,
        )


def _connect_broker(settings: Settings) -> AbstractAsyncContextManager[Broker]:
    return connect_broker(
        settings.message_broker_url,
        group=settings.CONSUMER_GROUP,
        connections=settings.MQ_CONNECTIONS,
        channels=settings.MQ_CHANNELS,
    )


def policies_of(settings: Settings) -> Policies:
    return Policies(
        project_name=settings.PROJECT_NAME,
        token_issuer=settings.TOKEN_ISSUER,
        token_audience=settings.TOKEN_AUDIENCE,
        access_ttl=settings.access_ttl,
        refresh_ttl=settings.refresh_ttl,
        common_passwords=_common_passwords(),
        strong_passwords=settings.PASSWORD_POLICY == "strong",
        min_age_years=settings.MIN_AGE_YEARS,
        page_sizes=PageSizes(settings.DEFAULT_PAGE_SIZE, settings.MAX_PAGE_SIZE),
    )


@cache
def _common_passwords() -> frozenset[str]:
    lines = _COMMON_PASSWORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#!"))


def _mailer(settings: Settings) -> Mailer:
    if not settings.SMTP_HOST:
        return FolderMailer(settings.MAIL_FOLDER, sender=settings.FROM_EMAIL)
    return SMTPMailer(
        host=settings.SMTP_HOST,
        port=settings.SMTP_PORT,
        user=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD.get_secret_value() if settings.SMTP_PASSWORD else "",
        starttls=settings.SMTP_STARTTLS,
        sender=settings.FROM_EMAIL,
    )
