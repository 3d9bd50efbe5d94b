"""Clients that are generated from the document and checked by their compilers talk to the service."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from src.app.config.settings import ROOT
from src.app.domain.common.contact import Email
from src.app.domain.users.value_objects.users_vob import FullName
from src.app.infrastructure.bootstrap import Process
from src.local.node import NODE, packages
from tests.builders.users import PASSWORD, an_email
from tests.interfaces.api.conftest import Served

HERE = Path(__file__).parent
DOCUMENT = ROOT / "docs" / "api" / "openapi.json"
CACHE = ROOT / ".mypy_cache" / "clients"

Command = list[str | Path]


@pytest.fixture
async def address(served: Served, process: Process) -> AsyncIterator[str]:
    """Return where the service listens, on a real socket."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(served.app, loop="none", log_config=None, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def superadmin(process: Process) -> tuple[str, str]:
    email = an_email()
    await process.container.users_service.ensure_superadmin(
        email=Email(email), password=PASSWORD, name=FullName("Grace", "Hopper")
    )
    return email, PASSWORD


async def done(*command: str | Path, cwd: Path) -> None:
    """Run a command to its end, beside the server; it succeeds, or the test says what it said."""
    running = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await running.communicate()
    assert running.returncode == 0, said.decode()


async def test_a_client_in_typescript(address: str, superadmin: tuple[str, str], tmp_path: Path) -> None:
    installed = await asyncio.to_thread(packages)
    (tmp_path / "node_modules").symlink_to(installed)
    for name in ("story.mts", "tsconfig.json"):
        shutil.copy(HERE / name, tmp_path)
    tools = installed / ".bin"
    # A default is what the service fills in: the client need not send it.
    generate: Command = [
        tools / "openapi-typescript",
        DOCUMENT,
        "-o",
        "schema.d.ts",
        "--default-non-nullable",
        "false",
    ]

    await done(NODE, *generate, cwd=tmp_path)
    await done(NODE, tools / "tsc", cwd=tmp_path)
    await done(NODE, "story.mts", address, *superadmin, cwd=tmp_path)


async def test_a_client_in_python(address: str, superadmin: tuple[str, str], tmp_path: Path) -> None:
    for name in ("story.py", "mypy.ini"):
        shutil.copy(HERE / name, tmp_path)
    generate: Command = ["-m", "openapi_python_client", "generate", "--path", DOCUMENT, "--fail-on-warning"]
    package = ["--meta", "none", "--output-path", "allium_client"]

    await done(sys.executable, *generate, *package, cwd=tmp_path)
    await done(sys.executable, "-m", "mypy", "--cache-dir", CACHE, "story.py", "allium_client", cwd=tmp_path)
    await done(sys.executable, "story.py", address, *superadmin, cwd=tmp_path)
