"""What every request and every answer has to be, whatever it is about."""

from typing import Any

import httpx2
import pytest

from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.middleware.edge import Edge

PROBLEM = "application/problem+json"


class TestSizes:
    async def test_a_url_has_an_end(self, client: httpx2.AsyncClient) -> None:
        fits = await client.get("/api/v1/debug/ping/", params={"x": "a" * 8000})
        answer = await client.get("/api/v1/debug/ping/", params={"x": "a" * 8200})

        assert fits.status_code == 200
        assert (answer.status_code, answer.json()["error"]["code"]) == (414, "URI_TOO_LONG")

    async def test_headers_have_an_end(self, client: httpx2.AsyncClient) -> None:
        fits = await client.get("/api/v1/debug/ping/", headers={"X-A": "a" * 15_000})
        answer = await client.get("/api/v1/debug/ping/", headers={f"X-{n}": "a" * 1000 for n in range(17)})

        assert fits.status_code == 200
        assert (answer.status_code, answer.json()["error"]["code"]) == (431, "REQUEST_HEADER_FIELDS_TOO_LARGE")
        assert answer.headers["x-request-id"] == answer.json()["meta"]["request_id"]


class TestHosts:
    @pytest.mark.parametrize(
        ("host", "is_ours"),
        [
            ("api.example.com", True),
            ("API.Example.com:8081", True),
            ("a.b.example.org", True),
            ("example.org", False),
            ("api.example.com.evil.net", False),
            ("evilexample.org", False),
            ("", False),
            ("[::1]:80", True),
            ("[::2]", False),
        ],
    )
    async def test_only_ours_are_answered_for(self, process: Process, host: str, is_ours: bool) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        edge = Edge(app, hosts=["api.example.com", "*.example.org", "[::1]"], at_once=100)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(edge), base_url="http://x") as client:
            answer = await client.get("/", headers={"Host": host})

        assert answer.status_code == (204 if is_ours else 400)

    @pytest.mark.parametrize("hosts", [[], ["a.example", "b.example"], ["a.example", "a.example"]])
    async def test_one_is_named_and_no_more(self, client: httpx2.AsyncClient, hosts: list[str]) -> None:
        request = client.build_request("GET", "/health/live/")
        request.headers = httpx2.Headers([("Host", host) for host in hosts])

        answer = await client.send(request)

        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_REQUEST")


class TestHeaders:
    @pytest.mark.parametrize(
        "path",
        ["/api/v1/debug/ping/", "/api/v9/", "/nothing/", "/health/live/", "/api/v1/debug/error/unexpected/"],
    )
    async def test_every_answer_is_marked(self, client: httpx2.AsyncClient, path: str) -> None:
        headers = (await client.get(path)).headers

        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"
        assert headers["strict-transport-security"].startswith("max-age=")


class TestProblems:
    @pytest.mark.parametrize("accept", [PROBLEM, f"application/json;q=0.5, {PROBLEM}", f"*/*, {PROBLEM};q=0.9"])
    async def test_who_asks_for_one_gets_one(self, client: httpx2.AsyncClient, accept: str) -> None:
        answer = await client.get("/api/v1/debug/error/NotFoundError/", headers={"Accept": accept})

        assert answer.headers["content-type"] == PROBLEM
        problem = answer.json()
        assert problem.keys() == {"type", "title", "status", "detail", "id", "code", "details", "meta"}
        assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", "Not Found", 404)
        assert (problem["code"], problem["detail"]) == ("NOT_FOUND", "The requested resource was not found")

    @pytest.mark.parametrize(
        "accept",
        ["application/json", "*/*", f"application/json, {PROBLEM};q=0.5", f"{PROBLEM};q=0", f"{PROBLEM};q=x"],
    )
    async def test_and_nobody_else(self, client: httpx2.AsyncClient, accept: str) -> None:
        answer = await client.get("/api/v1/debug/error/NotFoundError/", headers={"Accept": accept})

        assert answer.headers["content-type"] == "application/json"

    @pytest.mark.parametrize(
        "accept", [f"{PROBLEM}-x", f"text/html;x={PROBLEM}", f"{PROBLEM.upper()};q=0", ",;q=1"]
    )
    async def test_what_only_looks_like_it_is_no_wish(self, client: httpx2.AsyncClient, accept: str) -> None:
        answer = await client.get("/api/v1/debug/error/NotFoundError/", headers={"Accept": accept})

        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")

    async def test_allow_names_every_method_of_the_path(self, client: httpx2.AsyncClient) -> None:
        answer = await client.delete("/api/v1/users/me/")

        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH, PUT")

    async def test_a_good_answer_is_what_it_is(self, client: httpx2.AsyncClient) -> None:
        answer = await client.get("/api/v1/debug/ping/", headers={"Accept": PROBLEM})

        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
