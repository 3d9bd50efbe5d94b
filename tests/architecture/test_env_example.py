"""`.env.example` is the manual of settings, so it says what the classes say."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from src.app.config.settings import ROOT, LaunchMode, Settings, SettingsLocal

EXAMPLE = ROOT / ".env.example"
SECRET = SecretStr("a secret of its own, long enough for the test")

CONCERNS = [base for base in Settings.__bases__ if issubclass(base, BaseSettings)]
ELSEWHERE = {
    "WEB_CONCURRENCY": ROOT / "src/app/interfaces/cli/gunicorn_config.py",
    "TEST_WITHOUT_BROKERS": ROOT / "src/local/testing.py",
}


@dataclass(frozen=True)
class Entry:
    """A variable of the manual: the section it stands in, its meaning and its value."""

    section: str
    name: str
    meaning: str
    value: str


def entries() -> list[Entry]:
    found, section = [], ""
    lines = EXAMPLE.read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if heading := re.match(r"# (\w+):", line):
            section = heading[1]
        if variable := re.match(r"([A-Z_]+)=(.*)", line):
            found.append(Entry(section, variable[1], before, variable[2]))
    return found


def own_fields(concern: type[BaseSettings]) -> list[str]:
    return [name for name in concern.model_fields if name in concern.__annotations__]


def plain(value: Any) -> str:
    """Write a default as a person reads it: a path from the root, a secret in the open."""
    if isinstance(value, Path) and value.is_relative_to(ROOT):
        return str(value.relative_to(ROOT))
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value)


@pytest.fixture
def without_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, *ELSEWHERE):
        monkeypatch.delenv(name, raising=False)


class TestTheManual:
    def test_it_names_every_variable_under_its_class_in_their_order(self) -> None:
        classes = [(concern.__name__, own_fields(concern)) for concern in CONCERNS]

        sections: dict[str, list[str]] = {}
        for entry in entries():
            sections.setdefault(entry.section, []).append(entry.name)

        assert [*sections.items()] == [*classes, ("Elsewhere", list(ELSEWHERE))]

    def test_each_variable_has_one_line_of_meaning(self) -> None:
        unexplained = [entry.name for entry in entries() if not re.fullmatch(r"# .+\.", entry.meaning)]

        assert unexplained == [], "say above each what it means, in a whole sentence"

    @pytest.mark.usefixtures("without_environment")
    def test_copied_to_env_it_changes_nothing(self) -> None:
        copied = SettingsLocal(_env_file=EXAMPLE, SECRET_KEY=SECRET)
        absent = SettingsLocal(_env_file=None, SECRET_KEY=SECRET)

        assert copied == absent

    def test_a_default_that_is_not_the_value_stands_in_the_meaning(self) -> None:
        optional = {name: field for name, field in Settings.model_fields.items() if not field.is_required()}
        defaults = {name: field.default for name, field in optional.items()}

        untold = {
            entry.name: plain(defaults[entry.name])
            for entry in entries()
            if not entry.value
            and defaults.get(entry.name) not in (None, "")
            and not re.search(rf"Default: {re.escape(plain(defaults[entry.name]))}[.;,]", entry.meaning)
        }
        assert untold == {}

    @pytest.mark.parametrize(("name", "reader"), ELSEWHERE.items(), ids=str)
    def test_what_the_classes_do_not_read_somebody_else_does(self, name: str, reader: Path) -> None:
        assert name in reader.read_text()

    def test_it_holds_no_secret(self) -> None:
        secrets = {"API_KEY", "DB_PASSWORD", "METRICS_TOKEN", "SECRET_KEY", "SMTP_PASSWORD", "SUPERADMIN_PASSWORD"}

        assert {entry.value for entry in entries() if entry.name in secrets} == {""}

    def test_the_mode_is_the_one_that_counts_when_none_is_named(self) -> None:
        assert [entry.value for entry in entries() if entry.name == "LAUNCH_MODE"] == [LaunchMode.LOCAL]
