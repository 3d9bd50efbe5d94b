"""How often clients may come, over real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import httpx2
import pytest
from fastapi import APIRouter

from src.app.application.common.actor import Actor
from src.app.application.ports.limits import Limited
from src.app.config.settings import SettingsTest
from src.app.domain.common.contact import Email
from src.app.domain.users.value_objects.users_vob import FullName
from src.app.infrastructure import limits
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.interfaces.api import routers
from src.app.interfaces.api.core.dependencies import CurrentActor, limited_by_user
from src.app.interfaces.api.v1.routers import RESOURCES
from tests.builders.users import PASSWORD, an_email
from tests.interfaces.api.conftest import Served, asking

SIGN_UP = "/api/v1/auth/sign-up/"
TOKENS = "/api/v1/auth/tokens/"
ME = "/api/v1/users/me/"
PING = "/api/v1/debug/ping/"


@pytest.fixture
def settings_with_limits(environment: Mapping[str, str]) -> SettingsTest:
    variables = {
        **environment,
        "RATE_LIMIT_ENABLED": "true",
        "RATE_LIMIT_PER_MINUTE": "5",
        "RATE_LIMIT_SIGN_UP_PER_MINUTE": "3",
        "TRUSTED_PROXIES": ["127.0.0.1/32"],
    }
    settings: SettingsTest = cast("Any", SettingsTest)(_env_file=None, **variables)
    return settings


@pytest.fixture(autouse=True)
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no minute end while a test counts."""
    now = time.time() // 60 * 60 + 1
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: now, monotonic=time.monotonic))


@pytest.fixture
async def limited(process: Process, settings_with_limits: SettingsTest) -> AsyncIterator[Process]:
    async with bootstrap(settings_with_limits, name="limited") as limited:
        yield limited
    # The workers of a run share a server, so these keys alone.
    async for key in process.redis.scan_iter("*rate_limit*", count=500):
        await process.redis.delete(key)


def from_address(process: Process, address: str) -> httpx2.AsyncClient:
    return asking(Served(process), client=(address, 4711))


@pytest.fixture
async def client(limited: Process) -> AsyncIterator[httpx2.AsyncClient]:
    async with from_address(limited, "192.0.2.7") as client:
        yield client


async def statuses(client: httpx2.AsyncClient, number: int, path: str = PING, **options: Any) -> list[int]:
    return [(await client.get(path, **options)).status_code for _ in range(number)]


class TestGeneral:
    async def test_an_address_has_so_many_a_minute(self, client: httpx2.AsyncClient, limited: Process) -> None:
        first = await client.get(PING)
        assert first.headers["ratelimit-policy"] == '"general";q=5;w=60'
        assert first.headers["ratelimit"].startswith('"general";r=4;t=')

        assert await statuses(client, 5) == [200, 200, 200, 200, 429]

        refused = await client.get(PING)
        assert refused.json()["error"]["code"] == "RATE_LIMITED"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit"].startswith('"general";r=0;t=')
        async with from_address(limited, "192.0.2.8") as another:
            assert await statuses(another, 1) == [200]

    async def test_a_network_of_ipv6_is_one_address(self, limited: Process) -> None:
        first, second, other = "2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"
        for address, expected in ((first, [200] * 5), (second, [429] * 5), (other, [200] * 5)):
            async with from_address(limited, address) as client:
                assert await statuses(client, 5) == expected

    async def test_an_ipv4_address_is_the_same_in_ipv6(self, limited: Process) -> None:
        for address, expected in (("::ffff:192.0.2.9", 200), ("192.0.2.9", 429), ("::ffff:192.0.2.10", 200)):
            async with from_address(limited, address) as client:
                assert await statuses(client, 5) == [expected] * 5

    async def test_a_user_has_them_wherever_they_are(self, limited: Process) -> None:
        body = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}
        async with from_address(limited, "192.0.2.1") as client:
            access = (await client.post(SIGN_UP, json=body)).json()["access"]
        headers = {"Authorization": f"Bearer {access}"}

        found = []
        for number in range(6):
            async with from_address(limited, f"192.0.2.{10 + number}") as client:
                found += await statuses(client, 1, ME, headers=headers)

        assert found == [200, 200, 200, 200, 200, 429]

    async def test_who_brings_no_good_token_is_counted_by_address(self, client: httpx2.AsyncClient) -> None:
        headers = [{"Authorization": f"Bearer nonsense-{number}"} for number in range(7)]

        assert [(await client.get(ME, headers=h)).status_code for h in headers] == [401] * 5 + [429] * 2

    async def test_an_answer_that_is_given_again_counts_and_is_counted_once(
        self, client: httpx2.AsyncClient, limited: Process
    ) -> None:
        body = {"email": an_email(), "password": PASSWORD}
        key = {"Idempotency-Key": an_email()}

        left = []
        for _ in range(4):
            answer = await client.post(SIGN_UP, json=body, headers=key)
            left.append((answer.status_code, (await client.get(PING)).headers["ratelimit"].split(";")[1]))

        assert left == [(201, "r=3"), (201, "r=1"), (201, "r=0"), (429, "r=0")]

    async def test_a_plan_may_grant_another_number(self, limited: Process) -> None:
        actors = [Actor(uuid4(), requests_per_minute=number) for number in (2, 8)]

        exceeded = [[limited.limits.count(f"user:{actor.uuid}", actor) for _ in range(9)][-1] for actor in actors]
        allowances = [
            [limited.limits.count(f"plan:{actor.uuid}", actor) for _ in range(3)][-1] for actor in actors
        ]

        assert [each.is_exceeded for each in exceeded if each] == [True, True]
        assert [(each.limit, each.is_exceeded) for each in allowances if each] == [(2, True), (8, False)]

    async def test_an_administrator_has_no_limit(self, limited: Process, client: httpx2.AsyncClient) -> None:
        email = an_email()
        await limited.container.users_service.ensure_superadmin(
            email=Email(email), password=PASSWORD, name=FullName("Zoe", "Zed")
        )
        access = (await client.post(TOKENS, json={"email": email, "password": PASSWORD})).json()["access"]

        assert set(await statuses(client, 20, ME, headers={"Authorization": f"Bearer {access}"})) == {200}

    async def test_a_second_later_every_process_knows(
        self, limited: Process, settings_with_limits: SettingsTest, client: httpx2.AsyncClient
    ) -> None:
        async with (
            bootstrap(settings_with_limits, name="another") as process,
            from_address(process, "192.0.2.7") as there,
        ):
            await statuses(client, 3)
            await statuses(there, 3)
            await asyncio.sleep(2.5)
            for one in (client, there):
                await one.get(PING)
            await asyncio.sleep(2.5)

            assert [await statuses(one, 1) for one in (client, there)] == [[429], [429]]

    async def test_only_those_who_came_since_are_told_of_again(self, limited: Process) -> None:
        general = limits.General(limited.redis, 5)
        idle, busy = (f"address:{uuid4()}" for _ in range(2))
        try:
            for caller in (idle, busy):
                general.count(caller)
            await general.settle()
            keys = [key async for key in limited.redis.scan_iter("rate_limit:address:*")]
            await limited.redis.delete(*keys)
            general.count(busy)
            await general.settle()
        finally:
            await general.close()

        told = b"".join([key async for key in limited.redis.scan_iter("rate_limit:address:*")]).decode()
        assert busy in told
        assert idle not in told

    async def test_health_is_not_counted(self, client: httpx2.AsyncClient) -> None:
        assert set(await statuses(client, 10, "/health/live/")) == {200}


