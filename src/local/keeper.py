"""Infrastructure alone: a small process that keeps the servers running after the command has returned."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src.local.embedding import check, embedded
from src.local.environment import Plan, SettingError, Sources, add_rabbitmq, plan_servers, write_private
from src.local.processes import ProcessIdentity, end_orphans
from src.local.servers import ServerError
from src.local.servers.rabbitmq import can_be_had, how_to_install
from src.local.signals import StopRequestedError, StopSignals
from src.local.state import Ledger, Lock
from src.local.supervisor import ProgramDiedError

Kept = Mapping[str, Mapping[str, str]]


def prepare(root: Path, *, recreate: bool = False) -> int:
    """Start the servers that nobody runs yet, and return while they go on; again is harmless."""
    if recreate:
        stop(root)
    elif servers := kept(root):
        print("The servers run already.")
        _print_addresses(servers)
        return 0
    with Lock(data_lock(root)) as owns_data:
        if not owns_data:
            print("local_run.sh runs the servers here; they end with it.")
            return 1 if recreate else 0
        if recreate:
            remove_data(root)
    log = root / ".local" / "log" / "keeper.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, log.open() as said:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "src.local", "keep"],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while not (servers := kept(root)) and keeper.poll() is None:
            time.sleep(0.02)
            print(said.read(), end="", flush=True)
        print(said.read(), end="")
    _print_addresses(servers)
    return keeper.returncode or 0


def keep(root: Path) -> int:
    """Be the keeper: run the servers until SIGTERM, or until one of them ends."""
    ledger = Ledger(root / ".local" / "keeper.processes")
    with Lock(data_lock(root)) as owns_data, StopSignals().caught() as signals:
        if not owns_data:
            print("Somebody else starts the servers here just now.")
            return 1
        try:
            _keep(root, ledger, signals)
        except StopRequestedError:
            return 0
        except (ProgramDiedError, ServerError, SettingError) as error:
            print(error)
            return 1
        finally:
            forget(root)
            ledger.clear()
    return 0


def stop(root: Path) -> bool:
    """End the keeper and its servers; tell whether there was one."""
    keeper = _keeper(root)
    if keeper is None:
        return False
    os.kill(keeper.pid, signal.SIGTERM)
    end_orphans([keeper], patience=30)
    return True


def kept(root: Path) -> dict[str, dict[str, str]]:
    """Return the settings of the servers that are kept here, by name; nothing if none are."""
    state = _read(root)
    if state is None or not (state["containers"] or _keeper(root)):
        return {}
    servers: dict[str, dict[str, str]] = state["servers"]
    return servers


def announce(root: Path, plan: Plan, *, keeper: ProcessIdentity | None) -> None:
    """Say that these servers are kept: by a keeper, or, without one, as containers."""
    state = {
        "containers": keeper is None,
        "pid": keeper.pid if keeper else 0,
        "started": keeper.started if keeper else 0,
        "servers": {name: server.settings for name, server in plan.servers.items()},
    }
    write_private(_state(root), json.dumps(state, indent=2))


def forget(root: Path) -> None:
    """Say that no servers are kept any more."""
    _state(root).unlink(missing_ok=True)


def data_lock(root: Path) -> Path:
    """Held by whoever runs servers on `.local/data`."""
    return root / ".local" / "data.lock"


def remove_data(root: Path) -> None:
    """Remove what the embedded servers hold, and the mails of their users; only for who holds the data lock."""
    for name in ("data", "mail"):
        if (folder := root / ".local" / name).exists():
            shutil.rmtree(folder)


def end_all_orphans(root: Path) -> None:
    """End what killed launchers left; only for who holds the data lock."""
    for name in ("run", "keeper"):
        Ledger(root / ".local" / f"{name}.processes").end_orphans()


def _keep(root: Path, ledger: Ledger, signals: StopSignals) -> None:
    end_all_orphans(root)
    sources = Sources.read(root, {})
    plan = plan_servers(root, sources)
    _plan_rabbitmq(plan)
    plan.write(sources)
    for name, address in plan.used.items():
        print(f"{name} answers at {address} already, and is used as it is.", flush=True)
    if not plan.servers:
        return
    with embedded(plan.servers, ledger=ledger, signals=signals):
        announce(root, plan, keeper=ProcessIdentity.own())
        while True:
            signals.pause(0.5)
            check(plan.servers)


def _plan_rabbitmq(plan: Plan) -> None:
    if can_be_had():
        add_rabbitmq(plan)
    elif "rabbitmq" not in plan.used:
        print(f"Without RabbitMQ: {how_to_install()}", flush=True)


def _print_addresses(servers: Kept) -> None:
    for name, settings in servers.items():
        values = " ".join(f"{variable}={value}" for variable, value in settings.items())
        print(f"  {name:<13}{values}")
    if servers:
        print("local_run.sh uses them; `bash local_prepare.sh --stop` ends them.")
    if "rabbitmq" in servers:
        print("RabbitMQ is used only with `--broker rabbitmq`, or where MESSAGE_BROKER_URL names it.")


def _keeper(root: Path) -> ProcessIdentity | None:
    state = _read(root)
    if state is None:
        return None
    keeper = ProcessIdentity(state["pid"], state["started"])
    return keeper if keeper.is_alive() else None


def _read(root: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads(_state(root).read_text())
    except FileNotFoundError:
        return None
    return state


def _state(root: Path) -> Path:
    return root / ".local" / "keeper.json"
