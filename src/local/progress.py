"""What the person in front of the terminal sees while something takes its time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from src.local.signals import StopRequestedError


@contextmanager
def step(title: str) -> Iterator[Callable[[str], None]]:
    """Name a step when it begins, and how long it took when it ends; notes stand between."""
    started = time.monotonic()
    print(f"  {title:<13}", end="", flush=True)
    try:
        yield lambda note: print(f"{note}  ", end="", flush=True)
    except (StopRequestedError, KeyboardInterrupt):
        print("stopped", flush=True)
        raise
    except BaseException:
        print(f"given up after {time.monotonic() - started:.1f} s", flush=True)
        raise
    print(f"{time.monotonic() - started:.1f} s", flush=True)
