"""From what the user set to what a run uses: addresses, secrets, and the servers to embed.

A variable counts from the environment, then from `.env`; an empty one counts as absent.
What is absent is generated and kept in `.local/env`, so that the next start, and commands
typed by hand, use the same.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

from dotenv import dotenv_values

from src.local.ports import answers, free_port, is_free, is_this_machine
from src.local.servers import Noida, PostgreSQL, RabbitMQ, Server, Valkey

Settings = Mapping[str, str]

_SCHEMES = {"redis": "redis", "rabbitmq": "amqp", "kafka": "kafka"}
_DEFAULT_PORTS = {"redis": 6379, "amqp": 5672, "kafka": 9092}


class SettingError(Exception):
    """What the user set cannot be had; the message is one line that names the variable."""


@dataclass(frozen=True)
class Sources:
    """Where the value of a variable may come from, in this order."""

    user: Settings
    """The environment and `.env`: counts as it is."""
    kept: Mapping[str, Settings]
    """The servers that `local_prepare.sh` keeps running here, by name."""
    remembered: Settings
    """Generated at an earlier start: counts as long as it fits."""

    @classmethod
    def read(cls, root: Path, kept: Mapping[str, Settings]) -> Self:
        user = {**_present(dotenv_values(root / ".env")), **_present(os.environ)}
        return cls(user, kept, _present(dotenv_values(root / ".local" / "env")))

    def given(self, name: str) -> str:
        """Return what is not ours to choose: the user's, or that of a kept server; else nothing."""
        kept = {**self.kept.get("postgresql", {}), **self.kept.get("valkey", {})}
        return self.user.get(name) or kept.get(name, "")

    def get(self, name: str, default: str) -> str:
        return self.given(name) or self.remembered.get(name) or default


