"""Child processes that do not outlive their launcher, and the identity of a process."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

# The kernel sends the death signal when the *thread* that forked ends, not the process,
# so every child is forked by this one thread, which lives as long as the process.
_forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")


@dataclass(frozen=True)
class ProcessIdentity:
    """A process id together with its start time, so that a reused id is never mistaken."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Return the identity of a living process; a zombie counts as dead."""
        stat = _stat_of(pid)
        if stat is None or stat[0] in "ZX":
            return None
        return cls(pid, int(stat[19]))

    @classmethod
    def own(cls) -> Self:
        identity = cls.of(os.getpid())
        if identity is None:
            raise ProcessLookupError("/proc does not know this process")
        return identity

    def is_alive(self) -> bool:
        return ProcessIdentity.of(self.pid) == self

    def remains(self) -> list[int]:
        """Return what lives of the session that this process leads or led.

        A process id is not given again while a session carries it. So where no process has
        the id, the session is still the old one; where a younger one has it, nothing is left.
        """
        holder = ProcessIdentity.of(self.pid)
        if holder is not None and holder != self:
            return []
        return [pid for pid in _all_pids() if _session_of(pid) == self.pid and ProcessIdentity.of(pid)]


def spawn(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    output: int,
    on_launcher_death: signal.Signals = signal.SIGTERM,
    uid: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C in the terminal reaches only the launcher.

    Its output and errors go to `output`, a file descriptor or `subprocess.PIPE`. When the
    launcher dies in whatever way, the kernel sends the child `on_launcher_death`.
    """
    launcher = os.getpid()

    def die_with_launcher() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, on_launcher_death)
        if os.getppid() != launcher:
            os._exit(1)

    def fork() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [os.fspath(part) for part in command],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_launcher,  # noqa: PLW1509 - only a system call, no lock is taken
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )

    return _forker.submit(fork).result()


def end(process: subprocess.Popen[bytes], *, by: signal.Signals, patience: float) -> None:
    """Ask a child to stop, wait, then kill what is left of its group."""
    if process.poll() is None:
        process.send_signal(by)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a child and its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_orphans(leaders: Iterable[ProcessIdentity], *, patience: float) -> None:
    """Wait for the sessions of an earlier launcher, then kill what is left of them.

    They are not told to stop: the kernel did that when their launcher died.
    """
    deadline = time.monotonic() + patience
    left = list(leaders)
    while left := [leader for leader in left if leader.remains()]:
        if time.monotonic() > deadline:
            for pid in [pid for leader in left for pid in leader.remains()]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def last_lines(log: Path, count: int = 15) -> str:
    """Return the end of a log file, for a message about why its process died."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-count:])


def _stat_of(pid: int) -> list[str] | None:
    # The second field, the name, may itself contain spaces and parentheses. What follows
    # it starts with the state (field 3), so the start time (field 22) is at index 19.
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
