"""The story through the REST door, in both versions."""

from typing import Any

import httpx2
import pytest

from src.app.interfaces.api.versions import VERSIONS
from tests.builders.users import PASSWORD, an_email

pytestmark = pytest.mark.parametrize("version", VERSIONS)


def data_of(answer: httpx2.Response, version: str) -> Any:
    assert answer.headers["x-api-version"] == version
    body = answer.json()
    if version == "v1":
        return body
    assert body.keys() == {"status_code", "message", "data", "error", "meta"}
    assert (body["status_code"], body["error"]) == (answer.status_code, None)
    assert body["meta"]["version"] == "v2"
    assert body["meta"]["request_id"] == answer.headers["x-request-id"]
    return body["data"]


class TestStory:
    async def test_from_sign_up_to_a_refreshed_session(self, client: httpx2.AsyncClient, version: str) -> None:
        api, email = f"/api/{version}", an_email()

        answer = await client.post(f"{api}/auth/sign-up/", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201
        user = data_of(answer, version)

        answer = await client.post(f"{api}/auth/tokens/", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200
        tokens = data_of(answer, version)
        assert tokens.keys() == {"user_data", "access", "refresh", "token_type", "expires_in"}
        assert tokens["user_data"] == {"uuid": user["uuid"]}

        headers = {"Authorization": f"Bearer {tokens['access']}"}
        me = data_of(await client.get(f"{api}/users/me/", headers=headers), version)
        assert me == user

        headers = {"Authorization": f"Bearer {tokens['refresh']}"}
        answer = await client.post(f"{api}/auth/tokens/refresh/", headers=headers)
        refreshed = data_of(answer, version)
        headers = {"Authorization": f"Bearer {refreshed['access']}"}
        assert data_of(await client.get(f"{api}/users/me/", headers=headers), version) == user

    async def test_the_body_of_a_user(self, client: httpx2.AsyncClient, version: str) -> None:
        sign_up = {
            "email": an_email(),
            "password": PASSWORD,
            "full_name": "Ada Lovelace",
            "birthday": "1990-12-10",
        }

        answer = await client.post(f"/api/{version}/auth/sign-up/", json=sign_up)

        user = data_of(answer, version)
        assert list(user) == [
            "id", "uuid", "email", "phone", "first_name", "last_name", "full_name", "birthday", "avatar_url",
            "is_active", "is_guest", "is_verified", "is_superuser", "street", "city", "state", "zip_code",
            "country", "meta", "version", "created_at", "updated_at",
        ]  # fmt: skip
        assert (user["full_name"], user["birthday"], user["meta"]) == ("Ada Lovelace", "1990-12-10", {})
        assert user["created_at"].endswith("Z")

    async def test_signing_up_may_sign_in(self, client: httpx2.AsyncClient, version: str) -> None:
        sign_up = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}

        answer = await client.post(f"/api/{version}/auth/sign-up/", json=sign_up)

        data = data_of(answer, version)
        assert data.keys() == {"user", "access", "refresh", "token_type", "expires_in"}
        assert data["user"]["email"] == sign_up["email"]

    async def test_the_refresh_token_may_be_in_the_body(self, client: httpx2.AsyncClient, version: str) -> None:
        sign_up = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}
        signed_up = data_of(await client.post(f"/api/{version}/auth/sign-up/", json=sign_up), version)

        answer = await client.post(
            f"/api/{version}/auth/tokens/refresh/", json={"refresh_token": signed_up["refresh"]}
        )

        assert answer.status_code == 200
