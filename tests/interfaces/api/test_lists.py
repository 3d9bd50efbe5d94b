"""Lists over HTTP, shown on `GET /users/`."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from prometheus_client import REGISTRY

from src.app.application.dto.auth import Device
from src.app.application.dto.users import USERS
from src.app.domain.common.contact import Email
from src.app.domain.users.value_objects.users_vob import FullName
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.cache import reads, redis_cache
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from tests.builders.cities import Cities, settled
from tests.builders.users import NOW, PASSWORD, a_sign_up
from tests.interfaces.api.conftest import Served, asking

CITIES = ["Rome", "Bonn", None, "Rome", "Oslo, N"]


@pytest.fixture
async def admin(process: Process, client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Return a client signed in as the superadmin, among five users from A to E."""
    await UsersPSQLRepository(process.database).create_bulk(
        [
            {
                "uuid": uuid4(),
                "email": f"{name.lower()}@example.com",
                "first_name": f"Xu{name}",
                "last_name": "Li" if place % 2 else None,
                "city": city,
                "is_verified": place > 2,
                "meta": {"score": place, "tags": ["a"] if place else []},
                "created_at": NOW - timedelta(days=place),
            }
            for place, (name, city) in enumerate(zip("ABCDE", CITIES, strict=True))
        ],
        is_return_require=False,
    )
    email = "zoe@example.com"
    await process.container.users_service.ensure_superadmin(
        email=Email(email), password=PASSWORD, name=FullName("Zoe", "Zed")
    )
    answer = await client.post("/api/v1/auth/tokens/", json={"email": email, "password": PASSWORD})
    client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
    return client


