"""Entity tags, and writes that ask for a version, shown on `/users/me/`."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.builders.users import PASSWORD, an_email

ME = "/api/v1/users/me/"
PROFILE = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "city": "London",
    "meta": {"theme": {"name": "dark", "size": 3}, "level": 1},
}


@pytest.fixture
async def ada(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    body = {"email": an_email(), "password": PASSWORD, "issue_tokens": True, **PROFILE}
    answer = await client.post("/api/v1/auth/sign-up/", json=body)
    client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
    return client


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class TestTags:
    @pytest.mark.parametrize("version", ["v1", "v2"])
    async def test_who_has_this_version_gets_it_not_again(self, ada: httpx2.AsyncClient, version: str) -> None:
        path = f"/api/{version}/users/me/"
        first = await ada.get(path)
        tag = first.headers["etag"]
        assert (first.headers["cache-control"], first.headers["vary"]) == ("private, no-cache", "Authorization")

        for tags in (tag, f"W/{tag}", f'"7", {tag}', "*"):
            again = await ada.get(path, headers={"If-None-Match": tags})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await ada.get(path, headers={"If-None-Match": '"2"'})).status_code == 200

    async def test_another_users_profile_is_another_version(self, ada: httpx2.AsyncClient) -> None:
        tag = (await ada.get(ME)).headers["etag"]
        body = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}
        other = (await ada.post("/api/v1/auth/sign-up/", json=body)).json()["access"]

        answer = await ada.get(ME, headers={"If-None-Match": tag, "Authorization": f"Bearer {other}"})

        assert answer.status_code == 200

    async def test_a_resource_by_its_uuid_has_one_too(self, ada: httpx2.AsyncClient) -> None:
        uuid = (await ada.get(ME)).json()["uuid"]

        answer = await ada.get(f"/api/v1/users/{uuid}/")
        again = await ada.get(f"/api/v1/users/{uuid}/", headers={"If-None-Match": answer.headers["etag"]})

        assert answer.json() == (await ada.get(ME)).json()
        assert (answer.headers["etag"], again.status_code) == ((await ada.get(ME)).headers["etag"], 304)

    async def test_a_change_is_another_version(self, ada: httpx2.AsyncClient) -> None:
        before = (await ada.get(ME)).headers["etag"]

        answer = await ada.patch(ME, json={"city": "Rome"})

        assert (answer.status_code, answer.json()["version"]) == (200, 2)
        assert (await ada.get(ME, headers={"If-None-Match": before})).status_code == 200
        assert (await ada.get(ME)).headers["etag"] == answer.headers["etag"]

    async def test_no_change_is_no_other_version(self, ada: httpx2.AsyncClient) -> None:
        before = (await ada.get(ME)).headers["etag"]

        assert (await ada.patch(ME, json={})).headers["etag"] == before
        assert (await ada.patch(ME, json={"city": "London"})).headers["etag"] == before


class TestIfMatch:
    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    async def test_only_over_the_version_that_was_seen(self, ada: httpx2.AsyncClient, method: str) -> None:
        old = (await ada.get(ME)).headers["etag"]
        new = (await ada.patch(ME, json={"city": "Rome"})).headers["etag"]

        stale = await ada.request(method, ME, json={"city": "Bonn"}, headers={"If-Match": old})
        right = await ada.request(method, ME, json={"city": "Oslo"}, headers={"If-Match": new})
        anyone = await ada.request(method, ME, json={"city": "Riga"}, headers={"If-Match": "*"})

        assert code_of(stale) == (412, "PRECONDITION_FAILED")
        assert (right.status_code, right.json()["city"]) == (200, "Oslo")
        assert (anyone.status_code, anyone.json()["version"]) == (200, 4)

    async def test_of_two_at_once_one_comes_first(self, ada: httpx2.AsyncClient) -> None:
        tag = (await ada.get(ME)).headers["etag"]

        answers = await asyncio.gather(
            *(ada.patch(ME, json={"city": city}, headers={"If-Match": tag}) for city in ("Rome", "Bonn", "Oslo"))
        )

        assert sorted(answer.status_code for answer in answers) == [200, 412, 412]

    @pytest.mark.parametrize(
        ("tags", "status"),
        [
            ("{own}", 200),
            ('"else", {own}', 200),
            ("W/{own}", 412),
            ('"else"', 412),
            ('"{stranger}-1"', 412),
            ('"{uuid}-7"', 412),
            ('{own}, "{uuid}-7"', 422),
            ("unquoted", 422),
            ("", 422),
        ],
    )
    async def test_one_of_the_tags_is_that_of_the_resource(
        self, ada: httpx2.AsyncClient, tags: str, status: int
    ) -> None:
        me = await ada.get(ME)
        uuid = UUID(me.json()["uuid"])
        given = tags.format(own=me.headers["etag"], uuid=uuid.hex, stranger=uuid4().hex)

        for path in (ME, f"/api/v1/users/{uuid}/"):
            answer = await ada.patch(path, json={}, headers={"If-Match": given})
            assert answer.status_code == status, answer.text

    async def test_no_uuid_is_said_to_be_none(self, ada: httpx2.AsyncClient) -> None:
        answer = await ada.patch("/api/v1/users/nobody/", json={}, headers={"If-Match": '"x"'})

        assert code_of(answer) == (422, "VALIDATION_ERROR")


class TestPatch:
    @pytest.mark.parametrize("kind", ["application/json", "application/merge-patch+json"])
    @pytest.mark.parametrize(
        ("patch", "changed"),
        [
            ({"city": None}, {"city": None}),
            ({"full_name": None}, {"first_name": None, "last_name": None}),
            ({"last_name": "King"}, {"last_name": "King", "full_name": "Ada King"}),
            ({"full_name": "Grace Hopper"}, {"first_name": "Grace", "last_name": "Hopper"}),
            (
                {"meta": {"theme": {"size": None}, "new": [1]}},
                {"meta": {"theme": {"name": "dark"}, "level": 1, "new": [1]}},
            ),
        ],
    )
    async def test_what_is_sent_is_merged(
        self, ada: httpx2.AsyncClient, kind: str, patch: dict[str, Any], changed: dict[str, Any]
    ) -> None:
        before = (await ada.get(ME)).json()

        answer = await ada.patch(ME, json=patch, headers={"Content-Type": kind})

        after = answer.json()
        assert {name: after[name] for name in changed} == changed
        assert after == {
            **before,
            **{name: after[name] for name in (*changed, "full_name", "version", "updated_at")},
        }

    async def test_a_name_is_given_once(self, ada: httpx2.AsyncClient) -> None:
        answer = await ada.patch(ME, json={"full_name": "Ada Lovelace", "first_name": "Bob"})

        assert code_of(answer) == (422, "VALIDATION_ERROR")

    @pytest.mark.parametrize("name", ["email", "is_superuser", "version", "id", "unknown"])
    async def test_what_is_not_of_the_profile_is_refused(self, ada: httpx2.AsyncClient, name: str) -> None:
        assert code_of(await ada.patch(ME, json={name: 1})) == (422, "VALIDATION_ERROR")


class TestPut:
    async def test_what_is_not_sent_is_taken_away(self, ada: httpx2.AsyncClient) -> None:
        answer = await ada.put(ME, json={"first_name": "Grace", "country": "US"})

        user = answer.json()
        assert (user["full_name"], user["country"], user["city"], user["meta"]) == ("Grace", "US", None, {})


class TestOthers:
    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
    async def test_who_may_not_cannot_tell_who_is_there(self, ada: httpx2.AsyncClient, method: str) -> None:
        body = {"email": an_email(), "password": PASSWORD}
        other = (await ada.post("/api/v1/auth/sign-up/", json=body)).json()["uuid"]

        for uuid in (other, "00000000-0000-7000-8000-000000000000"):
            json = None if method == "GET" else {"city": "Rome"}
            assert code_of(await ada.request(method, f"/api/v1/users/{uuid}/", json=json)) == (404, "NOT_FOUND")
