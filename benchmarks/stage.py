"""What all are measured on: a PostgreSQL with 100,000 users, a Valkey, and who can sign in there."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from passlib.hash import bcrypt, bcrypt_sha256

from benchmarks.process import Measured, measured
from src.local.ports import free_port
from src.local.progress import step
from src.local.servers import PostgreSQL, Valkey

ROOT = Path(__file__).resolve().parents[1]
USERS = 100_000
ROUNDS_OF_BCRYPT = 12
PASSWORD = "correct horse battery staple"

SCHEMES = {"bcrypt": bcrypt, "bcrypt-sha256": bcrypt_sha256}
"""How passwords are hashed, by the name that the e-mail addresses of such users begin with."""

_SEED = """
INSERT INTO users
    (uuid, email, password_hashed, first_name, last_name, city, country, meta, created_at, is_superuser)
SELECT uuidv7(), '{scheme}-' || n || '@example.com', '{hashed}', 'Ada', 'Lovelace', 'Rome', 'Italy',
       jsonb_build_object('number', n), now() - n * interval '1 minute', n <= 10
FROM generate_series(1, {number}) AS n
"""


def email_of(scheme: str, number: int) -> str:
    return f"{scheme}-{number}@example.com"


@dataclass(frozen=True)
class Stage:
    """The servers below, and the settings by which a process finds them, in the mode of production."""

    folder: Path
    settings: dict[str, str]

    def run(self, *arguments: str) -> None:
        """Run `python <arguments>` to its end."""
        subprocess.run([sys.executable, *arguments], cwd=ROOT, env={**os.environ, **self.settings}, check=True)

    @contextmanager
    def process(self, name: str, *arguments: str, **settings: str) -> Iterator[Measured]:
        """Run `python <arguments>` while the block does."""
        command = [sys.executable, *arguments]
        log = self.folder / f"{name}.log"
        with measured(command, folder=ROOT, environment={**self.settings, **settings}, log=log) as process:
            yield process

    @contextmanager
    def server(self, name: str, app: str, *, protocol: str = "httptools") -> Iterator[tuple[Measured, int]]:
        """Serve an ASGI application, each in the same way, and give its port."""
        port = free_port()
        options = f"--loop uvloop --http {protocol} --no-access-log --no-server-header --no-proxy-headers"
        arguments = ("-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port), *options.split())
        with self.process(name, *arguments) as process:
            yield process, port


@contextmanager
def staged() -> Iterator[Stage]:
    """Start the servers in a temporary folder, migrate, and fill in the users."""
    with TemporaryDirectory(prefix="allium-benchmarks-") as folder, _servers(Path(folder)) as (postgresql, valkey):
        settings = {
            **postgresql.settings,
            "REDIS_URL": valkey.url,
            "MESSAGE_BROKER_URL": valkey.url,
            "CELERY_BROKER_URL": valkey.url_of(database=11),
            "CELERY_RESULT_BACKEND": valkey.url_of(database=12),
            "SECRET_KEY": secrets.token_urlsafe(48),
            "LAUNCH_MODE": "PROD",
            "DEBUG": "false",
            "SHOW_API_DOCS": "true",
            "CORS_ORIGIN_WHITELIST": "[]",
            "LOG_LEVEL": "INFO",
            "MAIL_FOLDER": f"{folder}/mail",
            "BCRYPT_ROUNDS": str(ROUNDS_OF_BCRYPT),
            # Counted, and never reached.
            "ADMIN_RATE_LIMIT_ENABLED": "true",
            "RATE_LIMIT_PER_MINUTE": "1000000000",
            "RATE_LIMIT_TOKENS_PER_MINUTE": "1000000000",
            "DATABASE_URL": postgresql.url,  # for the peers
        }
        stage = Stage(Path(folder), settings)
        with step("users"):
            stage.run("-m", "alembic", "upgrade", "head")
            number = USERS // len(SCHEMES)
            for name, scheme in SCHEMES.items():
                hashed = scheme.using(rounds=ROUNDS_OF_BCRYPT).hash(PASSWORD)
                postgresql.query(_SEED.format(scheme=name, hashed=hashed, number=number))
            postgresql.query("VACUUM ANALYZE users")
        yield stage


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[PostgreSQL, Valkey]]:
    # PostgreSQL may run as another user, who needs a way to its own folder.
    folder.chmod(0o711)
    with step("servers"):
        postgresql = PostgreSQL(folder / "postgresql", durable=False)
        valkey = Valkey(folder / "valkey")
        postgresql.start()
        valkey.start()
    try:
        yield postgresql, valkey
    finally:
        valkey.stop()
        postgresql.stop()
