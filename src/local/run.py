"""One run of the product on this machine: from the lock to the last line."""

import hashlib
import json
import os
import shlex
import sys
import time
from collections import ChainMap
from contextlib import ExitStack, suppress
from pathlib import Path

from src.local import keeper
from src.local.embedding import check, embedded
from src.local.environment import (
    Plan,
    SettingError,
    Sources,
    plan_ports,
    plan_secrets,
    plan_servers,
    write_private,
)
from src.local.product import Product, fingerprint
from src.local.progress import step
from src.local.servers import ServerError
from src.local.servers.postgresql import query
from src.local.signals import StopRequestedError, StopSignals
from src.local.state import Ledger, Lock
from src.local.supervisor import LogTail, ProgramDiedError, Supervisor

_START_PATIENCE = 60.0
_STOP_MARGIN = 5.0  # beyond SHUTDOWN_TIMEOUT: to close connections, and for who only then begins

_END_THE_KEPT = "end them first, by `bash local_prepare.sh --stop` (and --docker, if they are containers)."


def run(root: Path, product: Product, *, transport: str | None = None, recreate: bool = False) -> int:
    """Run the product until a signal comes or a process ends; return the exit status.

    While `.local/run.json` exists, everything that it names is ready.
    """
    started = time.monotonic()
    with Lock(root / ".local" / "run.lock") as alone, StopSignals().caught() as signals:
        if not alone:
            print("local_run.sh runs here already; stop that one first, by Ctrl-C in its terminal.")
            return 1
        try:
            with Lock(keeper.data_lock(root)) as owns_data:
                _Run(root, product, signals).go(started, transport, owns_data=owns_data, recreate=recreate)
        except StopRequestedError:
            pass
        except BrokenPipeError:
            # Whoever read the output has gone; the rest of it goes nowhere, without complaint.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (ProgramDiedError, ServerError, SettingError) as error:
            print(f"\n{error}")
            return 1
    return 0


