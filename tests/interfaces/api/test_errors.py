"""The one body of every error, whatever raised it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from jose import jwt
from loguru import logger

from src.app.config.settings import SettingsTest
from src.app.domain.common.exceptions import AppException
from src.app.interfaces.api.middleware.body_limit import BodyLimit
from src.app.interfaces.api.middleware.deadline import Deadline
from src.app.interfaces.api.middleware.versions import Versions
from src.app.interfaces.api.versions import VERSIONS
from src.app.interfaces.outcomes import OUTCOMES
from tests.builders.users import PASSWORD, an_email
from tests.interfaces.api.conftest import Served

JSON = {"Content-Type": "application/json"}


def checked(answer: httpx2.Response, status: int, code: str, version: str = "v1") -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code)
    assert body.keys() == {"status_code", "message", "data", "error", "meta"}
    assert body["error"].keys() == {"id", "code", "message", "details"}
    assert body["meta"].keys() == {"timestamp", "version", "request_id"}
    assert (body["status_code"], body["data"]) == (status, None)
    assert body["message"] == body["error"]["message"]
    assert UUID(body["error"]["id"]).version == 7
    assert body["meta"]["version"] == answer.headers["x-api-version"] == version
    assert body["meta"]["request_id"] == answer.headers["x-request-id"]
    assert isinstance(body["error"]["details"], list)
    assert ("www-authenticate" in answer.headers) == (status == 401)
    return body["error"]  # type: ignore[no-any-return]


async def signed_up(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    sign_up = {"email": an_email(), "password": PASSWORD, "issue_tokens": True, **fields}
    answer = await client.post("/api/v1/auth/sign-up/", json=sign_up)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class TestMediaTypes:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content-Type": ""},
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "multipart/form-data; boundary=x"},
            {"Content-Type": "application/merge-patch+json"},
            {"Content-Type": "application/jsonp"},
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        ],
    )
    async def test_a_body_that_is_not_said_to_be_json_is_not_read(
        self, client: httpx2.AsyncClient, headers: dict[str, str]
    ) -> None:
        answer = await client.post("/api/v1/debug/echo/", content=b'{"a": 1}', headers=headers)

        checked(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert answer.headers["accept"] == "application/json"

    @pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
    async def test_one_that_is_read(self, client: httpx2.AsyncClient, kind: str) -> None:
        answer = await client.post("/api/v1/debug/echo/", content=b'{"a": 1}', headers={"Content-Type": kind})

        assert answer.json() == {"a": 1}

    async def test_a_patch_is_told_of_its_types(self, client: httpx2.AsyncClient) -> None:
        answer = await client.patch("/api/v1/users/me/", content=b"a=1", headers={"Content-Type": "text/plain"})

        checked(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert answer.headers["accept-patch"] == "application/merge-patch+json, application/json"


class TestLayers:
    @pytest.mark.parametrize("layer", [Versions, BodyLimit, Deadline])
    async def test_one_that_crashes_is_answered_as_any_error(
        self, client: httpx2.AsyncClient, layer: type, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def crash(*_: Any) -> None:
            raise RuntimeError("in the middle of a layer")

        monkeypatch.setattr(layer, "__call__", crash)
        lines: list[Any] = []
        sink = logger.add(lines.append, level="ERROR")

        answer = await client.get("/api/v2/debug/ping/")

        logger.remove(sink)
        error = checked(answer, 500, "INTERNAL_ERROR")
        assert "in the middle of a layer" not in error["message"]
        [line] = [line for line in lines if line.record["extra"].get("error_id") == error["id"]]
        assert "in the middle of a layer" in str(line)


@pytest.mark.parametrize("version", VERSIONS)
class TestStory:
    async def test_wrong_password(self, client: httpx2.AsyncClient, version: str) -> None:
        user = (await signed_up(client))["user"]

        answer = await client.post(
            f"/api/{version}/auth/tokens/", json={"email": user["email"], "password": "another phrase"}
        )

        checked(answer, 401, "INVALID_CREDENTIALS", version)

    async def test_duplicate_email(self, client: httpx2.AsyncClient, version: str) -> None:
        user = (await signed_up(client))["user"]

        answer = await client.post(
            f"/api/{version}/auth/sign-up/", json={"email": user["email"].upper(), "password": PASSWORD}
        )

        error = checked(answer, 409, "ALREADY_EXISTS", version)
        assert error["message"] == "A user with this email already exists"
        assert error["details"] == [{"field": "email", "message": error["message"], "code": "duplicate"}]

    async def test_no_token(self, client: httpx2.AsyncClient, version: str) -> None:
        answer = await client.get(f"/api/{version}/users/me/")

        checked(answer, 401, "UNAUTHENTICATED", version)
        assert answer.headers["www-authenticate"] == "Bearer"

    async def test_expired_token(self, client: httpx2.AsyncClient, version: str, settings: SettingsTest) -> None:
        access = (await signed_up(client))["access"]
        secret = settings.SECRET_KEY.get_secret_value()
        claims = jwt.get_unverified_claims(access)
        past = int((datetime.now(UTC) - timedelta(seconds=1)).timestamp())
        expired = jwt.encode(claims | {"exp": past}, secret, algorithm="HS256")

        checked(
            await client.get(f"/api/{version}/users/me/", headers=bearer(expired)), 401, "TOKEN_EXPIRED", version
        )

    async def test_refresh_token_used_as_access(self, client: httpx2.AsyncClient, version: str) -> None:
        refresh = (await signed_up(client))["refresh"]

        checked(
            await client.get(f"/api/{version}/users/me/", headers=bearer(refresh)), 401, "TOKEN_INVALID", version
        )

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"nonsense",
            b'{"email": NaN}',
            b'{"email": Infinity}',
            b'{"email": 1e999}',
            b'{"email": ' + b"9" * 30 + b"}",
            b"{" + b",".join(b'"%d":1' % n for n in range(1001)) + b"}",
            b'{"a": 1, "a": 2}',
            b"[" * 51 + b"]" * 51,
            b'{"a":' * 100_000,
            b"\xff\xfe",
        ],
    )
    async def test_bad_json(self, client: httpx2.AsyncClient, version: str, body: bytes) -> None:
        answer = await client.post(f"/api/{version}/auth/tokens/", content=body, headers=JSON)

        checked(answer, 400, "INVALID_JSON", version)

    async def test_unknown_route(self, client: httpx2.AsyncClient, version: str) -> None:
        checked(await client.get(f"/api/{version}/nothing/"), 404, "NOT_FOUND", version)


class TestKinds:
    @pytest.mark.parametrize("kind", OUTCOMES)
    async def test_every_kind_has_its_status_and_code(
        self, client: httpx2.AsyncClient, kind: type[AppException]
    ) -> None:
        answer = await client.get(f"/api/v1/debug/error/{kind.__name__}/")

        checked(answer, OUTCOMES[kind].http, kind.code)
        assert ("retry-after" in answer.headers) == (answer.status_code in (429, 503))

    async def test_what_nobody_foresaw_does_not_show_its_text(self, client: httpx2.AsyncClient) -> None:
        answer = await client.get("/api/v1/debug/error/unexpected/")

        checked(answer, 500, "INTERNAL_ERROR")
        assert "foresaw" not in answer.text

    async def test_a_method_that_is_not_there(self, client: httpx2.AsyncClient) -> None:
        answer = await client.delete("/api/v1/users/me/")

        checked(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "GET, PATCH, PUT"

    @pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
    async def test_documents_are_read_only(self, client: httpx2.AsyncClient, path: str) -> None:
        answer = await client.post(path)

        checked(answer, 405, "METHOD_NOT_ALLOWED")
        assert "GET" in answer.headers["allow"]

    async def test_a_body_that_is_too_large(self, client: httpx2.AsyncClient) -> None:
        body = b'{"email": "' + b"a" * 2**20 + b'"}'

        checked(await client.post("/api/v1/auth/tokens/", content=body, headers=JSON), 413, "PAYLOAD_TOO_LARGE")

    async def test_a_client_that_leaves_before_its_body_is_whole(self, served: Served) -> None:
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
        sent: list[Any] = []

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"x"), (b"content-type", b"application/json"), (b"content-length", b"9")]
        headers.append((b"idempotency-key", b"a-key"))
        path = "/api/v1/debug/echo/"
        scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "query_string": b""}
        await served({**scope, "headers": headers}, receive, send)

        assert sent[0]["status"] == 400

    async def test_a_version_that_is_not_there(self, client: httpx2.AsyncClient) -> None:
        error = checked(await client.get("/api/v7/users/me/"), 404, "UNSUPPORTED_API_VERSION")

        assert "v1, v2" in error["message"]


class TestInput:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "nonsense"),
            ("email", "a\x00b@example.com"),
            ("email", ["ada@example.com"]),
            ("password", "short"),
            ("password", "x" * 129),
            ("password", "x" * 2000),
            ("password", "nul\x00 in a password"),
            ("first_name", "\ud800"),
            ("first_name", "R2D2"),
            ("full_name", "x" * 60),
            ("phone", "123"),
            ("phone", "+1"),
            ("birthday", "2020-13-45"),
            ("birthday", "2999-01-01"),
            ("meta", {"a": "\x00"}),
            ("meta", {"a": "\ud800"}),
            ("meta", {"a": "x" * 20_000}),
            ("meta", []),
            ("meta", json.loads('{"a":' * 21 + "1" + "}" * 21)),
            ("city", "x" * 300),
            ("is_superuser", True),
            ("id", 1),
        ],
    )
    async def test_a_wrong_field_is_named_and_not_repeated(
        self, client: httpx2.AsyncClient, field: str, value: Any
    ) -> None:
        sign_up = {"email": an_email(), "password": PASSWORD, field: value}

        # Escaped, because a lone surrogate can be sent in no other way.
        answer = await client.post("/api/v1/auth/sign-up/", content=json.dumps(sign_up), headers=JSON)

        error = checked(answer, 422, "VALIDATION_ERROR")
        assert [detail["field"] for detail in error["details"]] == [field]
        assert PASSWORD not in answer.text
        assert not isinstance(value, str) or len(value) < 9 or value not in answer.text

    async def test_either_email_or_phone(self, client: httpx2.AsyncClient) -> None:
        for who in ({}, {"email": an_email(), "phone": "+442079460958"}):
            answer = await client.post("/api/v1/auth/tokens/", json={"password": PASSWORD, **who})

            checked(answer, 422, "VALIDATION_ERROR")


class TestWhoMayEnter:
    @pytest.mark.parametrize(
        "header", ["Basic YTpi", "Bearer", "Bearer ", "bearer x y", "Bearer \xff", "x" * 5000]
    )
    async def test_anything_but_a_token_of_ours_is_401(self, client: httpx2.AsyncClient, header: str) -> None:
        answer = await client.get("/api/v1/users/me/", headers={b"Authorization": header.encode("latin-1")})

        assert answer.status_code == 401
