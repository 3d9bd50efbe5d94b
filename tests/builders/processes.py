"""Real processes of the service, for tests that stop and kill them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from src.app.config.settings import ROOT

START_PATIENCE = 40.0
STOP_PATIENCE = 30.0

CONSUME = ("-m", "src.app.interfaces.cli.consume")
RELAY = ("-m", "src.app.interfaces.cli.relay")
WORKER = ("-m", "celery", "-A", "src.app.interfaces.cli.celery_app", "worker", "-Q", "default_queue", "-c", "1")


class Running:
    """A process that said that it is ready."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        self._popen = popen
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """End it as a power cut does, and all that it started."""
        os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    async def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        if self._popen.poll() is None:
            self._popen.terminate()
        return await asyncio.to_thread(self._popen.wait, STOP_PATIENCE)


@asynccontextmanager
async def started(
    arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path
) -> AsyncIterator[Running]:
    """Run `python <arguments>` from when it is ready until the block ends."""
    name = arguments[-1].rpartition(".")[2] if arguments[1].startswith("src") else arguments[1]
    heartbeat, log = folder / f"{name}.alive", folder / f"{name}.log"
    heartbeat.unlink(missing_ok=True)
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment, "HEARTBEAT_FILE": str(heartbeat)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(popen, log)
    try:
        async with asyncio.timeout(START_PATIENCE):
            while not heartbeat.exists():
                assert popen.poll() is None, running.log
                await asyncio.sleep(0.05)
        yield running
    finally:
        if popen.poll() is None:
            running.kill()
