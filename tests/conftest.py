"""Real servers for the tests, started when a test asks for them, and the application on them.

A run in parallel shares the servers; each worker has a database of its own, made anew, and every
test that touches it leaves it empty.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import asyncpg
import hypothesis
import pytest
from alembic import command
from alembic.config import Config

from src.app.application.container import Container
from src.app.config import settings as settings_module
from src.app.config.settings import ROOT, SettingsTest
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.infrastructure.persistence.models.container import Base
from src.local.testing import Addresses, LeftOutError, servers_for_tests
from tests import declared

_SERVERS: pytest.StashKey[Addresses] = pytest.StashKey()
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")

# Chosen by `--hypothesis-profile`; a failure prints what repeats it.
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True)
hypothesis.settings.register_profile("nightly", hypothesis.settings.get_profile("ci"), max_examples=1000)
hypothesis.settings.load_profile("ci")

# The tests show the cache on users, of whom the product keeps none.
ANNOUNCE_USERS = """
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON users
FOR EACH STATEMENT EXECUTE FUNCTION announce_change()
"""

_EMPTY = ";".join(f"DELETE FROM {table.name}" for table in reversed(Base.metadata.sorted_tables))


# Whoever asks for the settings of this very process finds nobody: least of all a developer's database.
_NOBODY = {
    "LAUNCH_MODE": "TEST",
    "SECRET_KEY": "only in tests, where nothing is kept",
    "DB_PORT": "1",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    "CELERY_RESULT_BACKEND": "redis://127.0.0.1:1/0",
}


def pytest_configure(config: pytest.Config) -> None:
    with variables_set(_NOBODY):
        assert settings_module.settings.DB_PORT == 1  # read now, and once
    declared.hold_to_declarations()
    # Entered where the run starts, so that the workers of a parallel run find its servers.
    stack = ExitStack()
    config.stash[_SERVERS] = stack.enter_context(servers_for_tests(ROOT / ".local" / "tests"))
    config.add_cleanup(stack.close)


_PARTS = {
    "architecture": "domain and services",
    "application": "domain and services",
    "domain": "domain and services",
    "fuzz": "doors",
    "infrastructure": "domain and services",
    "interfaces": "doors",
    "infrastructure/messaging": "messages and failures",
    "failure": "messages and failures",
    "local": "local environment",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long each part of the suite worked, added up over the parallel workers, and what it asked."""
    seconds: defaultdict[str, float] = defaultdict(float)
    queries = requests = 0
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            folders = report.nodeid.split("/")[1:3]
            part = _PARTS.get("/".join(folders)) or _PARTS.get(folders[0], "other")
            seconds[part] += report.duration
            if report.when == "teardown":
                queries += _told(report, "queries")
                requests += _told(report, "requests")
    terminalreporter.write_line(", ".join(f"{part} {spent:.0f} s" for part, spent in seconds.items()))
    if queries:
        terminalreporter.write_line(f"{queries} queries were generated, and compared with their reference")
    if requests:
        terminalreporter.write_line(
            f"{requests} requests were generated, and their answers compared with the document"
        )


def _told(report: pytest.TestReport, what: str) -> int:
    return sum(cast("int", number) for name, number in report.user_properties if name == what)


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Addresses:
    return pytestconfig.stash[_SERVERS]


@pytest.fixture(scope="session")
def environment(servers: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return the variables of a process under test: servers of the run, a migrated database of the worker."""
    postgresql = servers.postgresql
    redis = servers.redis_url.rpartition("/")[0]
    number = int(_WORKER.removeprefix("gw"))
    variables = {
        **postgresql,
        "DB_NAME": f"test_{_WORKER}",
        "LAUNCH_MODE": "TEST",
        "SECRET_KEY": "only in tests, where nothing is kept",
        "BCRYPT_ROUNDS": "4",
        "RATE_LIMIT_ENABLED": "false",
        "CONNECTIONS_POOL_MIN_SIZE": "2",
        "CONNECTIONS_POOL_MAX_OVERFLOW": "8",
        "REDIS_URL": f"{redis}/{number}",
        "CELERY_BROKER_URL": f"{redis}/{4 + number}",
        "CELERY_RESULT_BACKEND": f"{redis}/{8 + number}",
        "MESSAGE_BROKER_URL": f"{redis}/{number}",
        "MAIL_FOLDER": str(tmp_path_factory.mktemp("mail")),
    }
    name = variables["DB_NAME"]
    asyncio.run(run_sql(postgresql, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"'))
    migrate(variables)
    asyncio.run(run_sql(variables, ANNOUNCE_USERS))
    return variables


async def run_sql(variables: Mapping[str, str], *statements: str) -> None:
    """Run statements on the database of these variables."""
    connection = await asyncpg.connect(
        host=variables["DB_HOST"],
        port=int(variables["DB_PORT"]),
        user=variables["DB_USER"],
        password=variables["DB_PASSWORD"],
        database=variables["DB_NAME"],
    )
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


def migrate(variables: Mapping[str, str]) -> None:
    """Bring the database of these variables to the newest migration."""
    with variables_set(variables):
        command.upgrade(Config(ROOT / "alembic.ini"), "head")


@contextmanager
def variables_set(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for what reads its settings in this very process, as Alembic does."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def settings(environment: Mapping[str, str]) -> SettingsTest:
    # Without the files, which are a developer's own.
    settings: SettingsTest = cast("Any", SettingsTest)(_env_file=None, **environment)
    return settings


@pytest.fixture(scope="session")
async def running(settings: SettingsTest) -> AsyncIterator[Process]:
    async with bootstrap(settings, name="tests") as process:
        yield process


@pytest.fixture
async def process(running: Process) -> AsyncIterator[Process]:
    """Return the application on real servers; what the test has stored is gone after it."""
    yield running
    await running.database.pool.execute(_EMPTY)


@pytest.fixture
def container(process: Process) -> Container:
    return process.container


@pytest.fixture(scope="session")
def redis_url(servers: Addresses) -> str:
    return servers.redis_url


@pytest.fixture(scope="session")
def amqp_url(servers: Addresses) -> str:
    with _unless_left_out():
        return servers.amqp_url


@pytest.fixture(scope="session")
def tansu_url(servers: Addresses) -> str:
    with _unless_left_out():
        return f"kafka://{servers.tansu}"


@pytest.fixture(scope="session")
def noida_url(servers: Addresses) -> str:
    with _unless_left_out():
        return f"kafka://{servers.noida}"


@contextmanager
def _unless_left_out() -> Iterator[None]:
    try:
        yield
    except LeftOutError as left_out:
        pytest.skip(str(left_out))


@pytest.fixture(autouse=True)
def _as_declared() -> Iterator[None]:
    """Fail the test in which a use case lets out an error that it does not declare."""
    declared.undeclared.clear()
    yield
    assert not declared.undeclared, "\n".join(declared.undeclared)
