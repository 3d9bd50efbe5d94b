"""Runs programs side by side until one of them ends or somebody asks to stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from src.local.ports import answers
from src.local.processes import ProcessIdentity, kill, last_lines, spawn
from src.local.signals import StopSignals


class ProgramDiedError(Exception):
    """A program ended that should have gone on; the message names it and holds its last lines."""


@dataclass(frozen=True)
class Program:
    """A child process as data: what to run, and how one sees that it is ready."""

    name: str
    command: Sequence[str]
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    why_not: Callable[[], str] = lambda: ""
    """What it says itself about not being ready, for who has waited in vain."""


class HealthPage:
    """A page that answers 200 when its program is ready, and else says what is missing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._answer = ""

    def is_ok(self) -> bool:
        parts = urlsplit(self._url)
        connection = HTTPConnection(parts.netloc, timeout=2)
        try:
            connection.request("GET", parts.path)
            response = connection.getresponse()
            self._answer = f"answers {response.status}: {response.read().decode(errors='replace')}"
        except (OSError, HTTPException):
            self._answer = "does not answer"
            return False
        finally:
            connection.close()
        return response.status == HTTPStatus.OK

    def why_not(self) -> str:
        """Return what the page answered when it was last asked."""
        return f"{self._url} {self._answer}"


def exists(path: Path) -> Callable[[], bool]:
    """Ready when the program has made this file; remove an old one before."""
    return path.exists


def listens(host: str, port: int) -> Callable[[], bool]:
    """Ready when a connection is accepted."""
    return lambda: answers(host, port)


class Supervisor:
    """The programs of one run; their output lies in `<logs>/<name>.log`."""

    def __init__(
        self,
        *,
        root: Path,
        logs: Path,
        environment: Mapping[str, str],
        signals: StopSignals,
        on_start: Callable[[ProcessIdentity], None] = lambda _: None,
    ) -> None:
        """`on_start` hears of each process as soon as it lives."""
        self._root = root
        self._logs = logs
        self._environment = environment
        self._signals = signals
        self._on_start = on_start
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._running.items()}

    def run_once(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end.

        Raises:
            ProgramDiedError: it failed.
        """
        process = self._start(name, command, {})
        while process.poll() is None:
            self._signals.pause(0.02)
        del self._running[name]
        if process.returncode != 0:
            raise ProgramDiedError(self._obituary(name, process.returncode))

    def start(
        self, programs: Sequence[Program], *, patience: float, on_ready: Callable[[str], None] = lambda _: None
    ) -> None:
        """Start all side by side, and return when every one is ready.

        Raises:
            ProgramDiedError: one ended, or was not ready in time.
        """
        for program in programs:
            self._start(program.name, program.command, program.environment)
        began = time.monotonic()
        waiting = list(programs)
        while waiting:
            # To ask is work for who is asked, and it has enough to do while it starts.
            self._signals.pause(0.05 if time.monotonic() < began + 1 else 0.25)
            self.check()
            for program in [program for program in waiting if program.is_ready()]:
                waiting.remove(program)
                on_ready(program.name)
            if waiting and time.monotonic() > began + patience:
                raise ProgramDiedError(self._unready(waiting[0], patience))

    def check(self) -> None:
        """Look whether all are alive.

        Raises:
            ProgramDiedError: one is not.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ProgramDiedError(self._obituary(name, process.returncode))

    def stop(self, *, patience: float) -> None:
        """Ask all to stop and wait; kill what takes longer, or at a second Ctrl-C."""
        for process in self._running.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + patience
        while any(process.poll() is None for process in self._running.values()):
            if time.monotonic() > deadline or self._signals.insist:
                break
            time.sleep(0.02)
        for process in self._running.values():
            kill(process)
        self._running.clear()

    def _start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        log = os.open(self._log(name), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            process = spawn(
                command,
                cwd=self._root,
                environment={**self._environment, **environment},
                output=log,
            )
        finally:
            os.close(log)
        self._running[name] = process
        if identity := ProcessIdentity.of(process.pid):
            self._on_start(identity)
        return process

    def _obituary(self, name: str, status: int) -> str:
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return f"{name} {how}. {self._last_words(name)}"

    def _unready(self, program: Program, patience: float) -> str:
        lines = [f"{program.name} was not ready within {patience:.0f} s.", program.why_not()]
        return "\n".join([*filter(None, lines), self._last_words(program.name)])

    def _last_words(self, name: str) -> str:
        lines = last_lines(self._log(name))
        return f"Its last lines ({self._log(name)}):\n{lines}" if lines else "It said nothing."

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


class LogTail:
    """Prints what is appended to log files from now on, each line with the name of its program.

    The programs write into files and not into a pipe, so that they can finish their work
    and say so even when the launcher was killed.
    """

    def __init__(self, logs: Mapping[str, Path]) -> None:
        self._width = max(map(len, logs), default=0)
        self._files = {name: path.open("rb") for name, path in logs.items()}
        self._rest = dict.fromkeys(logs, b"")
        for file in self._files.values():
            file.seek(0, os.SEEK_END)

    def print_new(self) -> None:
        for name, file in self._files.items():
            *lines, self._rest[name] = (self._rest[name] + file.read()).split(b"\n")
            for line in lines:
                print(f"{name:<{self._width}} | {line.decode(errors='replace')}")
        sys.stdout.flush()

    def close(self) -> None:
        for file in self._files.values():
            file.close()
