"""The documents: they build, and what they name is there."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from src.app.config.settings import ROOT, Settings
from src.app.domain.common.events.base import DomainEvent
from src.app.infrastructure import bootstrap as _bootstrap  # noqa: F401  loads the events of every context
from src.app.infrastructure.persistence.models.container import SCHEMA_REVISION
from src.app.interfaces.cli.consume import HANDLERS_MAP
from src.local.options import PROCESSES

DOCS = ROOT / "docs" / "source"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
DECISIONS = sorted((DOCS / "adr").glob("0*.md"))
HEADINGS = ["Context", "Decision", "Consequences", "When it does not apply", "Where"]

OPTIONS = {*PROCESSES, "tests", "benchmarks", "fuzz"}
VARIABLES = {
    *Settings.model_fields,
    "WEB_CONCURRENCY",
    # What Compose asks for beside the settings.
    "FLOWER_BASIC_AUTH",
    "RABBITMQ_PASSWORD",
    "REDIS_PASSWORD",
    # Names of the code and of errors, which look alike.
    "ALREADY_EXISTS",
    "HANDLERS_MAP",
    "NOT_SERVING",
    "IDEMPOTENCY_KEY_REUSED",
    "PRECONDITION_FAILED",
    "REQUEST_ALREADY_DONE",
    "REQUEST_IN_PROGRESS",
    "SCHEMA_REVISION",
    "UNSUPPORTED_API_VERSION",
    "VALIDATION_ERROR",
}
EXAMPLES = re.compile("plans|your_service|docs/build")


def named(page: Path, pattern: str) -> set[str]:
    return set(re.findall(pattern, page.read_text()))


def events(kind: type[DomainEvent] = DomainEvent) -> set[str]:
    own = {kind.name} if "name" in kind.__dict__ else set()
    return own.union(*(events(child) for child in kind.__subclasses__()))


class TestTheBuild:
    def test_it_has_no_warning(self, tmp_path: Path) -> None:
        options = ["-W", "--keep-going", "-q", "-b", "html"]
        command = [sys.executable, "-m", "sphinx", *options, str(DOCS), str(tmp_path)]

        done = subprocess.run(command, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        assert (tmp_path / "index.html").exists()


class TestWhatThePagesName:
    def test_files_exist(self) -> None:
        files = {
            (page.name, name)
            for page in PAGES
            for name in named(page, r"(?:^|[\s`(/])((?:src|tests|docs|benchmarks|\.launch)/[\w./-]*\w)")
            if not EXAMPLES.search(name)
        }
        assert {(page, name) for page, name in files if not (ROOT / name).exists()} == set()

    def test_modules_can_be_run(self) -> None:
        modules = {
            (page.name, name) for page in PAGES for name in named(page, r"(?:python -m|celery -A) (src[\w.]+\w)")
        }
        assert {(page, name) for page, name in modules if find_spec(name) is None} == set()

    def test_options_are_the_launchers(self) -> None:
        assert {(page.name, name) for page in PAGES for name in named(page, r"--run_(\w+)") - OPTIONS} == set()

    def test_variables_are_settings(self) -> None:
        unknown = {(page.name, name) for page in PAGES for name in named(page, r"`([A-Z]+_[A-Z_]+)`") - VARIABLES}

        assert unknown == set()

    def test_the_next_migration_is_the_next(self) -> None:
        assert named(DOCS / "contexts.md", r"--rev-id (\d+)") == {f"{int(SCHEMA_REVISION) + 1:04}"}

    def test_every_event_in_and_out_is_told_of(self) -> None:
        told = named(DOCS / "messages.md", r"\n\| `([a-z]+\.[a-z_]+)` \|")

        assert told == HANDLERS_MAP.keys() | events()


class TestTheReadme:
    def test_it_is_read_in_a_few_minutes(self) -> None:
        assert len(README.read_text().splitlines()) <= 150


class TestTheDecisions:
    @pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
    def test_each_has_the_same_form(self, page: Path) -> None:
        text = page.read_text()

        assert text.startswith(f"# {page.name[:4]}: ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS

    def test_they_are_numbered_without_a_gap(self) -> None:
        assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))

    def test_those_that_the_code_names_exist(self) -> None:
        sources = (ROOT / "src").rglob("*.py")

        cited = {number for source in sources for number in re.findall(r"docs/adr/(\d{4})", source.read_text())}

        assert cited <= {page.name[:4] for page in DECISIONS}
