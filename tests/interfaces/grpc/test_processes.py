"""The door as a process of its own, as a supervisor sees it."""

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT
from asyncio.subprocess import Process as Child
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from grpc import aio

from src.app.application.dto.auth import SignedUpDTO
from src.app.config.settings import ROOT
from src.app.domain.common.exceptions import AppException
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.grpc.client import AlliumClient

Start = Callable[..., Awaitable[Child]]


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
async def start(environment: Mapping[str, str], port: int, tmp_path: Path) -> AsyncIterator[Start]:
    children: list[Child] = []
    heartbeat = tmp_path / "alive"

    async def started(*, is_ready: bool = True, **variables: str) -> Child:
        variables = {
            **os.environ,
            **environment,
            "GRPC_HOST": "127.0.0.1",
            "GRPC_PORT": str(port),
            "HEARTBEAT_FILE": str(heartbeat),
            **variables,
        }
        command = (sys.executable, "-m", "src.app.interfaces.grpc.server")
        child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=variables, stdout=PIPE, stderr=STDOUT)
        children.append(child)
        if is_ready:
            async with asyncio.timeout(20):
                while not heartbeat.exists():
                    assert child.returncode is None, (await child.communicate())[0].decode()
                    await asyncio.sleep(0.02)
        return child

    yield started
    for child in children:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def ended(child: Child) -> tuple[int | None, str]:
    async with asyncio.timeout(20):
        output, _ = await child.communicate()
    return child.returncode, output.decode()


class TestServer:
    async def test_a_call_in_flight_ends_before_the_process_does(
        self, start: Start, port: int, process: Process, ada: SignedUpDTO
    ) -> None:
        child = await start()
        async with AlliumClient(f"127.0.0.1:{port}", token=ada.access) as client:
            await client.users.get_user(ada.user.uuid)
            async with process.database.pool.acquire() as connection, connection.transaction():
                await connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
                in_flight = asyncio.create_task(client.users.get_user(ada.user.uuid))
                await asyncio.sleep(0.3)
                child.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.8)
                assert not in_flight.done()
                assert await self._refuses_new_calls(port)

            assert await in_flight == ada.user

        code, output = await ended(child)
        assert code == 0, output
        assert "Traceback" not in output

    async def test_a_taken_port_is_said_in_one_line(self, start: Start, port: int) -> None:
        await start()

        code, output = await ended(await start(is_ready=False))

        assert code == 1
        (line,) = output.strip().splitlines()
        assert f"cannot listen at 127.0.0.1:{port}" in line

    async def test_the_heartbeat_is_there_while_it_serves(self, start: Start, tmp_path: Path) -> None:
        child = await start()

        assert (tmp_path / "alive").exists()
        child.send_signal(signal.SIGINT)
        code, _ = await ended(child)
        assert code == 0
        assert not (tmp_path / "alive").exists()

    async def _refuses_new_calls(self, port: int) -> bool:
        async with AlliumClient(f"127.0.0.1:{port}", timeout=0.5) as late:
            try:
                await late.debug.ping()
            except AppException:
                return True
        return False


class TestSeveralProcesses:
    async def test_they_share_the_port_and_end_together(self, start: Start, port: int) -> None:
        child = await start(GRPC_PROCESSES="2")
        workers = self._children(child.pid)

        for _ in range(5):
            async with aio.insecure_channel(
                f"127.0.0.1:{port}", options=(("grpc.use_local_subchannel_pool", 1),)
            ) as channel:
                call = channel.unary_unary("/allium.debug.v1.DebugService/Ping", request_serializer=bytes)
                await call(b"", timeout=10, wait_for_ready=True)
        child.send_signal(signal.SIGTERM)
        code, output = await ended(child)

        assert len(workers) == 2
        assert code == 0, output
        assert output.count("gRPC serves at") == 2
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)

    async def test_they_do_not_share_it_with_strangers(self, start: Start, port: int) -> None:
        await start(GRPC_PROCESSES="2")

        code, output = await ended(await start(is_ready=False, GRPC_PROCESSES="2"))

        assert code == 1
        assert f"cannot listen at 127.0.0.1:{port}" in output

    async def test_when_one_ends_by_itself_all_end(self, start: Start) -> None:
        child = await start(GRPC_PROCESSES="2")

        os.kill(self._children(child.pid)[0], signal.SIGKILL)
        code, output = await ended(child)

        assert code == 1
        assert "ended by itself" in output

    async def test_they_end_when_their_parent_is_killed(self, start: Start) -> None:
        child = await start(GRPC_PROCESSES="2")
        workers = self._children(child.pid)

        child.kill()
        await ended(child)

        async with asyncio.timeout(10):
            while any(self._is_alive(worker) for worker in workers):
                await asyncio.sleep(0.05)

    def _children(self, pid: int) -> list[int]:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def _is_alive(self, pid: int) -> bool:
        try:
            return re.search(r"^State:\s+[^ZX]", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE) is not None
        except FileNotFoundError:
            return False
