"""Connections that dawdle, send what is no HTTP, or do not take their answer; over real sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from src.app.interfaces.api import wire
from src.app.interfaces.api.wire import PatientProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = 8 * 1024 * 1024

heard: list[str] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = b"x" * LARGE if scope["path"] == "/large" else b"ok"
    if scope["method"] == "POST":
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message["body"] + b"|" + b",".join(name for name, _ in scope["headers"])
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/later":
        await receive()
        heard.append((await receive())["type"])
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(wire, "TAKING_SECONDS", 0.3)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening


@pytest.fixture
async def port(listening: socket.socket) -> AsyncIterator[int]:
    config = uvicorn.Config(
        app, http=PatientProtocol, loop="none", lifespan="off", log_config=None, timeout_keep_alive=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    await serving


async def said(port: int, *parts: bytes, pause: float = 0.0, within: float = 5.0) -> bytes:
    """Send the parts, and return all that is answered until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
        try:
            return await asyncio.wait_for(reader.read(), within)
        except ConnectionError:
            return b"reset"
    finally:
        writer.close()


class TestHead:
    @pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-A"])
    async def test_one_that_does_not_end_is_not_waited_for(self, port: int, begun: bytes) -> None:
        assert await said(port, begun) in {b"", b"reset"}

    async def test_one_that_comes_byte_by_byte_is_not_waited_for(self, port: int) -> None:
        assert b"200 OK" not in await said(port, *(bytes([byte]) for byte in REQUEST), pause=0.03)

    async def test_the_second_of_a_connection_is_not_waited_for_either(self, port: int) -> None:
        answers = await said(port, REQUEST, REQUEST, b"GET /", pause=0.1)

        assert answers.count(b"200 OK") == 2

    async def test_empty_lines_keep_no_connection(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        await reader.readuntil(b"ok")

        async with asyncio.timeout(5):  # five times what an idle connection is kept
            with suppress(ConnectionError):
                while not reader.at_eof():
                    writer.write(b"\r\n")
                    await asyncio.sleep(0.1)
        writer.close()

    async def test_an_endless_one_is_refused(self, port: int) -> None:
        answer = await said(port, b"GET / HTTP/1.1\r\n", *[b"X-A: " + b"a" * 8000 + b"\r\n"] * 50)

        assert answer == b"reset" or b" 431 " in answer

    async def test_a_prompt_one_is_answered(self, port: int) -> None:
        answer = await said(port, REQUEST[:9], REQUEST[9:], pause=0.1)

        assert answer.startswith(b"HTTP/1.1 200 OK")


class TestBody:
    async def test_a_head_after_it_has_its_own_length(self, port: int) -> None:
        upload = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"a" * 60_000

        answers = await said(port, upload + REQUEST[:9], REQUEST[9:], pause=0.1)

        assert answers.count(b"200 OK") == 2

    async def test_trailers_are_no_headers(self, port: int) -> None:
        answer = await said(port, CHUNKED + b"2\r\n{}\r\n0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")

        assert answer.endswith(b"{}|host,transfer-encoding")

    @pytest.mark.parametrize("begun", [b"0\r\nX-A: ", b"0\r\n", b"2;"])
    async def test_what_is_sent_beside_it_has_an_end(self, port: int, begun: bytes) -> None:
        answer = await said(port, CHUNKED + begun, *[b"X-A: " + b"a" * 8000 + b"\r\n"] * 50)

        assert answer == b"reset" or b" 431 " in answer or b" 400 " in answer

    async def test_it_belongs_to_its_request_whatever_protocol_that_asks_for(self, port: int) -> None:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n"

        answer = await said(port, head % len(REQUEST), REQUEST, REQUEST, pause=0.1)

        assert answer.count(b"200 OK") == 2
        assert REQUEST + b"|host,connection,upgrade,content-length" in answer


class TestRequestsInAdvance:
    async def test_as_many_as_are_kept_are_answered(self, port: int) -> None:
        answers = await said(port, REQUEST * (wire.MAX_PIPELINED + 50))

        assert answers.count(b"200 OK") == wire.MAX_PIPELINED + 1

    async def test_nonsense_after_one_is_not_answered_in_its_place(self, port: int) -> None:
        answers = await said(port, REQUEST + b"nonsense\r\n\r\n")

        assert answers.startswith(b"HTTP/1.1 200 OK")
        assert b" 400 " not in answers

    async def test_each_is_told_that_the_client_has_left(self, port: int) -> None:
        heard.clear()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n" + REQUEST)
        await asyncio.sleep(0.1)
        writer.transport.abort()
        await asyncio.sleep(0.5)

        assert heard == ["http.disconnect"]


async def test_a_url_without_end_is_told_so(port: int) -> None:
    assert b" 414 " in await said(port, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"])
async def test_what_is_no_http_is_answered_as_any_error(port: int, nonsense: bytes) -> None:
    head, _, body = (await said(port, nonsense)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 Bad Request")
    told = json.loads(body)
    assert told["error"]["code"] == "BAD_REQUEST"
    assert f"x-request-id: {told['meta']['request_id']}".encode() in head
    assert b"x-api-version: v1" in head
    assert b"x-content-type-options: nosniff" in head


class TestReader:
    async def test_one_that_takes_nothing_is_cut_off(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(1.5)

        taken = b""
        with suppress(ConnectionError):
            taken = await reader.read(-1)
        assert len(taken) < LARGE
        writer.close()

    async def test_one_that_is_slow_gets_it_all(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=64 * 1024)
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        taken = 0
        while part := await reader.read(256 * 1024):
            taken += len(part)
            await asyncio.sleep(0.02)

        assert taken > LARGE
        writer.close()
