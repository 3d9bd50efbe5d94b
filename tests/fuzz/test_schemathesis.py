"""Schemathesis asks a running server all that the document allows and forbids, and compares the answers with it.

pytest tests/fuzz                                   # in every run: few examples, always the same
pytest --hypothesis-profile=nightly tests/fuzz      # 200 for each operation, and others each time
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import httpx2
import hypothesis
import pytest

from src.app.application.dto.fields import parse_email
from src.app.config.settings import ROOT
from src.app.domain.users.value_objects.users_vob import FullName
from src.app.infrastructure.bootstrap import Process
from src.local.ports import free_port
from tests.builders.users import PASSWORD, a_new_user
from tests.builders.waiting import until_ready

PEOPLE = ("ada", "grace")
SUPERADMIN = "admin"
EXAMPLES = {"ci": 5, "nightly": 200}


@pytest.fixture
async def api(process: Process, environment: Mapping[str, str], tmp_path: Path) -> AsyncIterator[str]:
    """Serve on a port as in production, but for the limits, and say where."""
    port = free_port()
    variables = {
        "PATH": os.environ["PATH"],
        **environment,
        "ACCESS_TOKEN_EXPIRES_MINUTES": "600",
        "API_PORT": str(port),
        "WEB_CONCURRENCY": "1",
    }
    command = (
        "-m",
        "gunicorn",
        "-c",
        "src/app/interfaces/cli/gunicorn_config.py",
        "src.app.interfaces.cli.main:app",
    )
    with (tmp_path / "api.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, env=variables, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient(base_url=url) as client:
        try:
            await until_ready(client)
            yield url
        finally:
            server.terminate()
            await server.wait()


@pytest.fixture
async def identities(process: Process, tmp_path: Path) -> Path:
    """Make two ordinary people and a superadmin, and write down how they sign in."""
    users = process.container.users_service
    for name in PEOPLE:
        await users.create_user_by_email(a_new_user(email=f"{name}@example.com", password=PASSWORD))
    await users.ensure_superadmin(
        email=parse_email(f"{SUPERADMIN}@example.com"), password=PASSWORD, name=FullName("Grand", "Admin")
    )
    path = tmp_path / "identities.json"
    path.write_text(json.dumps({"auth": [signing_in(name) for name in (*PEOPLE, SUPERADMIN)]}))
    return path


def signing_in(name: str) -> dict[str, object]:
    """Return how somebody gets a token, as Web Fuzzing Commons writes it."""
    return {
        "name": name,
        "loginEndpointAuth": {
            "endpoint": "/api/v1/auth/tokens/",
            "verb": "POST",
            "contentType": "application/json",
            "payloadRaw": json.dumps({"email": f"{name}@example.com", "password": PASSWORD}),
            "token": {
                "extractFrom": "body",
                "extractSelector": "/access",
                "sendIn": "header",
                "sendName": "Authorization",
                "sendTemplate": "Bearer {token}",
            },
        },
    }


class TestTheDocumentIsTrue:
    @pytest.mark.parametrize("name", [PEOPLE[0], SUPERADMIN])
    async def test_for(
        self, name: str, api: str, identities: Path, tmp_path: Path, record_property: Callable[[str, object], None]
    ) -> None:
        profile = hypothesis.settings.get_current_profile_name()
        command = [
            *("--no-color", "--config-file", str(ROOT / "tests/fuzz/schemathesis.toml")),
            *("run", f"{api}/openapi.json", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", str(EXAMPLES.get(profile, EXAMPLES["ci"])), "--continue-on-failure"),
            # The same each time, so that a change is judged by itself, and not by its luck.
            *(() if profile == "nightly" else ("--seed", "1", "--generation-deterministic")),
        ]
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "FUZZ_IDENTITIES": str(identities),
            "FUZZ_AS": name,
        }

        asking = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("st")),
            *command,
            cwd=tmp_path,
            env=variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told = (await asking.communicate())[0].decode()

        assert asking.returncode == 0, told
        asked = re.search(r"([0-9]+) generated", told)
        assert asked is not None, told
        record_property("requests", int(asked[1]))