@dataclass
class Plan:
    """What one run uses: the resolved variables, and which servers it has to bring itself."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    """The addresses of servers that run already, by what they are."""
    replaced: dict[str, str] = field(default_factory=dict)
    """What to say of a door that is not at its default port, by the variable of the port."""
    shutdown_timeout: float = 20.0
    """How many seconds the processes take at most to end, as they read it from the settings."""

    @property
    def database_url(self) -> str:
        names = ("DB_USER", "DB_PASSWORD", "DB_NAME")
        user, password, database = (quote(self.variables[name], safe="") for name in names)
        host, port = self.variables["DB_HOST"], self.variables["DB_PORT"]
        return f"postgresql://{user}:{password}@{host}:{port}/{database}"

    def write(self, sources: Sources) -> None:
        """Keep in `.local/env` what the user has not set."""
        values = {**sources.remembered, **self.variables}
        generated = {name: value for name, value in values.items() if name not in sources.user}
        write_private(
            self.root / ".local" / "env",
            "".join(f"{name}='{_escaped(value)}'\n" for name, value in sorted(generated.items())),
        )

    def embed(self, kind: str, server: Callable[..., Server], /, **options: Any) -> None:
        """Plan a server, with its data in `.local/data/<kind>` and its log beside the others."""
        name = kind if kind not in self.servers else f"{kind}-{options['port']}"
        local = self.root / ".local"
        self.servers[name] = server(local / "data" / name, log=local / "log" / f"{name}.log", **options)


def plan_servers(root: Path, sources: Sources, transport: str | None = None) -> Plan:
    """Resolve the addresses, and decide which servers have to be embedded.

    `transport` (`redis`, `rabbitmq`, `kafka`) counts above `MESSAGE_BROKER_URL`.

    Raises:
        SettingError: an address on another machine does not answer, or a value is not what it should be.
    """
    plan = Plan(root)
    if given := sources.given("SHUTDOWN_TIMEOUT"):
        plan.shutdown_timeout = _seconds("SHUTDOWN_TIMEOUT", given)
    _plan_postgresql(plan, sources)
    _plan_redis(plan, sources)
    _plan_transport(plan, sources, transport)
    return plan


def add_rabbitmq(plan: Plan) -> None:
    """Plan a RabbitMQ that is there for whoever asks, beside the transport of the settings."""
    if "rabbitmq" not in (*plan.servers, *plan.used):
        plan.embed("rabbitmq", RabbitMQ, port=free_port(5672), user="allium", password=secrets.token_urlsafe(24))


def plan_secrets(plan: Plan, sources: Sources) -> None:
    """Resolve the secrets of the product, and who its superadmin is."""
    variables = plan.variables
    variables["SECRET_KEY"] = sources.get("SECRET_KEY", secrets.token_urlsafe(48))
    variables["SUPERADMIN_EMAIL"] = sources.get("SUPERADMIN_EMAIL", "admin@example.com")
    variables["SUPERADMIN_PASSWORD"] = sources.get("SUPERADMIN_PASSWORD", secrets.token_urlsafe(12))


def plan_ports(plan: Plan, sources: Sources) -> None:
    """Resolve where the processes listen; as late as can be, since nothing holds a port for them.

    Raises:
        SettingError: a port that the user chose is taken.
    """
    _plan_door(plan, sources, "API_PORT", door="REST", host="127.0.0.1", default=8081)
    host = plan.variables["GRPC_HOST"] = sources.get("GRPC_HOST", "127.0.0.1")
    _plan_door(plan, sources, "GRPC_PORT", door="gRPC", host=host, default=50051)


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(0o600)
    draft.write_text(text)
    draft.replace(path)


def _plan_postgresql(plan: Plan, sources: Sources) -> None:
    variables = plan.variables
    variables["DB_HOST"] = sources.given("DB_HOST") or "127.0.0.1"
    variables["DB_NAME"] = sources.get("DB_NAME", "allium")
    variables["DB_USER"] = sources.get("DB_USER", "allium")
    variables["DB_PASSWORD"] = sources.get("DB_PASSWORD", secrets.token_urlsafe(24))
    if sources.given("DB_HOST") or sources.given("DB_PORT"):
        variables["DB_PORT"] = sources.given("DB_PORT") or "5432"
        if _is_served("DB_HOST", variables["DB_HOST"], _port("DB_PORT", variables["DB_PORT"])):
            plan.used["postgresql"] = f"{variables['DB_HOST']}:{variables['DB_PORT']}"
            return
    else:
        remembered = int(sources.remembered.get("DB_PORT", "0"))
        variables["DB_PORT"] = str(free_port(*([remembered] if remembered else [])))
    plan.embed(
        "postgresql",
        PostgreSQL,
        host=variables["DB_HOST"],
        port=int(variables["DB_PORT"]),
        name=variables["DB_NAME"],
        user=variables["DB_USER"],
        password=variables["DB_PASSWORD"],
    )


def _plan_redis(plan: Plan, sources: Sources) -> None:
    url = sources.given("REDIS_URL") or _fresh_url("redis", sources.remembered.get("REDIS_URL", ""))
    _plan_url(plan, "REDIS_URL", url)
    for variable, database in (("CELERY_BROKER_URL", 11), ("CELERY_RESULT_BACKEND", 12)):
        own = sources.given(variable)
        _plan_url(plan, variable, own or urlsplit(url)._replace(path=f"/{database}").geturl())


def _plan_transport(plan: Plan, sources: Sources, transport: str | None) -> None:
    own = sources.given("MESSAGE_BROKER_URL")
    scheme = _SCHEMES[transport] if transport else _scheme_of(own) or "redis"
    if own and _scheme_of(own) == scheme:
        url = own
    elif scheme == "redis":
        # Written out, because an empty variable would uncover the one in `.env`.
        url = plan.variables["REDIS_URL"]
    elif scheme == "amqp" and "rabbitmq" in sources.kept:
        url = sources.kept["rabbitmq"]["MESSAGE_BROKER_URL"]
    else:
        url = _fresh_url(scheme, sources.remembered.get("MESSAGE_BROKER_URL", ""))
    plan.variables["MESSAGE_BROKER_URL"] = url
    _plan_url(plan, "MESSAGE_BROKER_URL", url)


def _plan_url(plan: Plan, variable: str, url: str) -> None:
    """Use who answers at a URL; else embed a server there. A URL of a kind unknown here is used as it is."""
    plan.variables.setdefault(variable, url)
    scheme = _scheme_of(url)
    if scheme not in _DEFAULT_PORTS or "," in urlsplit(url).netloc:
        return
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "127.0.0.1", parts.port or _DEFAULT_PORTS[scheme]
    except ValueError as error:
        raise SettingError(f"{variable}: {error}") from error
    name = {"redis": "valkey", "amqp": "rabbitmq", "kafka": "noida"}[scheme]
    if any(server.port == port for server in plan.servers.values()):
        return
    if _is_served(variable, host, port):
        plan.used.setdefault(name, f"{host}:{port}")
        return
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    match scheme:
        case "redis":
            plan.embed(name, Valkey, host=host, port=port, user=user, password=password)
        case "amqp":
            vhost = unquote(parts.path.removeprefix("/")) or "/"
            account = {"user": user or "guest", "password": password or "guest"}
            plan.embed(name, RabbitMQ, host=host, port=port, vhost=vhost, **account)
        case "kafka":
            # Noida rather than Tansu: it keeps its topics over a restart, takes aiokafka's
            # idempotent producer as it is, and a lone consumer is back in 0.3 s, not 11 s.
            # That it never evicts a dead member does not matter where all stop together.
            plan.embed(name, Noida, host=host, port=port)


def _is_served(variable: str, host: str, port: int) -> bool:
    if answers(host, port):
        return True
    if not is_this_machine(host):
        raise SettingError(f"{variable}: nobody answers at {host}:{port}, and that is not this machine")
    return False


def _plan_door(plan: Plan, sources: Sources, variable: str, *, door: str, host: str, default: int) -> None:
    own = sources.given(variable)
    if own:
        if not is_free(_port(variable, own), host):
            raise SettingError(f"{variable}: port {own} is taken by another program")
        plan.variables[variable] = own
        return
    # The default comes first each time, so that a replacement ends with what made it necessary.
    port = free_port(default, int(sources.remembered.get(variable, default)), host=host)
    plan.variables[variable] = str(port)
    if port != default:
        plan.replaced[variable] = f"{default} is taken, so {door} is at {port}"


def _port(variable: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise SettingError(f"{variable}: {text!r} is not a port")
    return int(text)


def _seconds(variable: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise SettingError(f"{variable}: {text!r} is not a number of seconds") from error


def _fresh_url(scheme: str, remembered: str) -> str:
    """Return the remembered URL if it is of this kind and its port still free, else a new one."""
    parts = urlsplit(remembered)
    if _scheme_of(remembered) == scheme and parts.port and is_free(parts.port):
        return remembered
    credentials = {
        "redis": f":{secrets.token_urlsafe(24)}@",
        "amqp": f"allium:{secrets.token_urlsafe(24)}@",
        "kafka": "",
    }[scheme]
    path = "/0" if scheme == "redis" else ""
    return f"{scheme}://{credentials}127.0.0.1:{free_port()}{path}"


def _scheme_of(url: str) -> str:
    return urlsplit(url).scheme


def _present(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
