"""Whatever stands in the query string of a list: a refusal that says what is allowed, or the right page."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from src.app.domain.common.contact import Email
from src.app.domain.users.value_objects.users_vob import FullName
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from tests.builders.users import NOW, PASSWORD
from tests.interfaces.api.conftest import Served

SQL = "'; DELETE FROM users; --"
INDIC = "%D9%A1%D9%A2"  # 12, in Arabic-Indic digits

# The client sees two users: a@example.com in Rome, and themselves, z@example.com.

REFUSED: dict[str, tuple[str, str]] = {
    # Parameters
    "an unknown one": ("q=x", "Unknown parameter 'q'"),
    "a misspelt one": ("limt=3", "did you mean 'limit'"),
    "one in capitals": ("LIMIT=3", "Unknown parameter 'LIMIT'"),
    "one without a name": ("=3", "Unknown parameter ''"),
    "one of JavaScript": ("__proto__[admin]=true", "Unknown parameter"),
    "a list of one": ("limit[]=3", "did you mean 'limit'"),
    "a mapping of one": ("sort[email]=desc", "Unknown parameter"),
    "a list of a filter": ("filter[city][]=Rome", "Unknown parameter 'filter[city][]'"),
    "a filter in a filter": ("filter[city][in]=Rome", "Unknown parameter 'filter[city][in]'"),
    "a filter of a thousand": ("filter" + "[a]" * 1_000 + "=1", "Unknown parameter"),
    "a filter of nothing": ("filter[]=Rome", "Unknown parameter 'filter[]'"),
    "a filter that nobody closes": ("filter[city=Rome", "Unknown parameter 'filter[city'"),
    "a filter that nobody opens": ("filtercity]=Rome", "Unknown parameter 'filtercity]'"),
    "a filter inside out": ("filter]city[=Rome", "Unknown parameter"),
    "a filter with brackets in it": ("filter[[city]]=Rome", "Unknown parameter"),
    "a filter with more behind": ("filter[city]x=Rome", "Unknown parameter"),
    "a filter with a dot": ("filter.city=Rome", "Unknown parameter"),
    "a filter in capitals": ("FILTER[city]=Rome", "Unknown parameter"),
    "a filter by itself": ("filter=city", "Unknown parameter 'filter'"),
    "a filter on a new line": ("filter[city]%0A=Rome", "Unknown parameter"),
    "the same filter twice": ("filter[city]=Rome&filter[city]=Bonn", "filter[city] is given twice"),
    "the same filter, written in two ways": ("filter[city]=Rome&filter%5Bcity%5D=Bonn", "given twice"),
    "the same limit twice": ("limit=1&limit=2", "limit is given twice"),
    "the same limit, a thousand times": ("limit=1&" * 1_000, "limit is given twice"),
    "semicolons": ("limit=1;offset=2", "limit is a whole number"),
    "a NUL in a name": ("lim%00it=1", "Unknown parameter"),
    # Columns and lookups
    "a misspelt column": ("filter[emial]=x", "did you mean 'email'"),
    "a space before a column": ("filter[+email]=x", "did you mean 'email'"),
    "a column in capitals": ("filter[Email]=x", "did you mean 'email'"),
    "a column of SQL": (f"filter[email{SQL}]=x", "Unknown column"),
    "a column of another table": ("filter[sessions.refresh_hash]=x", "Unknown column"),
    "a column of the system": ("filter[ctid]=(0,1)", "Unknown column 'ctid'"),
    "a hash": ("filter[password_hashed__like]=$2b", "Unknown column 'password_hashed'"),
    "whether there is a hash": ("filter[password_hashed__is_null]=true", "Unknown column 'password_hashed'"),
    "a hash beside another": ("filter[email]=x&filter[password_hashed]=x", "Unknown column 'password_hashed'"),
    "who was removed": ("filter[is_deleted]=true", "Unknown column 'is_deleted'"),
    "when who was removed": ("filter[deleted_at__is_null]=false", "Unknown column 'deleted_at'"),
    "a column that nobody filters by": ("filter[street]=x", "Unknown column 'street'"),
    "a column by its name inside": ("filter[photo__is_null]=true", "Unknown column 'photo'"),
    "an argument of Python": ("filter[self]=1", "Unknown column 'self'"),
    "a limit in a filter": ("filter[limit]=1", "Unknown column 'limit'"),
    "a column with a NUL": ("filter[email%00]=x", "A key is text"),
    "a misspelt lookup": ("filter[email__ilke]=x", "did you mean 'ilike'"),
    "a lookup that there is, but not here": ("filter[email__search]=x", "Unknown lookup on email 'search'"),
    "a lookup of another type": ("filter[is_active__like]=t", "Unknown lookup on is_active 'like'"),
    "a regular expression": ("filter[email__regex]=(a%2B)%2B$", "Unknown lookup on email 'regex'"),
    "a lookup of JSON on text": ("filter[email__jsonb_like]=x", "Unknown lookup on email"),
    "a path into text": ("filter[email__a__b]=x", "Unknown lookup on email 'b'"),
    "nine parts of a path": ("filter[meta__" + "__".join("abcdefghi") + "]=1", "at most 8 parts"),
    "an empty part of a path": ("filter[meta____a]=1", "no empty parts"),
    "a NUL in a path": ("filter[meta__%00]=1", "A key is text"),
    "fifty-one conditions": ("&".join(f"filter[meta__k{n}]=1" for n in range(51)), "at most 50 conditions"),
    # Values
    "a NUL in text": ("filter[city]=Ro%00me", "city takes text"),
    "a NUL in a list": ("filter[city__in]=Rome,%00", "city takes text"),
    "a NUL in a search": ("filter[full_name__search]=%00", "full_name takes text"),
    "a fraction": ("filter[birthday__year]=1.0", "takes a whole number"),
    "an exponent": ("filter[birthday__year]=1e3", "takes a whole number"),
    "hexadecimal": ("filter[birthday__year]=0x10", "takes a whole number"),
    "an underscore in a number": ("filter[birthday__year]=1_000", "takes a whole number"),
    "a space in a number": ("filter[birthday__year]=+1", "takes a whole number"),
    "other digits": (f"filter[birthday__year]={INDIC}", "takes a whole number"),
    "a minus of another kind": ("filter[birthday__year]=%E2%88%921", "takes a whole number"),
    "no number": ("filter[birthday__year]=", "takes a whole number"),
    "NaN": ("filter[birthday__day]=NaN", "takes a whole number"),
    "65 bits": ("filter[birthday__day]=9223372036854775808", "a whole number of 32 bits"),
    "33 bits": ("filter[birthday__month]=-2147483649", "a whole number of 32 bits"),
    "five thousand digits": (f"filter[birthday__year]={'9' * 5_000}", "takes a whole number"),
    "the year beyond 32 bits": ("filter[created_at__year]=99999999999", "a whole number of 32 bits"),
    "the month by its name": ("filter[created_at__month]=May", "takes a whole number"),
    "a capital truth": ("filter[is_active]=True", "takes true or false"),
    "a truth as a number": ("filter[is_active]=1", "takes true or false"),
    "no truth": ("filter[is_active]=", "takes true or false"),
    "a truth that is neither": ("filter[city__is_null]=null", "takes true or false"),
    "half a UUID": ("filter[uuid]=0190", "takes a UUID"),
    "a UUID with a sign": (f"filter[uuid]=%2B{'1' * 31}", "takes a UUID"),
    "a UUID with underscores": (f"filter[uuid]={'1_' * 15}11", "takes a UUID"),
    "a UUID in other digits": (f"filter[uuid]={'%EF%BC%91' * 32}", "takes a UUID"),
    "a UUID of SQL": (f"filter[uuid]={UUID(int=1)}{SQL}", "takes a UUID"),
    "a moment without its zone": ("filter[created_at__gte]=2026-01-01T00:00:00", "with its time zone"),
    "a moment before the first": ("filter[created_at__gte]=0001-01-01T00:00:00%2B14:00", "with its time zone"),
    "a moment after the last": ("filter[created_at__lt]=9999-12-31T23:59:59.999999-14:00", "with its time zone"),
    "a year of five digits": ("filter[created_at__gte]=10000-01-01T00:00:00Z", "with its time zone"),
    "infinity": ("filter[created_at__lt]=infinity", "with its time zone"),
    "now": ("filter[created_at__lt]=now", "with its time zone"),
    "seconds": ("filter[created_at__gt]=1767225600", "with its time zone"),
    "a day that is none": ("filter[birthday]=2026-02-30", "takes a date"),
    "the year 0": ("filter[birthday]=0000-01-01", "takes a date"),
    "a day of a week": ("filter[birthday]=2026-W01-1", "takes a date"),
    "a day in other digits": (f"filter[birthday]=20{INDIC}-01-01", "takes a date"),
    "a moment for a day": ("filter[birthday]=2026-01-01T00:00:00Z", "takes a date"),
    # Lists
    "one more than a list may have": (f"filter[city__in]={',' * 1_000}", "at most 1000 values"),
    "a thousand UUIDs of nothing": (f"filter[uuid__in]={',' * 1_000}", "parted by commas"),
    "a UUID among words": (f"filter[uuid__in]={UUID(int=1)},two", "takes a UUID, parted by commas"),
    "one bound": ("filter[birthday__between]=2026-01-01", "two values"),
    "three bounds": ("filter[birthday__between]=2026-01-01,2026-01-02,2026-01-03", "two values"),
    "two bounds of nothing": ("filter[birthday__between]=,", "takes a date"),
    "a quote that nobody closes": ('filter[city__in]="Rome', "parted by commas"),
    "a quote behind a quote": ('filter[city__in]="Ro"me', "parted by commas"),
    "a quote over the end": ('filter[city__in]="Rome","Bonn', "parted by commas"),
    "a line in a list": ("filter[city__in]=Rome%0ABonn", "parted by commas"),
    # JSON
    "NaN in JSON": ("filter[meta__a]=NaN", "meta takes JSON"),
    "infinity in JSON": ("filter[meta__a]=[-Infinity]", "meta takes JSON"),
    "more than a float in JSON": ("filter[meta__a]=1e999", "meta takes JSON"),
    "65 bits in JSON": ("filter[meta__a]=18446744073709551616", "meta takes JSON"),
    "a thousand digits in JSON": (f"filter[meta__a]={'9' * 1_000}", "meta takes JSON"),
    "a NUL in JSON": ('filter[meta__a]="%5Cu0000"', "meta takes JSON"),
    "a NUL in text for JSON": ("filter[meta__a]=%00", "meta takes JSON"),
    "a NUL in a key of JSON": ('filter[meta]={"%5Cu0000":1}', "meta takes JSON"),
    "half a character in JSON": ('filter[meta__a]="%5Cud800"', "meta takes JSON"),
    "five hundred lists deep": (f"filter[meta__a]={'[' * 500}{']' * 500}", "meta takes JSON"),
    "five hundred mappings deep": ("filter[meta__a]=" + '{"":' * 150 + "1" + "}" * 150, "meta takes JSON"),
    "JSON longer than it may be": (f"filter[meta__a]=[{'0,' * 500}0]", "takes JSON"),
    "a list to be more than": ("filter[meta__a__gt]=[1]", "neither a number nor text"),
    "a truth to be more than": ("filter[meta__a__gt]=true", "neither a number nor text"),
    "null to be more than": ("filter[meta__a__gt]=null", "neither a number nor text"),
    "one bound in JSON": ("filter[meta__a__between]=1", "two values"),
    "a NUL for a key": ("filter[meta__has_key]=%00", "meta takes text"),
    # Where the page stands
    "a limit below nothing": ("limit=-1", "limit is a whole number from 0"),
    "a limit with a plus": ("limit=%2B1", "limit is a whole number from 0"),
    "a limit with a space": ("limit=+1", "limit is a whole number from 0"),
    "a limit with a fraction": ("limit=1.0", "limit is a whole number from 0"),
    "a limit in other digits": (f"limit={INDIC}", "limit is a whole number from 0"),
    "a limit of SQL": (f"limit=1{SQL}", "limit is a whole number from 0"),
    "a limit of nothing": ("limit=", "limit is a whole number from 0"),
    "a limit of thirteen digits": ("limit=1000000000000", "limit is a whole number from 0"),
    "an offset below nothing": ("offset=-1", "offset is a whole number from 0"),
    "an offset beyond 64 bits": ("offset=9223372036854775808", "offset is a whole number from 0"),
    "the page before the first": ("page=0", "page is a whole number from 1"),
    "pages of nothing": ("per_page=0", "per_page is a whole number from 1"),
    "a page and an offset": ("page=1&offset=0", "A page is told by"),
    "a page and a cursor": ("page=1&cursor=x", "A page is told by"),
    "a cursor and an offset": ("cursor=x&offset=1", "not at both"),
    "a count that is none": ("count=maybe", "There are: exact, none"),
    "a count of nothing": ("count=", "There are: exact, none"),
    # Orders and fields
    "a misspelt order": ("sort=emial", "did you mean 'email'"),
    "an order by a hash": ("sort=-password_hashed", "Unknown column 'password_hashed'"),
    "an order by what has none": ("sort=phone", "Unknown column 'phone'"),
    "an order of SQL": (f"sort=email{SQL}", "Unknown column"),
    "an order of an expression": ("sort=(SELECT+1)", "Unknown column"),
    "an order with its direction": ("sort=email+desc", "did you mean 'email'"),
    "an order of nothing": ("sort=", "Unknown column ''"),
    "an order of commas": ("sort=,,,", "Unknown column ''"),
    "an order with a comma too many": ("sort=email,", "Unknown column ''"),
    "an order of a minus": ("sort=-", "Unknown column ''"),
    "an order of two minuses": ("sort=--email", "did you mean 'email'"),
    "an order of nine keys": (f"sort={','.join(['email'] * 9)}", "at most 8 keys"),
    "a misspelt place of nulls": ("sort=city__nulls_frist", "did you mean 'nulls_first'"),
    "an order by a path of text": ("sort=email__a", "There are: nulls_first, nulls_last"),
    "an order by nine parts": ("sort=meta__" + "__".join("abcdefghi"), "at most 8 parts"),
    "an order with a NUL": ("sort=email%00", "A key is text"),
    "a misspelt field": ("fields=emial", "did you mean 'email'"),
    "the field of a hash": ("fields=email,password_hashed", "Unknown field 'password_hashed'"),
    "a field by its name inside": ("fields=photo", "Unknown field 'photo'"),
    "the field of everything": ("fields=*", "Unknown field '*'"),
    "a field of SQL": ("fields=count(*)", "Unknown field"),
    "a field of a path": ("fields=meta__a", "Unknown field"),
    "a field with a NUL": ("fields=email%00", "Unknown field"),
    "a field of nothing": ("fields=", "Unknown field ''"),
    # Cursors
    "a cursor of nothing": ("cursor=", "begin again without one"),
    "a cursor of SQL": (f"cursor={SQL}", "begin again without one"),
    "a cursor of other characters": ("cursor=%F0%9F%98%80", "begin again without one"),
    "a cursor of no characters": ("cursor=%FF%FE", "begin again without one"),
    "a cursor with a NUL": ("cursor=%00", "begin again without one"),
    "a cursor of garbage": (f"cursor={'QUJD' * 20}", "begin again without one"),
    "a cursor of a position": ("cursor=WzEsMl0", "begin again without one"),
}

TOO_LONG: dict[str, str] = {
    "a megabyte of a name": "x" * 1_000_000 + "=1",
    "fifty thousand names": "x=1&" * 50_000,
    "a megabyte of brackets": "filter" + "[" * 1_000_000,
    "two hundred kilobytes of percents": "%" * 200_000,
    "a column of ten thousand letters": f"filter[{'a' * 10_000}]=x",
    "ten thousand conditions": "&".join(f"filter[meta__k{n}]=1" for n in range(10_000)),
    "ten thousand letters and one": f"filter[city]={'a' * 10_001}",
    "a megabyte of text": f"filter[city__ilike]={'%25' * 333_333}",
    "ten thousand words": f"filter[full_name__search]={'word+' * 10_000}",
    "half a million": f"filter[city__in]={'a,' * 500_000}",
    "a quoted text too long for a list": f'filter[city__in]="{"a" * 200_000}"',
    "a megabyte of JSON": f"filter[meta__contains]={'[' * 1_000_000}",
    "a limit of a megabyte": f"limit={'9' * 1_000_000}",
    "an order of a hundred thousand keys": f"sort={','.join(['email'] * 100_000)}",
    "a megabyte of a field": f"fields={'x' * 1_000_000}",
    "a cursor of a megabyte": f"cursor={'A' * 1_000_000}",
}

ANSWERED: dict[str, tuple[str, str]] = {
    "nothing": ("", "az"),
    "ampersands": ("&" * 8_000, "az"),
    "brackets that are written out": ("filter%5Bcity%5D=Rome", "a"),
    "a name that is written out": ("%66ilter[%63ity]=%52ome", "a"),
    "SQL in a value": (f"filter[city]={SQL}", ""),
    "an or in a value": ("filter[city]=' OR '1'='1", ""),
    "SQL in a path": ("filter[meta__a' OR 1%3D1 --]=1", ""),
    "SQL in the path of an order": ("sort=meta__a' DESC --,email", "az"),
    "a value of nothing": ("filter[city]=", ""),
    "a filter without a value": ("filter[city]", ""),
    "two ways to be equal": ("filter[city]=Rome&filter[city__e]=Bonn", ""),
    "no UTF-8": ("filter[city]=%FF%FE", ""),
    "half a character": ("filter[city__ilike]=%ED%A0%80", ""),
    "a NUL in two bytes": ("filter[city]=%C0%80", ""),
    "bytes as they are": ("filter[city]=R\xf6m", ""),
    "a percent that is none": ("filter[city__ilike]=%zz", ""),
    "from right to left": ("filter[city]=%E2%80%AEemoR", ""),
    "a percent to find": ("filter[city__ilike]=%25", ""),
    "a backslash to find": ("filter[city__like]=%5C", ""),
    "nothing but percents": (f"filter[city__not_ilike]={'%25' * 2_500}", "a"),
    "a search of quotes": ("filter[full_name__search]=%22%22%22%22%22", ""),
    "a search of operators": ("filter[full_name__search]=OR+%26+%7C+%21+:*", ""),
    "a search of thousands of words": (f"filter[full_name__search]={'a+' * 3_500}", ""),
    "a plus in a number": ("filter[birthday__year]=%2B2026", ""),
    "the largest number": ("filter[birthday__year]=2147483647", ""),
    "a month that is none": ("filter[created_at__month]=13", ""),
    "the last moment": ("filter[created_at__lte]=9999-12-31T23:59:59.999999Z", "az"),
    "a zone, written out": ("filter[created_at__gte]=2026-01-01T00:00:00%2B14:00", "az"),
    "a thousand values": (f"filter[city__in]={'Rome,' * 999}", "a"),
    "commas": ("filter[city__in]=,,,", ""),
    "no values": ("filter[city__not_in]=", "a"),
    "a quote in quotes": ('filter[city__in]="Ro""me",Rome', "a"),
    "a line in quotes": ('filter[city__in]="Ro%0Ame"', ""),
    "another quote": ("filter[city__in]='Rome,Bonn'", ""),
    "bounds the wrong way round": ("filter[birthday__between]=2026-12-31,2026-01-01", ""),
    "JSON that nobody closes": ("filter[meta__a]=[[[[", ""),
    "a key of JSON twice": ('filter[meta]={"score":2,"score":1}', "a"),
    "five hundred nodes": (f"filter[meta__a__ne]=[{'0,' * 498}0]", ""),
    "a key of JavaScript": ("filter[meta___proto]=1", ""),
    "a limit above all": ("limit=999999999999", "az"),
    "no rows": ("limit=0", ""),
    "far behind": ("offset=999999999999", ""),
    "the last page there could be": ("page=999999999999&per_page=5000", ""),
    "a space before an order": ("sort=+email", "az"),
    "the same order eight times": (f"sort={','.join(['email'] * 8)}", "az"),
    "the same field a thousand times": (f"fields={','.join(['email'] * 1_000)}", "az"),
}


@pytest.fixture
async def token(process: Process, client: httpx2.AsyncClient) -> str:
    """Return what signs the superadmin in."""
    row = {"uuid": uuid4(), "email": "a@example.com", "first_name": "Ada", "city": "Rome", "meta": {"score": 1}}
    await UsersPSQLRepository(process.database).create({**row, "created_at": NOW})
    email = "z@example.com"
    await process.container.users_service.ensure_superadmin(
        email=Email(email), password=PASSWORD, name=FullName("Zoe", "Zed")
    )
    answer = await client.post("/api/v1/auth/tokens/", json={"email": email, "password": PASSWORD})
    return str(answer.json()["access"])


async def get(served: Served, token: str, query: str, *, version: str = "v1") -> tuple[int, Any]:
    """Ask with these very bytes, which a client of HTTP would write in its own way."""
    path = f"/api/{version}/users/"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode("latin-1"),
        "headers": [(b"host", b"allium.test"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("192.0.2.7", 4711),
        "server": ("allium.test", 80),
        "state": {},
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await served(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], json.loads(body)


async def state_of(process: Process) -> str:
    return str(await process.database.pool.fetchval("SELECT json_agg((u.xmin, u) ORDER BY u.id) FROM users AS u"))


class TestCorpus:
    def test_it_does_not_shrink(self) -> None:
        queries = [query for query, _ in (*REFUSED.values(), *ANSWERED.values())]

        assert len({*queries, *TOO_LONG.values()}) == len(queries) + len(TOO_LONG) >= 220


class TestEveryQuery:
    @pytest.mark.parametrize(("query", "message"), REFUSED.values(), ids=REFUSED)
    async def test_that_cannot_be_is_refused(
        self, process: Process, served: Served, token: str, query: str, message: str
    ) -> None:
        before = await state_of(process)

        async with asyncio.timeout(5):
            status, body = await get(served, token, query)
            await asyncio.sleep(0.001)  # Who kept the loop from running is told only now.

        assert (status, body["error"]["code"]) == (422, "VALIDATION_ERROR")
        assert message in body["message"]
        assert len(json.dumps(body)) < 5_000
        assert await state_of(process) == before

    @pytest.mark.parametrize("query", TOO_LONG.values(), ids=TOO_LONG)
    async def test_that_is_too_long_is_not_read(self, served: Served, token: str, query: str) -> None:
        async with asyncio.timeout(5):
            status, body = await get(served, token, query)
            await asyncio.sleep(0.001)

        assert (status, body["error"]["code"]) == (414, "URI_TOO_LONG")

    @pytest.mark.parametrize(("query", "found"), ANSWERED.values(), ids=ANSWERED)
    async def test_that_can_be_is_answered(
        self, process: Process, served: Served, token: str, query: str, found: str
    ) -> None:
        before = await state_of(process)

        async with asyncio.timeout(5):
            first = await get(served, token, f"{query}&sort=email" if "sort=" not in query else query)
            second = await get(served, token, query, version="v2")
            await asyncio.sleep(0.001)

        assert (first[0], "".join(user["email"][0] for user in first[1]["items"])) == (200, found)
        assert second[0] == 200
        assert second[1]["meta"]["links"]["first"].startswith("/api/v2/users/")
        assert await state_of(process) == before