async def listed(client: httpx2.AsyncClient, query: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/users/?{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def letters(client: httpx2.AsyncClient, query: str) -> str:
    return "".join(user["email"][0] for user in (await listed(client, query))["items"])


class TestCache:
    """No list of the product is cached; this one is, by a reader as a context of one's own would have it."""

    async def test_an_answer_from_it_is_the_same_to_the_byte(
        self, admin: httpx2.AsyncClient, process: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cached = replace(process, container=replace(process.container, users_reader=Cities(process)))
        # A machine that has much else to do may be late.
        monkeypatch.setattr(reads, "HEARING_SECONDS", 5.0)
        monkeypatch.setattr(redis_cache, "TICKS", 100)
        await settled(process)
        hits = {"read": "users:page_users", "outcome": "hit"}
        before = REGISTRY.get_sample_value("cache_reads_total", hits) or 0

        uncached = await admin.get("/api/v1/users/", params={"sort": "email"})
        async with asking(Served(cached)) as client:
            client.headers = admin.headers
            answers = [await client.get("/api/v1/users/", params={"sort": "email"}) for _ in range(2)]

        assert answers[0].content == answers[1].content == uncached.content
        assert REGISTRY.get_sample_value("cache_reads_total", hits) == before + 1


class TestWhatMayBeAsked:
    async def test_a_client_is_told_what_it_may_ask(self, admin: httpx2.AsyncClient) -> None:
        told = (await admin.get("/api/v1/users/filters/")).json()

        fields = {field["name"]: field for field in told["fields"]}
        assert told["sort"] == ["-created_at"]
        assert fields["email"]["type"] == "text"
        assert {"e", "ilike", "in"} <= set(fields["email"]["lookups"])
        assert (fields["is_active"]["type"], fields["is_active"]["is_sortable"]) == ("boolean", False)
        assert "password_hashed" not in fields
        for field in told["fields"]:
            if field["is_sortable"]:
                assert (await admin.get("/api/v1/users/", params={"sort": field["name"]})).status_code == 200
            for lookup in {"is_null"} & set(field["lookups"]):
                asked = {f"filter[{field['name']}__{lookup}]": "true"}
                assert (await admin.get("/api/v1/users/", params=asked)).status_code == 200


class TestWho:
    async def test_without_a_token_nobody_is_listed(self, client: httpx2.AsyncClient) -> None:
        assert (await client.get("/api/v1/users/")).status_code == 401

    async def test_a_user_may_not_see_the_others(self, process: Process, client: httpx2.AsyncClient) -> None:
        sign_up = a_sign_up()
        await process.container.auth_service.sign_up(sign_up, Device())
        body = {"email": str(sign_up.email), "password": PASSWORD}
        access = (await client.post("/api/v1/auth/tokens/", json=body)).json()["access"]

        answer = await client.get("/api/v1/users/", headers={"Authorization": f"Bearer {access}"})

        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")


class TestPages:
    async def test_the_newest_come_first_with_the_number_of_all(self, admin: httpx2.AsyncClient) -> None:
        body = await listed(admin, "limit=3")

        assert list(body) == ["items", "total", "limit", "offset", "has_more", "next_cursor"]
        assert [user["email"][0] for user in body["items"]] == ["z", "a", "b"]
        assert (body["total"], body["limit"], body["offset"], body["has_more"]) == (6, 3, 0, True)
        me = (await admin.get("/api/v1/users/me/")).json()
        assert body["items"][0] == me

    async def test_the_next_page_begins_where_the_last_ended(self, admin: httpx2.AsyncClient) -> None:
        first = await listed(admin, "limit=4&sort=email")

        second = await listed(admin, f"limit=4&sort=email&cursor={first['next_cursor']}")

        assert [user["email"][0] for user in second["items"]] == ["e", "z"]
        assert second.keys() == {"items", "limit", "has_more", "next_cursor"}
        assert (second["has_more"], second["next_cursor"]) == (False, None)

    async def test_a_page_has_a_number_too(self, admin: httpx2.AsyncClient) -> None:
        body = await listed(admin, "page=2&per_page=2&sort=email")

        assert [user["email"][0] for user in body["items"]] == ["c", "d"]
        assert (body["limit"], body["offset"]) == (2, 2)
        assert await letters(admin, "page=3&sort=email") == ""
        assert await letters(admin, "per_page=2&sort=email") == "ab"

    async def test_what_nobody_counts_is_left_out(self, admin: httpx2.AsyncClient) -> None:
        assert "total" not in await listed(admin, "count=none")

    async def test_ten_unless_said_and_never_more_than_the_largest(self, admin: httpx2.AsyncClient) -> None:
        assert (await listed(admin, ""))["limit"] == 10
        assert (await listed(admin, "limit=999999"))["limit"] == 5000

    async def test_v2_says_where_the_page_stands(self, admin: httpx2.AsyncClient) -> None:
        answer = await admin.get("/api/v2/users/?page=2&per_page=2&sort=email&filter[city__is_null]=false")

        body = answer.json()
        assert body["data"] == await listed(admin, "page=2&per_page=2&sort=email&filter[city__is_null]=false")
        assert body["meta"]["pagination"] == {
            "current_page": 2,
            "per_page": 2,
            "total_pages": 2,
            "total_items": 4,
        }
        links = body["meta"]["links"]
        assert links["next"] is None
        for name, found in (("first", "ab"), ("prev", "ab"), ("last", "de")):
            page = (await admin.get(links[name])).json()["data"]
            assert "".join(user["email"][0] for user in page["items"]) == found

    async def test_v2_links_the_next_page_by_cursor(self, admin: httpx2.AsyncClient) -> None:
        cursor = (await listed(admin, "limit=2&sort=email"))["next_cursor"]

        meta = (await admin.get(f"/api/v2/users/?limit=2&sort=email&cursor={cursor}")).json()["meta"]

        assert meta["pagination"] == {"per_page": 2}
        following = (await admin.get(meta["links"]["next"])).json()
        assert [user["email"][0] for user in following["data"]["items"]] == ["e", "z"]
        assert following["meta"]["links"]["next"] is None


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("filter[city]=Rome", "ad"),
            ("filter[city__in]=Rome,Bonn", "abd"),
            ('filter[city__in]=Rome,"Oslo, N"', "ade"),
            ("filter[city__in]=", ""),
            ("filter[city__is_null]=true", "cz"),
            ("filter[email__ilike]=B@EX", "b"),
            ("filter[email__ilike]=%25", ""),
            ("filter[full_name__ilike]=xub li", "b"),
            ("filter[full_name__search]=li -xub", "d"),
            ("filter[created_at__lt]=2026-03-01", "bcde"),
            ("filter[created_at__gte]=2026-03-01T12:00:00Z", "az"),
            ("filter[created_at__gte]=2026-03-01T13:00:00+01:00", "az"),
            ("filter[created_at__gte]=2026-03-01T13:00:00%2B01:00", "az"),
            ("filter[created_at__between]=2026-02-26,2026-02-28", "cd"),
            ("filter[created_at__date]=2026-02-27", "c"),
            ("filter[created_at__month]=2", "bcde"),
            ("filter[is_verified]=true&filter[is_superuser]=false", "de"),
            ("filter[meta__score__gte]=3", "de"),
            ("filter[meta__score__jsonb_in]=0,1", "ab"),
            ('filter[meta__tags__contains]=["a"]', "bcde"),
            ("filter[meta__tags__0]=a", "bcde"),
            ("filter[meta__has_key]=score", "abcde"),
        ],
    )
    async def test_what_is_found(self, admin: httpx2.AsyncClient, query: str, found: str) -> None:
        assert await letters(admin, f"sort=email&{query}") == found

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("sort=-email", "zedcba"),
            ("sort=city,-email", "bedazc"),
            ("sort=-city__nulls_first,email", "czadeb"),
            ("sort=-meta__score,email", "edcbaz"),
            ("sort=full_name", "abcdez"),
        ],
    )
    async def test_in_which_order(self, admin: httpx2.AsyncClient, query: str, found: str) -> None:
        assert await letters(admin, query) == found

    async def test_only_the_fields_that_are_asked_for(self, admin: httpx2.AsyncClient) -> None:
        body = await listed(admin, "fields=email,full_name,avatar_url,created_at&sort=email&limit=2")

        assert body["items"][1] == {
            "email": "b@example.com",
            "full_name": "XuB Li",
            "avatar_url": None,
            "created_at": "2026-02-28T12:00:00Z",
        }
        following = await listed(admin, f"fields=email&sort=email&cursor={body['next_cursor']}")
        assert following["items"][0] == {"email": "c@example.com"}

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("filter[emial]=x", "did you mean 'email'"),
            ("filter[password_hashed]=x", "Unknown column 'password_hashed'"),
            ("filter[photo]=x", "Unknown column 'photo'"),
            ("filter[id]=1", "Unknown column 'id'"),
            ("filter[is_deleted]=true", "Unknown column 'is_deleted'"),
            ("filter[email__regex]=x", "Unknown lookup on email 'regex'"),
            ("filter[is_active__gt]=true", "Unknown lookup on is_active 'gt'"),
            ("filter[is_active]=yes", "takes true or false"),
            ("filter[uuid]=x", "takes a UUID"),
            ("filter[created_at__year]=1.5", "takes a whole number"),
            ("filter[created_at__year]=99999999999999999999", "a whole number of 32 bits"),
            ("filter[created_at__gte]=yesterday", "takes a date and time"),
            ("filter[created_at__between]=2026-01-01", "two values"),
            ("filter[birthday]=2026-02-30", "takes a date"),
            ('filter[city__in]="a', "parted by commas"),
            ("filter[city]=%00", "takes text"),
            ("filter[meta__a__b__c__d__e__f__g__h__i]=1", "at most 8 parts"),
            ("filter[city]=a&filter[city]=b", "given twice"),
            ("filter[limit]=1", "Unknown column 'limit'"),
            ("filter=x", "Unknown parameter 'filter'"),
            ("filter[self]=1", "Unknown column 'self'"),
            ("filtr[city]=x", "Unknown parameter 'filtr[city]'"),
            ("limt=3", "did you mean 'limit'"),
            ("limit=-1", "limit is a whole number from 0"),
            ("limit=1e3", "limit is a whole number"),
            ("offset=" + "9" * 5000, "offset is a whole number"),
            ("page=0", "page is a whole number from 1"),
            ("page=1&limit=3", "A page is told by"),
            ("count=some", "There are: exact, none"),
            ("cursor=x", "begin again without one"),
            ("sort=city&cursor=", "begin again without one"),
            ("sort=emial", "did you mean 'email'"),
            ("sort=password_hashed", "Unknown column"),
            ("sort=street", "Unknown column 'street'"),
            ("sort=" + ",".join(["email"] * 9), "at most 8 keys"),
            ("fields=emial", "did you mean 'email'"),
            ("fields=password_hashed", "Unknown field"),
            ("fields=", "Unknown field"),
        ],
    )
    async def test_what_is_refused_names_what_is_allowed(
        self, admin: httpx2.AsyncClient, query: str, message: str
    ) -> None:
        answer = await admin.get(f"/api/v1/users/?{query}")

        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
        assert message in answer.json()["message"]


class TestDocument:
    async def test_every_filter_stands_in_it_with_its_type(self, client: httpx2.AsyncClient) -> None:
        document = (await client.get("/openapi.json")).json()

        shared = document["components"]["parameters"]
        named = [p["$ref"].rpartition("/")[2] for p in document["paths"]["/api/v1/users/"]["get"]["parameters"]]
        parameters = {shared[name]["name"]: shared[name] for name in named}
        schema = parameters["filter"]["schema"]
        assert parameters["filter"]["style"] == "deepObject"
        assert schema["properties"]["created_at__gte"] == {"type": "string", "format": "date-time"}
        assert schema["properties"]["is_active"] == {"type": "boolean"}
        declared = {(a.name if n == "e" else f"{a.name}__{n}") for a in USERS.allowed() for n in a.lookups}
        assert schema["properties"].keys() == declared
        assert parameters.keys() >= {"limit", "offset", "page", "per_page", "cursor", "count", "sort", "fields"}
        answer = document["paths"]["/api/v1/users/"]["get"]["responses"]["200"]["content"]["application/json"]
        assert "next_cursor" in str(document["components"]["schemas"][answer["schema"]["$ref"].rpartition("/")[2]])
