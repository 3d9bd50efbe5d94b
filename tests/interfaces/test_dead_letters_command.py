"""`allium dead-letters`, as a person at a terminal has it."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from src.app.config.settings import ROOT
from src.app.infrastructure.bootstrap import Process
from tests.application.test_dead_letters_service import parked, states


class Terminal:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {"PATH": os.environ["PATH"], **environment}

    async def run(self, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
        command = (sys.executable, "-m", "src.app.interfaces.cli", "dead-letters", *arguments)
        pipe = asyncio.subprocess.PIPE
        running = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=self._environment, stdin=pipe, stdout=pipe, stderr=pipe
        )
        out, err = await running.communicate(given)
        return running.returncode or 0, out.decode(), err.decode()

    async def lines(self, *arguments: str) -> list[dict[str, Any]]:
        status, out, err = await self.run(*arguments)
        assert status == 0, err
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def terminal(environment: Mapping[str, str]) -> Terminal:
    return Terminal(environment)


async def test_from_a_dead_letter_to_its_replay(terminal: Terminal, process: Process) -> None:
    uuid = str(await parked(process, "a", event="user.deactivate"))
    await parked(process, "b", event="user.update")

    [listed] = await terminal.lines("list", "event=user.deactivate", "state=dead")
    await terminal.run("edit", uuid, given=b'{"event": "user.deactivate", "data": {"uuid": "nobody"}}')
    [shown] = await terminal.lines("show", uuid)
    [rehearsed] = await terminal.lines("dry-run", uuid)
    _, told, _ = await terminal.run("replay", "key=a")

    assert (listed["uuid"], listed["reason"], "body" in listed) == (uuid, "ALREADY_EXISTS", False)
    assert json.loads(shown["body"])["data"] == {"uuid": "nobody"}
    assert rehearsed["error"].startswith("invalid_payload")
    assert told == "1 will be tried again\n"
    assert await states(process) == ["waiting", "dead"]


async def test_what_is_wrong_is_said_in_a_line(terminal: Terminal, process: Process) -> None:
    for arguments, said in [
        (("show", "01a1ffe9-4eac-7496-9caa-8688c5202663"), "not found"),
        (("replay",), "Say which"),
        (("list", "emial=x"), "Unknown"),
        (("replay", "key=a", "limit=1"), "Unknown"),
        (("edit", "01a1ffe9-4eac-7496-9caa-8688c5202663", "--body", "/nowhere"), "No such file"),
    ]:
        status, _, err = await terminal.run(*arguments)
        assert status == 1, arguments
        assert said in err
        assert "Traceback" not in err
    assert await states(process) == []


async def test_all_conditions_count_also_two_of_one_name(terminal: Terminal, process: Process) -> None:
    await parked(process, "a")

    _, told, _ = await terminal.run("replay", "key=b", "key=a")

    assert told == "0 will be tried again\n"
