"""The product as the launcher sees it: its commands, and how each says that it is ready."""

import hashlib
import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from src.local.environment import Plan
from src.local.options import PROCESSES
from src.local.ports import free_port
from src.local.supervisor import HealthPage, Program, exists, listens


@dataclass(frozen=True)
class Product:
    """What a run prepares once, and then keeps going."""

    preparations: Mapping[str, Sequence[str]]
    """Commands by name, in order; they run when the sources or the database have changed."""
    programs: Callable[[Plan], list[Program]]


def allium(names: Collection[str]) -> Product:
    """Return the product with these of its processes: api, grpc, celery, consume, relay, flower."""

    def programs(plan: Plan) -> list[Program]:
        return [_PROGRAMS[name](plan) for name in PROCESSES if name in names]

    return Product(
        preparations={
            "migrate": _python("-m src.local.migrate"),
            "seed": _python("-m src.app.interfaces.cli seed"),
        },
        programs=programs,
    )


def fingerprint(root: Path) -> str:
    """Change when a source file of the product does, so that a start knows what it need not repeat."""
    files = [root / "alembic.ini", *sorted((root / "src" / "app").rglob("*.py"))]
    seen = hashlib.sha256()
    for file in files:
        if file.exists():
            stat = file.stat()
            seen.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return seen.hexdigest()


def _api(plan: Plan) -> Program:
    port = plan.variables["API_PORT"]
    command = _python(
        f"-m uvicorn src.app.interfaces.cli.main:app --host 127.0.0.1 --port {port} --no-access-log"
        f" --http src.app.interfaces.api.wire:PatientProtocol"
        f" --no-server-header --no-proxy-headers --timeout-graceful-shutdown {math.ceil(plan.shutdown_timeout)}"
    )
    page = HealthPage(f"http://127.0.0.1:{port}/health/ready/")
    return Program("api", command, page.is_ok, why_not=page.why_not)


def _grpc(plan: Plan) -> Program:
    return _beating(plan, "grpc", "-m src.app.interfaces.grpc.server")


def _celery(plan: Plan) -> Program:
    # There is no second worker to meet here, and to listen for one takes a second.
    return _beating(
        plan,
        "celery",
        "-m celery -A src.app.interfaces.cli.celery_app worker -l INFO -E -B -Q default_queue --concurrency=2"
        " -n default@%h -s .local/data/celerybeat-schedule --without-mingle",
    )


def _consume(plan: Plan) -> Program:
    return _beating(plan, "consume", "-m src.app.interfaces.cli.consume")


def _relay(plan: Plan) -> Program:
    return _beating(plan, "relay", "-m src.app.interfaces.cli.relay")


def _flower(plan: Plan) -> Program:
    port = free_port(5555)
    plan.variables["FLOWER_PORT"] = str(port)
    command = _python(f"-m celery -A src.app.interfaces.cli.celery_app flower --address=127.0.0.1 --port={port}")
    return Program("flower", command, listens("127.0.0.1", port))


_PROGRAMS: dict[str, Callable[[Plan], Program]] = {
    "api": _api,
    "grpc": _grpc,
    "celery": _celery,
    "consume": _consume,
    "relay": _relay,
    "flower": _flower,
}


def _beating(plan: Plan, name: str, command: str) -> Program:
    heartbeat = plan.root / ".local" / "data" / f"{name}.alive"
    heartbeat.unlink(missing_ok=True)
    return Program(name, _python(command), exists(heartbeat), {"HEARTBEAT_FILE": str(heartbeat)})


def _python(words: str) -> list[str]:
    return [sys.executable, *words.split()]
