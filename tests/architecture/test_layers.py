"""What import-linter cannot say of the layers."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from src.app.config.settings import ROOT

DOMAIN = ROOT / "src" / "app" / "domain"


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


class TestDomain:
    def test_it_imports_the_standard_library_and_itself(self) -> None:
        for file in DOMAIN.rglob("*.py"):
            for module in imported(file):
                is_known = module.partition(".")[0] in sys.stdlib_module_names
                assert is_known or module.startswith("src.app.domain."), f"{file.name} imports {module}"


class TestApplication:
    def test_it_is_handed_values_and_knows_no_settings(self) -> None:
        for file in (ROOT / "src" / "app" / "application").rglob("*.py"):
            assert "src.app.config.settings" not in set(imported(file)), file.name