class _Run:
    def __init__(self, root: Path, product: Product, signals: StopSignals) -> None:
        self._root = root
        self._product = product
        self._signals = signals
        self._local = root / ".local"
        self._logs = self._local / "log"
        self._state = self._local / "run.json"
        self._ledger = Ledger(self._local / "run.processes")

    def go(self, started: float, transport: str | None, *, owns_data: bool, recreate: bool) -> None:
        self._state.unlink(missing_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        self._claim_data(owned=owns_data, recreate=recreate)
        sources = Sources.read(self._root, keeper.kept(self._root))
        plan = plan_servers(self._root, sources, transport)
        for name in plan.servers.keys() & sources.kept.keys():
            raise SettingError(f"{name} is kept, but not at this address; {_END_THE_KEPT}")
        with ExitStack() as stack:
            stack.callback(self._ledger.clear)
            stack.enter_context(embedded(plan.servers, ledger=self._ledger, signals=self._signals))
            plan_secrets(plan, sources)
            supervisor = Supervisor(
                root=self._root,
                logs=self._logs,
                environment=ChainMap(plan.variables, {"PYTHONUNBUFFERED": "1"}, dict(os.environ)),
                signals=self._signals,
                on_start=lambda identity: self._ledger.record([identity]),
            )
            try:
                self._prepare(plan, supervisor)
                plan_ports(plan, sources)
                plan.write(sources)
                self._start(plan, supervisor)
                self._announce(plan, supervisor, time.monotonic() - started)
                self._watch(plan, supervisor)
            finally:
                self._state.unlink(missing_ok=True)
                # The terminal may be gone, and its closing may be why this stops.
                with suppress(OSError):
                    print("\nStopping.", flush=True)
                supervisor.stop(patience=plan.shutdown_timeout + _STOP_MARGIN)

    def _claim_data(self, *, owned: bool, recreate: bool) -> None:
        if owned:
            keeper.end_all_orphans(self._root)
            if recreate:
                keeper.remove_data(self._root)
            return
        self._ledger.end_orphans()
        if recreate:
            raise SettingError(f"--recreate: there are kept servers; {_END_THE_KEPT}")
        if not keeper.kept(self._root):
            raise SettingError("local_prepare.sh starts the servers just now; try again in a moment.")

    def _prepare(self, plan: Plan, supervisor: Supervisor) -> None:
        # A start whose sources and database are those of the last one has nothing to migrate,
        # and asking the database takes a hundredth of what alembic takes to find that out.
        done = self._local / "data" / "prepared"
        if done.exists() and done.read_text() == self._mark(plan):
            return
        for name, command in self._product.preparations.items():
            with step(name):
                supervisor.run_once(name, command)
        done.parent.mkdir(exist_ok=True)
        done.write_text(self._mark(plan))

    def _mark(self, plan: Plan) -> str:
        try:
            revision = query(plan.variables, "SELECT version_num FROM alembic_version")
        except ServerError:
            revision = ["none"]
        database = hashlib.sha256(plan.database_url.encode()).hexdigest()
        return "\n".join((fingerprint(self._root), plan.variables["SUPERADMIN_EMAIL"], database, *revision))

    def _start(self, plan: Plan, supervisor: Supervisor) -> None:
        with step("processes") as note:
            began = time.monotonic()
            supervisor.start(
                self._product.programs(plan),
                patience=_START_PATIENCE,
                on_ready=lambda name: note(f"{name} {time.monotonic() - began:.1f} s"),
            )

    def _announce(self, plan: Plan, supervisor: Supervisor, took: float) -> None:
        variables = plan.variables
        api = f"http://127.0.0.1:{variables['API_PORT']}"
        state = {
            "api_url": api,
            "docs_url": f"{api}/docs",
            "grpc_address": f"{variables['GRPC_HOST']}:{variables['GRPC_PORT']}",
            "database_url": plan.database_url,
            "redis_url": variables["REDIS_URL"],
            "message_broker_url": variables["MESSAGE_BROKER_URL"],
            "superadmin": {"email": variables["SUPERADMIN_EMAIL"], "password": variables["SUPERADMIN_PASSWORD"]},
            "processes": {**_pids(plan), **supervisor.pids},
        }
        write_private(self._state, json.dumps(state, indent=2) + "\n")
        print(_summary(plan, supervisor, took), flush=True)

    def _watch(self, plan: Plan, supervisor: Supervisor) -> None:
        tail = LogTail({name: self._logs / f"{name}.log" for name in supervisor.pids})
        try:
            while True:
                supervisor.check()
                check(plan.servers)
                tail.print_new()
                self._signals.pause(0.1)
        finally:
            tail.print_new()


def _pids(plan: Plan) -> dict[str, int]:
    return {name: server.pid for name, server in plan.servers.items() if server.pid}


def _summary(plan: Plan, supervisor: Supervisor, took: float) -> str:
    variables = plan.variables
    api = f"http://127.0.0.1:{variables['API_PORT']}"
    lines = [f"\nReady in {took:.1f} s.\n"]
    if "api" in supervisor.pids:
        lines.append(f"  REST         {api}/docs")
    if "grpc" in supervisor.pids:
        lines.append(f"  gRPC         {variables['GRPC_HOST']}:{variables['GRPC_PORT']}")
    if "flower" in supervisor.pids:
        lines.append(f"  Flower       http://127.0.0.1:{variables['FLOWER_PORT']}")
    lines += [f"  {name:<13}{server.host}:{server.port}, embedded" for name, server in plan.servers.items()]
    lines += [f"  {name:<13}{address}, found running" for name, address in plan.used.items()]
    lines.append(f"  superadmin   {variables['SUPERADMIN_EMAIL']}   password   {variables['SUPERADMIN_PASSWORD']}")
    doors = {"api": "API_PORT", "grpc": "GRPC_PORT"}
    replaced = [plan.replaced.get(doors.get(name, ""), "") for name in supervisor.pids]
    lines += [f"  {line}" for line in replaced if line]
    if "api" in supervisor.pids:
        body = json.dumps({"email": variables["SUPERADMIN_EMAIL"], "password": variables["SUPERADMIN_PASSWORD"]})
        lines.append(
            f"\nTry:\n  curl {api}/api/v1/auth/tokens/ -H 'Content-Type: application/json' -d {shlex.quote(body)}"
        )
    lines.append("\nLogs lie in .local/log. Ctrl-C stops everything that was started here, and nothing else.\n")
    return "\n".join(lines)
