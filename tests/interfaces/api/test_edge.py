"""What surrounds every request: its id, its path, health, metrics, documents."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from loguru import logger
from pydantic import SecretStr

from src.app.config.settings import SettingsProd
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.app import make_app
from src.app.interfaces.api.middleware.context import RequestContext
from tests.builders.users import PASSWORD, an_email
from tests.interfaces.api.conftest import Served, asking


class TestRequestId:
    async def test_the_callers_own_is_taken_over(self, client: httpx2.AsyncClient) -> None:
        answer = await client.get("/health/live/", headers={"X-Request-ID": "their.own_id-1"})

        assert answer.headers["x-request-id"] == "their.own_id-1"

    @pytest.mark.parametrize("given", ["short", "x" * 129, "with space", "<script>alert", "newline%0A"])
    async def test_what_is_none_is_replaced(self, client: httpx2.AsyncClient, given: str) -> None:
        answer = await client.get("/health/live/", headers={"X-Request-ID": given})

        assert answer.headers["x-request-id"] != given
        assert len(answer.headers["x-request-id"]) == 36


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["/api/v1/debug/ping/", "/api/v1/debug/ping", "/api/debug/ping/", "/api/debug/ping"]
    )
    async def test_one_resource_answers_at_all_its_paths(self, client: httpx2.AsyncClient, path: str) -> None:
        answer = await client.get(path)

        assert (answer.status_code, answer.json()) == (200, {"message": "pong"})
        assert answer.headers["x-api-version"] == "v1"

    async def test_a_path_without_its_slash_keeps_the_body(self, client: httpx2.AsyncClient) -> None:
        assert (await client.post("/api/v2/debug/echo", json={"a": 1})).json()["data"] == {"a": 1}


class TestAddress:
    async def address(self, *, proxies: list[str], forwarded: str, peer: str) -> str | None:
        seen: dict[str, Any] = {}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.update(scope)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        async def served(scope: Any, receive: Any, send: Any) -> None:
            state = {"process": SimpleNamespace(log_request=lambda *_, **__: None)}
            await RequestContext(app, trusted_proxies=proxies)({**scope, "state": state}, receive, send)

        async with asking(served, client=(peer, 1)) as client:
            await client.get("/", headers={"X-Forwarded-For": forwarded})
        return seen["client_address"]  # type: ignore[no-any-return]

    async def test_nobody_is_believed_by_default(self) -> None:
        assert await self.address(proxies=[], forwarded="203.0.113.9", peer="127.0.0.1") == "127.0.0.1"

    async def test_a_stranger_is_not_believed(self) -> None:
        address = await self.address(proxies=["10.0.0.0/8"], forwarded="203.0.113.9", peer="192.0.2.1")
        assert address == "192.0.2.1"

    async def test_behind_trusted_proxies_it_is_the_last_untrusted_hop(self) -> None:
        forwarded = "198.51.100.1, 203.0.113.9, 10.0.0.2"
        assert await self.address(proxies=["10.0.0.0/8"], forwarded=forwarded, peer="10.0.0.1") == "203.0.113.9"


class TestHealth:
    async def test_the_process_is_alive(self, client: httpx2.AsyncClient) -> None:
        assert (await client.get("/health/live/")).json() == {"status": "alive"}

    async def test_each_part_is_looked_at(self, client: httpx2.AsyncClient) -> None:
        answer = await client.get("/health/ready/")

        assert answer.status_code == 200
        assert answer.json()["status"] == "ready"
        assert answer.json()["checks"].keys() == {"database", "migrations", "redis"}

    async def test_it_says_which_service_it_is(self, client: httpx2.AsyncClient) -> None:
        body = (await client.get("/api/v1/health/")).json()

        assert (body["status"], body["service"], body["environment"]) == ("healthy", "Allium", "test")


class TestMetrics:
    async def test_they_are_for_this_machine(self, client: httpx2.AsyncClient, served: Served) -> None:
        assert (await client.get("/metrics")).status_code == 403

        async with asking(served, client=("127.0.0.1", 1)) as local:
            await local.get("/api/v1/users/me/")
            text = (await local.get("/metrics")).text

        assert 'http_request_duration_seconds_count{method="GET",route="/api/v1/users/me/",status="401"}' in text

    async def test_who_knows_the_token_may_read_them_from_anywhere(self, process: Process) -> None:
        settings = process.settings.model_copy(update={"METRICS_TOKEN": SecretStr("a token")})
        served = Served(replace(process, settings=settings))
        async with asking(served, client=("192.0.2.7", 1)) as client:
            for token, status in (("a token", 200), ("a guess", 401)):
                answer = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == status
            assert (await client.get("/metrics")).status_code == 401


class TestHead:
    @pytest.mark.parametrize("version", ["v1", "v2"])
    async def test_it_is_answered_as_get(self, client: httpx2.AsyncClient, version: str) -> None:
        path = f"/api/{version}/debug/ping/"
        got, asked = await client.get(path), await client.head(path)

        assert asked.status_code == 200
        assert asked.headers["content-type"] == got.headers["content-type"]
        assert (await client.head("/nowhere/")).status_code == 404


class TestCORS:
    async def test_only_named_origins_may_read_answers(self, process: Process) -> None:
        settings = process.settings.model_copy(update={"CORS_ORIGIN_WHITELIST": ["https://ours.example"]})
        async with asking(Served(replace(process, settings=settings))) as client:
            for origin, allowed in (("https://ours.example", True), ("https://theirs.example", False)):
                answer = await client.get("/health/live/", headers={"Origin": origin})
                assert (answer.headers.get("access-control-allow-origin") == origin) is allowed

    async def test_a_refused_question_beforehand_has_the_one_body(self, process: Process) -> None:
        settings = process.settings.model_copy(update={"CORS_ORIGIN_WHITELIST": ["https://ours.example"]})
        asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
        async with asking(Served(replace(process, settings=settings))) as client:
            ours, theirs = [
                await client.options("/api/v1/users/me/", headers={"Origin": f"https://{whose}.example", **asked})
                for whose in ("ours", "theirs")
            ]

        assert (ours.status_code, ours.headers["access-control-allow-headers"]) == (200, "authorization")
        assert (theirs.status_code, theirs.json()["error"]["code"]) == (400, "CORS_REFUSED")
        assert "access-control-allow-origin" not in theirs.headers

    @pytest.mark.parametrize(
        "refused", [{"url": "/nowhere/"}, {"url": "/health/live/", "params": {"a": "b" * 9000}}]
    )
    async def test_a_refusal_may_be_read_too(self, process: Process, refused: dict[str, Any]) -> None:
        settings = process.settings.model_copy(update={"CORS_ORIGIN_WHITELIST": ["https://ours.example"]})
        async with asking(Served(replace(process, settings=settings))) as client:
            answer = await client.get(**refused, headers={"Origin": "https://ours.example"})

        assert answer.status_code in {404, 414}
        assert answer.headers["access-control-allow-origin"] == "https://ours.example"
        assert "etag" in answer.headers["access-control-expose-headers"].lower()


class TestLog:
    async def test_a_request_is_one_line_without_secrets(self, client: httpx2.AsyncClient) -> None:
        lines: list[str] = []
        sink = logger.add(lambda message: lines.append(message), format="{message} {extra}", level="DEBUG")
        email = an_email()
        try:
            await client.post(
                "/api/v1/auth/sign-up/?token=in-the-query",
                json={"email": email, "password": PASSWORD, "issue_tokens": True},
                headers={"X-Request-ID": "request-0002", "Authorization": "Bearer some-token"},
            )
        finally:
            logger.remove(sink)

        (line,) = [line for line in lines if "/auth/sign-up/" in line]
        for known in ("POST", "/api/v1/auth/sign-up/", "201", "192.0.2.7", "request-0002"):
            assert known in line
        for secret in (PASSWORD, email, "some-token", "in-the-query"):
            assert secret not in "".join(lines)


class TestDocuments:
    async def test_every_operation_stands_in_both_versions(self, client: httpx2.AsyncClient) -> None:
        document = (await client.get("/openapi.json")).json()

        paths = document["paths"]
        v1 = {path.removeprefix("/api/v1") for path in paths if path.startswith("/api/v1/")}
        v2 = {path.removeprefix("/api/v2") for path in paths if path.startswith("/api/v2/")}
        assert v1 == v2
        assert {"/auth/sign-up/", "/auth/tokens/", "/auth/tokens/refresh/", "/users/me/"} <= v1
        ids = [operation["operationId"] for path in paths.values() for operation in path.values()]
        assert len(ids) == len(set(ids))

    async def test_v2_is_documented_in_its_envelope(self, client: httpx2.AsyncClient) -> None:
        paths = (await client.get("/openapi.json")).json()["paths"]

        schemas = [
            paths[f"/api/{version}/users/me/"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            for version in ("v1", "v2")
        ]
        assert schemas[1]["properties"]["data"] == schemas[0]
        assert schemas[1]["properties"]["message"]["const"] == "User retrieved"

    async def test_the_errors_of_the_use_case_are_documented(self, client: httpx2.AsyncClient) -> None:
        operation = (await client.get("/openapi.json")).json()["paths"]["/api/v1/auth/sign-up/"]["post"]

        assert operation["responses"].keys() >= {"201", "409", "422", "429"}
        assert "ALREADY_EXISTS" in operation["responses"]["409"]["$ref"]


class TestProduction:
    def test_documents_and_debug_routes_are_gone(self, running: Process) -> None:
        settings = SettingsProd(
            SECRET_KEY=SecretStr("k3Zq8vN1xW7pT5rY2mB9cJ4hF6gD0uLa"),
            SHOW_API_DOCS=False,
            DB_PASSWORD=SecretStr("x"),
        )

        app = make_app(settings, lambda: None)  # type: ignore[arg-type,return-value]

        paths = json.dumps([str(route) for route in app.routes])
        assert "/openapi.json" not in paths
        assert not [path for path in app.openapi()["paths"] if "/debug/" in path]
