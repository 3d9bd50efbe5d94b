"""What a launcher leaves on disk: its lock, and which processes it has started."""

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path

from src.local.processes import ProcessIdentity, end_orphans


class Lock:
    """Held by one process at a time, and let go by the kernel in whatever way that process ends.

    with Lock(path) as taken:
        ...  # `taken` is false where another process holds it
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> bool:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


class Ledger:
    """The processes of a launcher, kept on disk so that the next one can end what is left of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._processes: list[ProcessIdentity] = []

    def record(self, processes: Iterable[ProcessIdentity]) -> None:
        self._processes += processes
        draft = self._path.with_name(f"{self._path.name}.new")
        draft.write_text(json.dumps([[process.pid, process.started] for process in self._processes]))
        draft.replace(self._path)

    def end_orphans(self, *, patience: float = 3.0) -> None:
        """End what an earlier launcher left, if it was killed; nothing else is touched."""
        try:
            recorded = json.loads(self._path.read_text())
        except FileNotFoundError:
            return
        end_orphans([ProcessIdentity(pid, started) for pid, started in recorded], patience=patience)
        self.clear()

    def clear(self) -> None:
        self._processes.clear()
        self._path.unlink(missing_ok=True)
