import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from src.app.config.settings import ROOT, LaunchMode, Settings, SettingsLocal, SettingsProd, SettingsTest

SECRET = "k3Zq8vN1xW7pT5rY2mB9cJ4hF6gD0uLa"
PRODUCTION = {"SECRET_KEY": SECRET, "DB_PASSWORD": "x7-not-the-default", "SHOW_API_DOCS": "false"}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A checkout with nothing but the settings in it, so that no file of this one is read."""
    for part in ("src/app/config/settings.py", "src/app/__init__.py", "src/__init__.py"):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / part).write_bytes((ROOT / part).read_bytes())
    return tmp_path


def loaded(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    program = "from src.app.config.settings import settings; print(settings.LAUNCH_MODE, settings.DB_PORT)"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def made(cls: type[Settings], **variables: str) -> Settings:
    settings: Settings = cast("Any", cls)(_env_file=None, **PRODUCTION, **variables)
    return settings


class TestSources:
    def test_the_environment_beats_the_users_file_beats_the_generated_one(self, elsewhere: Path) -> None:
        (elsewhere / ".local").mkdir()
        (elsewhere / ".local" / "env").write_text(f"SECRET_KEY={SECRET}\nDB_PORT=1\n")
        assert loaded(elsewhere).stdout == "LOCAL 1\n"

        (elsewhere / ".env").write_text("DB_PORT=2\nREDIS_URL=\n")
        assert loaded(elsewhere).stdout == "LOCAL 2\n"
        assert loaded(elsewhere, DB_PORT="3").stdout == "LOCAL 3\n"

    def test_an_empty_value_counts_as_absent(self, elsewhere: Path) -> None:
        (elsewhere / ".local").mkdir()
        (elsewhere / ".local" / "env").write_text(f"SECRET_KEY={SECRET}\nDB_PORT=1\n")
        (elsewhere / ".env").write_text("DB_PORT=\n")

        assert loaded(elsewhere, DB_PORT="").stdout == "LOCAL 1\n"


class TestEverywhere:
    def test_credentials_are_not_for_every_origin(self, elsewhere: Path) -> None:
        refused = loaded(
            elsewhere, SECRET_KEY=SECRET, CORS_ORIGIN_WHITELIST='["*"]', CORS_ALLOW_CREDENTIALS="true"
        )

        assert refused.returncode != 0
        assert "CORS_ALLOW_CREDENTIALS" in refused.stderr


class TestProduction:
    def test_every_reason_is_told_at_once(self, elsewhere: Path) -> None:
        refused = loaded(
            elsewhere,
            LAUNCH_MODE="PROD",
            DEBUG="true",
            CORS_ORIGIN_WHITELIST='["*"]',
            CORS_ALLOW_CREDENTIALS="true",
            API_PORT="99999",
            METRICS_TOKEN="x",
            API_KEY="1",
            BCRYPT_ROUNDS="4",
            SUPERADMIN_PASSWORD="admin",
            TRUSTED_PROXIES='["0.0.0.0/0"]',
        )

        assert refused.returncode != 0
        reasons = refused.stderr[refused.stderr.index("Allium cannot start in PROD") :]
        for variable in (
            "SECRET_KEY", "DEBUG", "SHOW_API_DOCS", "DB_PASSWORD", "CORS_ALLOW_CREDENTIALS", "API_PORT",
            "METRICS_TOKEN", "API_KEY", "BCRYPT_ROUNDS", "SUPERADMIN_PASSWORD", "TRUSTED_PROXIES",
        ):  # fmt: skip
            assert f"  {variable}: " in reasons

    @pytest.mark.parametrize(
        "secret",
        ["tiny-one", "a" * 40, "abcdefgh" * 4, "change-me-change-me-change-me-change-me", "your_secret_key_" * 3],
    )
    def test_a_weak_secret_is_refused_and_not_shown(self, elsewhere: Path, secret: str) -> None:
        refused = loaded(elsewhere, LAUNCH_MODE="PROD", **PRODUCTION | {"SECRET_KEY": secret})

        assert refused.returncode != 0
        assert "SECRET_KEY" in refused.stderr
        assert secret not in refused.stderr

    def test_a_list_that_is_none_is_one_line(self, elsewhere: Path) -> None:
        refused = loaded(elsewhere, LAUNCH_MODE="PROD", **PRODUCTION, CORS_ORIGIN_WHITELIST="not json")

        assert 'error parsing value for field "CORS_ORIGIN_WHITELIST"' in refused.stderr

    def test_what_is_decided_and_strong_starts(self, elsewhere: Path) -> None:
        assert loaded(elsewhere, LAUNCH_MODE="PROD", **PRODUCTION).stdout == "PROD 5440\n"


class TestModes:
    def test_a_class_is_its_mode(self) -> None:
        for cls, mode in ((SettingsLocal, "LOCAL"), (SettingsTest, "TEST"), (SettingsProd, "PROD")):
            assert made(cls, LAUNCH_MODE="LOCAL").LAUNCH_MODE is LaunchMode(mode)

    def test_secrets_are_not_shown(self) -> None:
        settings = made(SettingsLocal, DB_HOST="db", DB_PORT="5440", DB_NAME="proto", DB_USER="dev")

        assert SECRET not in repr(settings)
        assert "x7-not" not in repr(settings)
        assert settings.DB_URL == "postgresql+asyncpg://dev:x7-not-the-default@db:5440/proto"
