"""Ends with 0 while the process in this container does its work: `health.py api|grpc|beat|flower`."""

import os
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

TIMEOUT = 4.0
OLDEST_BEAT_SECONDS = 15.0  # a process that works touches its file every three


def api() -> bool:
    return _answers(f"http://127.0.0.1:{os.environ.get('API_PORT') or 8081}/health/live/")


def grpc() -> bool:
    """Ask the server itself (grpc.health.v1); it says no while it drains."""
    from grpc import insecure_channel
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with insecure_channel(f"127.0.0.1:{os.environ.get('GRPC_PORT') or 50051}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def beat() -> bool:
    return time.time() - Path(os.environ["HEARTBEAT_FILE"]).stat().st_mtime < OLDEST_BEAT_SECONDS


def flower() -> bool:
    return _answers("http://127.0.0.1:5555/healthcheck")


def _answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310  our own address
        return bool(response.status == 200)


CHECKS: dict[str, Callable[[], bool]] = {"api": api, "beat": beat, "flower": flower, "grpc": grpc}

if __name__ == "__main__":
    try:
        sys.exit(not CHECKS[sys.argv[1]]())
    except Exception as error:
        sys.exit(f"{sys.argv[1]}: {error}")
