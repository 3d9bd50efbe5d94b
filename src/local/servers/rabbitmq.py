"""A private RabbitMQ node from the Debian package.

The package's own node, if the system runs one, is neither used nor touched: names, ports,
cookie and files of this node are its own.
"""

import base64
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from src.local.ports import addresses_of, answers, free_port
from src.local.processes import ProcessIdentity, kill, last_lines
from src.local.servers.server import Server, ServerError

# Not the one on the path: that wrapper changes to the user `rabbitmq`.
_BINARY = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_PACKAGE = "rabbitmq-server"
_EPMD_PATIENCE = 10.0


class RabbitMQ(Server):
    """One node with the quorum queues, streams and dead letters of the real one (3.10 on Debian 12)."""

    title = "RabbitMQ"
    start_patience: ClassVar[float] = 60.0

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        user: str = "allium",
        password: str = "",
        vhost: str = "/",
        log: Path | None = None,
    ) -> None:
        super().__init__(folder, host=host, port=port, log=log)
        self.user = user
        self.password = password or secrets.token_urlsafe(24)
        self.vhost = vhost
        self._epmd: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        return {"MESSAGE_BROKER_URL": self.url}

    @property
    def url(self) -> str:
        vhost = "" if self.vhost == "/" else quote(self.vhost, safe="")
        return (
            f"amqp://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.host}:{self.port}/{vhost}"
        )

    @property
    def identities(self) -> list[ProcessIdentity]:
        epmd = ProcessIdentity.of(self._epmd.pid) if self._epmd else None
        return [*super().identities, *([epmd] if epmd else [])]

    def stop(self) -> None:
        super().stop()
        self._stop_epmd()

    def kill(self) -> None:
        super().kill()
        self._stop_epmd()

    def _launch(self) -> subprocess.Popen[bytes]:
        # The node would start a daemon of its own that outlives it; it uses this child instead.
        names_port, node_port = free_port(), free_port()
        self._epmd = self._spawn("epmd", "-address", "127.0.0.1", "-port", str(names_port))
        self._wait_for_epmd(self._epmd, names_port)
        return self._spawn(_BINARY, environment=self._node_environment(names_port, node_port))

    def _wait_for_epmd(self, epmd: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + _EPMD_PATIENCE
        while not answers("127.0.0.1", port):
            if epmd.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"RabbitMQ's epmd does not answer:\n{last_lines(self.log)}")
            time.sleep(0.01)

    def _prepare(self) -> None:
        if not is_installed():
            raise ServerError(how_to_install())
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(0o600)
            cookie.write_text(secrets.token_hex(16))
            cookie.chmod(0o400)
        self._write("enabled_plugins", "[].\n")
        self._write("definitions.json", json.dumps(self._definitions()))
        listeners = (
            f"listeners.tcp.{number} = {_endpoint(address, self.port)}"
            for number, address in enumerate(addresses_of(self.host), start=1)
        )
        limits = ("vm_memory_high_watermark.absolute = 1GB", "disk_free_limit.absolute = 50MB")
        definitions = f"load_definitions = {self.folder / 'definitions.json'}"
        self._write("rabbitmq.conf", "\n".join((*listeners, *limits, definitions, "")))

    def _definitions(self) -> dict[str, list[dict[str, object]]]:
        # Loaded at every start, so that a changed password counts on old data too.
        salt = secrets.token_bytes(4)
        hashed = base64.b64encode(salt + hashlib.sha256(salt + self.password.encode()).digest()).decode()
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        return {
            "vhosts": [{"name": self.vhost}],
            "users": [
                {
                    "name": self.user,
                    "password_hash": hashed,
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": "administrator",
                }
            ],
            "permissions": [{"user": self.user, "vhost": self.vhost, **everything}],
        }

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(0o600)
        path.write_text(text)

    def _node_environment(self, names_port: int, node_port: int) -> dict[str, str]:
        folder = self.folder
        return {
            "HOME": str(folder / "home"),
            "RABBITMQ_NODENAME": "allium@localhost",
            "RABBITMQ_DIST_PORT": str(node_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
            "RABBITMQ_QUORUM_DIR": str(folder / "quorum"),
            "RABBITMQ_STREAM_DIR": str(folder / "stream"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none"
            ),
            # The start script then becomes the node instead of waiting for it, so that the
            # child's process id is the node's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def _stop_epmd(self) -> None:
        if self._epmd is not None:
            kill(self._epmd)
            self._epmd = None


def is_installed() -> bool:
    return _BINARY.exists() and shutil.which("epmd") is not None


def can_be_had() -> bool:
    """Tell whether it is installed, or `install` may try."""
    return is_installed() or (os.geteuid() == 0 and shutil.which("apt-get") is not None)


def how_to_install() -> str:
    return f"RabbitMQ is not installed; as root: apt-get install -y --no-install-recommends {_PACKAGE}"


def install(log: Path) -> None:
    """Install the Debian package without starting its own node.

    Raises:
        ServerError: this is not root on Debian, or the installation failed; says what to do.
    """
    if not can_be_had():
        raise ServerError(how_to_install())
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    with log.open("ab") as output:
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", _PACKAGE],
        ):
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
    if done.returncode != 0 or not is_installed():
        raise ServerError(f"{how_to_install()} (it was tried and failed: see {log})")


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
