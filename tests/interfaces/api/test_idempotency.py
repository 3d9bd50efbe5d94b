"""A POST that is sent again is not carried out again."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from tests.builders.users import PASSWORD, an_email

SIGN_UP = "/api/v1/auth/sign-up/"


def a_body(**changes: Any) -> dict[str, Any]:
    return {"email": an_email(), "password": PASSWORD, **changes}


@pytest.fixture
def key() -> str:
    return uuid4().hex


async def sent(client: httpx2.AsyncClient, key: str, body: dict[str, Any], path: str = SIGN_UP) -> httpx2.Response:
    return await client.post(path, json=body, headers={"Idempotency-Key": key})


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class TestTheSameRequest:
    async def test_it_is_answered_as_before_and_done_once(
        self, client: httpx2.AsyncClient, process: Process, key: str
    ) -> None:
        body = a_body()
        first = await sent(client, key, body)

        second = await sent(client, key, body)

        assert (first.status_code, second.status_code) == (201, 201)
        assert second.content == first.content
        assert "idempotency-replayed" not in first.headers
        assert second.headers["idempotency-replayed"] == "true"
        assert await UsersPSQLRepository(process.database).count() == 1

    async def test_quotes_around_the_key_are_not_of_it(self, client: httpx2.AsyncClient, key: str) -> None:
        body = a_body()
        await sent(client, key, body)

        assert (await sent(client, f'"{key}"', body)).headers["idempotency-replayed"] == "true"

    async def test_v2_is_another_operation_with_an_envelope_of_its_own(
        self, client: httpx2.AsyncClient, key: str
    ) -> None:
        body = a_body()
        first = await sent(client, key, body, SIGN_UP.replace("v1", "v2"))

        second = await sent(client, key, body, SIGN_UP.replace("v1", "v2"))

        assert second.json()["data"] == first.json()["data"]
        assert second.json()["meta"]["request_id"] == second.headers["x-request-id"]
        assert code_of(await sent(client, key, body)) == (409, "ALREADY_EXISTS")

    async def test_of_many_at_once_one_is_carried_out(
        self, client: httpx2.AsyncClient, process: Process, key: str
    ) -> None:
        body = a_body()

        answers = await asyncio.gather(*(sent(client, key, body) for _ in range(8)))

        assert await UsersPSQLRepository(process.database).count() == 1
        for answer in answers:
            assert answer.status_code == 201 or code_of(answer) == (409, "REQUEST_IN_PROGRESS")
        assert any(answer.status_code == 201 for answer in answers)

    async def test_what_failed_may_be_tried_again(
        self, client: httpx2.AsyncClient, process: Process, key: str
    ) -> None:
        body = a_body()
        await client.post(SIGN_UP, json=body)
        assert code_of(await sent(client, key, body)) == (409, "ALREADY_EXISTS")
        await process.database.pool.execute("DELETE FROM users")

        assert (await sent(client, key, body)).status_code == 201

    async def test_after_a_day_it_is_forgotten(
        self, client: httpx2.AsyncClient, process: Process, key: str
    ) -> None:
        body = a_body()
        await sent(client, key, body)
        await process.database.pool.execute(
            "UPDATE idempotent_requests SET created_at = created_at - $1::interval", timedelta(hours=25)
        )

        assert code_of(await sent(client, key, body)) == (409, "ALREADY_EXISTS")


class TestAnotherRequest:
    async def test_a_key_is_for_one_request(self, client: httpx2.AsyncClient, key: str) -> None:
        await sent(client, key, a_body())

        assert code_of(await sent(client, key, a_body())) == (422, "IDEMPOTENCY_KEY_REUSED")

    async def test_another_callers_key_is_another_key(
        self, client: httpx2.AsyncClient, process: Process, key: str
    ) -> None:
        body = a_body()
        first = await sent(client, key, body)
        access = (await client.post("/api/v1/auth/tokens/", json=body)).json()["access"]

        headers = {"Idempotency-Key": key, "Authorization": f"Bearer {access}"}
        second = await client.post(SIGN_UP, json=body, headers=headers)

        assert first.status_code == 201
        assert code_of(second) == (409, "ALREADY_EXISTS")

    @pytest.mark.parametrize("bad", ["", " ", "with space", "é", "x" * 256, '"', '""', 'a"b'])
    async def test_what_is_no_key_is_refused(self, client: httpx2.AsyncClient, bad: str) -> None:
        headers = {"Idempotency-Key": bad.encode()}
        answer = await client.post(SIGN_UP, json=a_body(), headers=headers)  # type: ignore[arg-type]

        assert code_of(answer) == (422, "VALIDATION_ERROR")


class TestRefusals:
    async def test_what_a_use_case_committed_before_it_refused_stands(
        self, client: httpx2.AsyncClient, process: Process, key: str
    ) -> None:
        body = a_body(issue_tokens=True)
        tokens = (await client.post(SIGN_UP, json=body)).json()
        spent = {"refresh_token": tokens["refresh"]}
        refreshed = (await client.post("/api/v1/auth/tokens/refresh/", json=spent)).json()
        await process.database.pool.execute("UPDATE sessions SET rotated_at = rotated_at - interval '1 minute'")

        stolen = await sent(client, key, spent, "/api/v1/auth/tokens/refresh/")
        after = await client.post("/api/v1/auth/tokens/refresh/", json={"refresh_token": refreshed["refresh"]})

        assert code_of(stolen) == (401, "TOKEN_REVOKED")
        assert code_of(after) == (401, "TOKEN_REVOKED")


class TestSecrets:
    @pytest.mark.parametrize("path", ["/api/v1/auth/tokens/", SIGN_UP])
    async def test_an_answer_with_tokens_is_kept_nowhere(
        self, client: httpx2.AsyncClient, process: Process, key: str, path: str
    ) -> None:
        body = a_body()
        if path == SIGN_UP:
            body["issue_tokens"] = True
        else:
            await client.post(SIGN_UP, json=body)
        first = await sent(client, key, body, path)

        second = await sent(client, key, body, path)

        assert first.status_code < 300
        assert code_of(second) == (409, "REQUEST_ALREADY_DONE")
        assert await process.database.pool.fetchval("SELECT answer FROM idempotent_requests") is None
