"""Requests that are carried out once, however often they are sent (draft-ietf-httpapi-idempotency-key-header).

The record of a request commits in the transaction of its effect, so neither is ever there without
the other, whatever dies in between.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import blake2b

from src.app.application.ports.idempotency import (
    IdempotencyKeyReusedError,
    KeptAnswer,
    KeyedRequest,
    RequestAlreadyDoneError,
    RequestInProgressError,
)
from src.app.infrastructure.extensions.psql_ext import Database, Executor
from src.app.infrastructure.extensions.psql_ext.pruning import prune

RETENTION = timedelta(hours=24)

_LOCK = "SELECT pg_try_advisory_xact_lock($1)"
_FIND = """
SELECT fingerprint, status, answer FROM idempotent_requests
WHERE caller = $1 AND operation = $2 AND key = $3 AND created_at > now() - $4::interval
"""
_KEEP = """
INSERT INTO idempotent_requests (caller, operation, key, fingerprint, status, answer)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (caller, operation, key) DO UPDATE
SET fingerprint = EXCLUDED.fingerprint, status = EXCLUDED.status, answer = EXCLUDED.answer, created_at = now()
"""


class PSQLAttempt:
    def __init__(self, request: KeyedRequest, executor: Executor, before: KeptAnswer | None) -> None:
        self.before = before
        self._request = request
        self._executor = executor

    async def keep(self, answer: KeptAnswer, *, is_secret: bool) -> None:
        request = self._request
        body = None if is_secret else answer.body
        await self._executor.fetch(
            _KEEP, [request.caller, request.operation, request.key, request.fingerprint, answer.status, body]
        )


class PSQLIdempotencyKeys:
    """A request with a key holds a connection for as long as it works, also while it hashes a password, say.

    So `at_once` of them work and others wait, lest those without a key find no connection left.
    """

    def __init__(self, database: Database, *, at_once: int) -> None:
        self._database = database
        self._hands = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def attempt(self, request: KeyedRequest) -> AsyncIterator[PSQLAttempt]:
        async with self._hands, self._database.ambient_transaction() as executor:
            # Held to the end of the transaction, also by a process that dies in it.
            [[is_ours]] = await executor.fetch(_LOCK, [_lock(request)])
            if not is_ours:
                raise RequestInProgressError
            found = await executor.fetch(_FIND, [request.caller, request.operation, request.key, RETENTION])
            before = None
            if found:
                fingerprint, status, body = found[0]
                if fingerprint != request.fingerprint:
                    raise IdempotencyKeyReusedError
                if body is None:
                    raise RequestAlreadyDoneError
                before = KeptAnswer(status, body)
            yield PSQLAttempt(request, executor, before)


async def prune_idempotency_keys(database: Database) -> int:
    """Forget what is older than `RETENTION`; return how many that were."""
    return await prune(database, "idempotent_requests", "created_at", older_than=RETENTION)


def _lock(request: KeyedRequest) -> int:
    """Return a number for PostgreSQL's advisory locks, which take 64 bits with a sign."""
    name = "\n".join((request.caller, request.operation, request.key))
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)
