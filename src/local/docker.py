"""The same in containers, where a Docker daemon answers."""

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from src.local import keeper
from src.local.environment import Plan, Sources, add_rabbitmq, plan_servers
from src.local.progress import step
from src.local.servers import RabbitMQ, Valkey

_EVERYTHING = Path(".launch") / "docker-compose.yml"
_SERVERS = Path("src") / "local" / "servers.compose.yml"
_NO_DAEMON = "No Docker daemon answers here; without --docker the same runs on this machine without containers."


def run(root: Path, names: Iterable[str]) -> int:
    """Build and run these processes, and what they need, until Ctrl-C."""
    if not _daemon_answers():
        print(_NO_DAEMON)
        return 1
    return _compose(root, _EVERYTHING, "up", "--build", *names)


def prepare(root: Path, *, recreate: bool = False, stop: bool = False) -> int:
    """Start PostgreSQL, Valkey and RabbitMQ as containers, and return; `stop` ends them, their data stays."""
    if not _daemon_answers():
        print(_NO_DAEMON)
        return 1
    if stop or recreate:
        status = _compose(root, _SERVERS, "down", *(["--volumes"] if recreate else []), environment=_ANY)
        keeper.forget(root)
        if stop or status:
            return status
    sources = Sources.read(root, keeper.kept(root))
    plan = plan_servers(root, sources)
    add_rabbitmq(plan)
    with step("containers"):
        status = _compose(root, _SERVERS, "up", "-d", "--wait", *plan.servers, environment=_variables(plan))
    if status == 0:
        plan.write(sources)
        keeper.announce(root, plan, keeper=None)
    return status


# Compose wants every variable of the file, even to take it down.
_ANY = dict.fromkeys(("REDIS_PORT", "RABBITMQ_PORT", "DB_PORT"), "1")


def _variables(plan: Plan) -> dict[str, str]:
    variables = {**_ANY, **plan.variables}
    for server in plan.servers.values():
        match server:
            case Valkey():
                variables |= {"REDIS_PORT": str(server.port), "REDIS_PASSWORD": server.password}
            case RabbitMQ():
                account = {"RABBITMQ_USER": server.user, "RABBITMQ_PASSWORD": server.password}
                variables |= {"RABBITMQ_PORT": str(server.port), "RABBITMQ_VHOST": server.vhost, **account}
    return variables


def _daemon_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _compose(root: Path, file: Path, *command: str, environment: Mapping[str, str] | None = None) -> int:
    # The project is named after the checkout's path, so that two checkouts do not share containers.
    project = f"allium-{hashlib.sha256(str(root).encode()).hexdigest()[:8]}"
    return subprocess.run(
        ["docker", "compose", "--project-name", project, "--file", file, *command],
        cwd=root,
        env={**os.environ, **(environment or {})},
        check=False,
    ).returncode
