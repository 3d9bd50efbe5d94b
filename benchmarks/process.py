"""A process that is measured: started, waited for, and asked what it uses."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from src.local.processes import ProcessIdentity, end, last_lines, spawn

PATIENCE = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """A process did not start; the message holds the last lines that it wrote."""


class Measured:
    """A running process and its children."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log
        self._began = time.perf_counter()

    def wait_until(self, is_ready: Callable[[], bool]) -> float:
        """Return the seconds from the start until it is ready.

        Raises:
            StartError: it ended, or was not ready in time.
        """
        while True:
            if is_ready():
                return time.perf_counter() - self._began
            if self._process.poll() is not None:
                raise StartError(
                    f"{self._log.stem} ended with status {self._process.returncode}:\n{last_lines(self._log)}"
                )
            if time.perf_counter() - self._began > PATIENCE:
                raise StartError(
                    f"{self._log.stem} was not ready within {PATIENCE:.0f} s:\n{last_lines(self._log)}"
                )
            time.sleep(0.005)

    @property
    def cpu_seconds(self) -> float:
        """The CPU time that its threads have used, in the process and in the kernel for it."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def memory_mib(self) -> float:
        """The resident memory of the process and its children."""
        identity = ProcessIdentity.of(self._process.pid)
        return sum(_resident_kib(pid) for pid in (identity.remains() if identity else ())) / 1024


@contextmanager
def measured(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path
) -> Iterator[Measured]:
    """Run a process in `folder` while the block does."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = spawn(command, cwd=folder, environment={**os.environ, **environment}, output=output)
    finally:
        os.close(output)
    try:
        yield Measured(process, log)
    finally:
        end(process, by=signal.SIGTERM, patience=10)


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
