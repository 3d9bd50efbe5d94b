"""A checkout with a launcher in it, as a person at a terminal has it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from src.local.processes import ProcessIdentity

_REPOSITORY = Path(__file__).resolve().parents[2]
_OURS = ("DB_", "REDIS_", "CELERY_", "MESSAGE_BROKER_URL", "API_PORT", "GRPC_", "SECRET_KEY", "SUPERADMIN_")


class Launched:
    """A running launcher."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        self.output = root / f"output-{time.monotonic_ns()}.txt"
        self._before = _written(root)
        self._stream = self.output.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.local.launch", str(root), *arguments],
            cwd=_REPOSITORY,
            env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
            stdout=self._stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def ready(self) -> "State":
        """Wait until the run says that it is ready."""
        eventually(lambda: _written(self.root) not in (0, self._before) or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()
        return State(json.loads((self.root / ".local" / "run.json").read_text()))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        status = self.process.wait(60)
        self._stream.close()
        return status

    def said(self) -> str:
        return self.output.read_text()


@dataclass(frozen=True)
class State:
    """What `run.json` says."""

    values: dict[str, Any]

    @property
    def identities(self) -> dict[str, ProcessIdentity]:
        pids: dict[str, int] = self.values["processes"]
        found = {name: ProcessIdentity.of(pid) for name, pid in pids.items()}
        return {name: identity for name, identity in found.items() if identity}


def eventually(happens: Callable[[], bool], *, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def _written(root: Path) -> int:
    """When the state was written; the one of a killed run lies there until the next one begins."""
    try:
        return (root / ".local" / "run.json").stat().st_mtime_ns
    except FileNotFoundError:
        return 0
