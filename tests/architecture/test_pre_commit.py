"""The hooks of a commit run what `beautify.sh` runs."""

import re
import subprocess
import sys

import yaml  # type: ignore[import-untyped]

from src.app.config.settings import ROOT

CONFIG = ROOT / ".pre-commit-config.yaml"


def test_the_hooks_run_the_checks_of_beautify_and_nothing_else() -> None:
    checks = re.findall(r"^ *run (.*)", (ROOT / "beautify.sh").read_text(), re.MULTILINE)
    (repository,) = yaml.safe_load(CONFIG.read_text())["repos"]

    assert {tool_of(hook["entry"]) for hook in repository["hooks"]} == {tool_of(check) for check in checks}


def test_the_file_is_one_that_pre_commit_takes() -> None:
    done = subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", CONFIG], check=False)

    assert done.returncode == 0


def tool_of(command: str) -> str:
    """Return what a command checks with: without its folder, its options and its files."""
    words = command.removeprefix(".venv/bin/").split()
    return " ".join(word for word in words if not word.startswith("--") and word != ".")
