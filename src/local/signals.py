"""The wish to stop, as something that a long piece of work can ask for."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StopRequestedError(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP as something to ask for, so that nothing is cut in the middle."""

    def __init__(self) -> None:
        self._count = 0
        self._event = threading.Event()

    @contextmanager
    def caught(self) -> Iterator["StopSignals"]:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._receive) for number in numbers}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def pause(self, seconds: float) -> None:
        """Wait a moment.

        Raises:
            StopRequestedError: a signal has come.
        """
        if self._event.wait(seconds):
            raise StopRequestedError

    @property
    def insist(self) -> bool:
        """Whether the signal came a second time: the person does not want to wait."""
        return self._count > 1

    def _receive(self, *_: object) -> None:
        self._count += 1
        self._event.set()