class TestStrict:
    async def test_one_may_be_by_user(self, limited: Process, monkeypatch: pytest.MonkeyPatch) -> None:
        router = APIRouter(prefix="/codes")

        @router.get("/", dependencies=[limited_by_user(Limited.SIGN_UP)])
        async def codes(actor: CurrentActor) -> str:
            return str(actor.uuid)

        monkeypatch.setattr(routers, "RESOURCES", (*RESOURCES, router))
        found = {}
        for number, name in enumerate(("ada", "bob")):
            body = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}
            async with from_address(limited, f"192.0.2.{number}") as client:
                token = (await client.post(SIGN_UP, json=body)).json()["access"]
            async with from_address(limited, "192.0.2.9") as client:
                headers = {"Authorization": f"Bearer {token}"}
                found[name] = await statuses(client, 4, "/api/v1/codes/", headers=headers)

        assert found == {"ada": [200, 200, 200, 429], "bob": [200, 200, 200, 429]}

    async def test_sign_ups_have_a_limit_of_their_own(self, client: httpx2.AsyncClient) -> None:
        answers = [await client.post(SIGN_UP, json={"email": an_email(), "password": PASSWORD}) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
        assert answers[0].headers["ratelimit-policy"] == '"sign-up";q=3;w=60'
        assert int(answers[3].headers["retry-after"]) >= 1

    async def test_it_holds_for_all_processes_at_once(
        self, limited: Process, settings_with_limits: SettingsTest, client: httpx2.AsyncClient
    ) -> None:
        async with (
            bootstrap(settings_with_limits, name="another") as process,
            from_address(process, "192.0.2.7") as there,
        ):
            answers = await asyncio.gather(
                *(
                    one.post(SIGN_UP, json={"email": an_email(), "password": PASSWORD})
                    for one in (client, there)
                    for _ in range(4)
                )
            )

        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 5

    async def test_a_false_address_helps_nobody(self, client: httpx2.AsyncClient) -> None:
        found = [
            (
                await client.post(
                    SIGN_UP,
                    json={"email": an_email(), "password": PASSWORD},
                    headers={"X-Forwarded-For": f"198.51.100.{number}"},
                )
            ).status_code
            for number in range(4)
        ]

        assert found == [201, 201, 201, 429]


class TestWithoutRedis:
    @pytest.fixture
    def settings_with_limits(self, environment: Mapping[str, str]) -> SettingsTest:
        variables = {
            **environment,
            "RATE_LIMIT_ENABLED": "true",
            "RATE_LIMIT_PER_MINUTE": "5",
            "RATE_LIMIT_SIGN_UP_PER_MINUTE": "3",
            "REDIS_URL": "redis://127.0.0.1:1/0",
        }
        settings: SettingsTest = cast("Any", SettingsTest)(_env_file=None, **variables)
        return settings

    async def test_each_process_limits_by_itself(self, client: httpx2.AsyncClient) -> None:
        answers = [await client.post(SIGN_UP, json={"email": an_email(), "password": PASSWORD}) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
        assert (await statuses(client, 4))[-1] == 429
