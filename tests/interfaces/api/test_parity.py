"""Every operation answers the same on every version: v2 has in `data` what v1 is."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute

from src.app.domain.common.contact import Email
from src.app.domain.users.value_objects.users_vob import FullName
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.routers import routes
from src.app.interfaces.api.versions import VERSIONS
from tests.builders.users import PASSWORD, an_email

ADMIN = "admin"
USER = "user"
UNKNOWN = "01a1ffe9-4eac-7496-9caa-8688c5202663"

# What is another at each asking, whatever the version.
_CHANGING = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{12}@example\.com|eyJ[\w.-]+"
    r'|\d{4}-\d\d-\d\dT[\d:.]+Z|(?<="id":)\d+'
)
_OF_THE_VERSION = {"content-length", "ratelimit", "x-api-version", "x-request-id"}


@dataclass(frozen=True, slots=True)
class Case:
    """A request of an operation; `{uuid}` in its path is the user's own."""

    method: str
    path: str
    by: str | None = None
    body: Callable[[], Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


def a_sign_up() -> dict[str, Any]:
    return {"email": an_email(), "password": PASSWORD}


CASES: dict[str, list[Case]] = {
    "sign_up": [
        Case("POST", "/auth/sign-up/", body=a_sign_up, status=201),
        Case("POST", "/auth/sign-up/", body=lambda: a_sign_up() | {"issue_tokens": True}, status=201),
        Case("POST", "/auth/sign-up/", body=lambda: {"email": "nobody"}, status=422),
        Case("POST", "/auth/sign-up/", body=a_sign_up, headers={"Idempotency-Key": "€"}, status=422),
    ],
    "sign_in": [
        Case("POST", "/auth/tokens/", body=lambda: {"email": "parity@example.com", "password": PASSWORD}),
        Case("POST", "/auth/tokens/", body=lambda: {"email": "parity@example.com", "password": "x"}, status=401),
    ],
    "refresh": [
        Case("POST", "/auth/tokens/refresh/", by="refresh"),
        Case("POST", "/auth/tokens/refresh/", body=lambda: {"refresh_token": "x"}, status=401),
        Case("POST", "/auth/tokens/refresh/", status=401),
    ],
    "health": [Case("GET", "/health/")],
    "list_users": [
        Case("GET", "/users/?limit=2&sort=-email&fields=email", by=ADMIN),
        Case("GET", "/users/?page=1&per_page=1&count=none", by=ADMIN),
        Case("GET", "/users/?filter[email__like]=a&filter[emial]=b", by=ADMIN, status=422),
        Case("GET", "/users/", by=USER, status=403),
        Case("GET", "/users/", status=401),
    ],
    "list_user_filters": [
        Case("GET", "/users/filters/", by=ADMIN),
        Case("GET", "/users/filters/", by=USER, status=403),
    ],
    "get_me": [
        Case("GET", "/users/me/", by=USER),
        Case("GET", "/users/me/", by=USER, headers={"If-None-Match": "*"}, status=304),
        Case("GET", "/users/me/", status=401),
    ],
    "replace_me": [
        Case("PUT", "/users/me/", by=USER, body=lambda: {"city": "Oslo"}),
        Case("PUT", "/users/me/", by=USER, body=lambda: {"is_superuser": True}, status=422),
        Case("PUT", "/users/me/", by=USER, body=dict, headers={"If-Match": '"x"'}, status=412),
    ],
    "update_me": [
        Case("PATCH", "/users/me/", by=USER, body=lambda: {"meta": {"a": None, "b": 1}}),
        Case("PATCH", "/users/me/", by=USER, body=dict, headers={"Content-Type": "text/plain"}, status=415),
    ],
    "get_user": [
        Case("GET", "/users/{uuid}/", by=USER),
        Case("GET", f"/users/{UNKNOWN}/", by=USER, status=404),
        Case("GET", f"/users/{UNKNOWN}/", by=ADMIN, status=404),
        Case("GET", "/users/nobody/", by=ADMIN, status=422),
    ],
    "replace_user": [
        Case("PUT", "/users/{uuid}/", by=ADMIN, body=lambda: {"first_name": "Eva"}),
        Case("PUT", f"/users/{UNKNOWN}/", by=ADMIN, body=dict, status=404),
    ],
    "update_user": [
        Case("PATCH", "/users/{uuid}/", by=ADMIN, body=lambda: {"full_name": "Eva Li"}),
        Case("PATCH", f"/users/{UNKNOWN}/", by=USER, body=dict, status=404),
    ],
    "ping": [Case("GET", "/debug/ping/")],
    "info": [Case("GET", "/debug/info/")],
    "raise_error": [
        Case("GET", "/debug/error/ConflictError/", status=409),
        Case("GET", "/debug/error/unexpected/", status=500),
    ],
    "echo": [
        Case("POST", "/debug/echo/", body=lambda: {"a": [1, "ä"]}),
        Case("POST", "/debug/echo/", body=lambda: {"a": "\ud800"}, status=422),
    ],
}

Ask = Callable[[str, Case], Awaitable[httpx2.Response]]


@pytest.fixture
async def ask(process: Process, client: httpx2.AsyncClient) -> Ask:
    """Return what sends a case to a version, to each as a user of its own, who begin alike."""
    await process.container.users_service.ensure_superadmin(
        email=Email("parity@example.com"), password=PASSWORD, name=FullName("Zoe", "Zed")
    )
    signed_in = await client.post(
        "/api/v1/auth/tokens/", json={"email": "parity@example.com", "password": PASSWORD}
    )
    admin = signed_in.json()["access"]

    profile = {"first_name": "Ada", "city": "Rome", "meta": {"a": 1}, "issue_tokens": True}
    users = {
        version: (await client.post("/api/v1/auth/sign-up/", json=a_sign_up() | profile)).json()
        for version in VERSIONS
    }

    async def ask(version: str, case: Case) -> httpx2.Response:
        user = users[version]
        tokens = {ADMIN: admin, USER: user["access"], "refresh": user["refresh"]}
        headers = {"Content-Type": "application/json"} if case.body else {}
        if case.by:
            headers["Authorization"] = f"Bearer {tokens[case.by]}"
        return await client.request(
            case.method,
            f"/api/{version}{case.path.replace('{uuid}', user['user']['uuid'])}",
            content=json.dumps(case.body()).encode() if case.body else None,
            headers=[(name.encode(), value.encode()) for name, value in (headers | case.headers).items()],
        )

    return ask


def operations() -> Iterable[tuple[str, str, str]]:
    """Yield the version, the method and the name of every operation that has versions."""
    for route in routes(with_debug=True):
        assert isinstance(route, APIRoute)
        version = route.path.split("/")[2] if route.path.startswith("/api/") else ""
        yield from ((version, method, route.name) for method in route.methods or () if version)


def test_every_version_has_every_operation_and_every_operation_is_compared() -> None:
    of = {version: {(method, name) for at, method, name in operations() if at == version} for version in VERSIONS}

    assert of["v1"] == of["v2"]
    assert {name for _, name in of["v1"]} == CASES.keys()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{name}-{case.status}-{place}")
        for name in CASES
        for place, case in enumerate(CASES[name])
    ],
)
async def test_the_answers_are_the_same(case: Case, ask: Ask) -> None:
    plain, enveloped = [await ask(version, case) for version in ("v1", "v2")]

    assert (plain.status_code, enveloped.status_code) == (case.status, case.status), plain.text
    assert _headers(plain) == _headers(enveloped)
    if not plain.content:
        assert not enveloped.content
        return
    ours, theirs = plain.json(), enveloped.json()
    if case.status < 300:
        assert theirs.keys() == {"status_code", "message", "data", "error", "meta"}
        assert (theirs["status_code"], theirs["error"], theirs["meta"]["version"]) == (case.status, None, "v2")
        assert _steady(ours) == _steady(theirs["data"])
    else:
        assert (ours["meta"].pop("version"), theirs["meta"].pop("version")) == ("v1", "v2")
        ours["error"].pop("traceback", None), theirs["error"].pop("traceback", None)
        assert _steady(ours) == _steady(theirs)


def _headers(answer: httpx2.Response) -> dict[str, str]:
    return {
        name: _CHANGING.sub("…", value) for name, value in answer.headers.items() if name not in _OF_THE_VERSION
    }


def _steady(body: Any) -> str:
    return _CHANGING.sub("…", json.dumps(body, separators=(",", ":")))
