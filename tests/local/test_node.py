"""The packages of npm: installed once, from a lock that names no registry."""

import json
from pathlib import Path

import pytest

from src.local import node
from src.local.node import NodeError, packages, tool

LOCK = node.ROOT / ".launch" / "locks" / "package-lock.json"


class TestPackages:
    def test_they_are_installed_once(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(node, "FOLDER", tmp_path / "node")

        installed = packages()
        (installed / "untouched").touch()

        assert packages() == installed
        assert (installed / "untouched").exists()

    def test_another_lock_is_installed_anew(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(node, "FOLDER", tmp_path / "node")
        installed = packages()
        (installed / "left").touch()
        (tmp_path / "node" / "installed").write_text("another lock")

        packages()

        assert not (installed / "left").exists()

    def test_the_lock_names_versions_and_digests_and_no_address(self) -> None:
        locked = json.loads(LOCK.read_text())["packages"]

        assert all("resolved" not in package for package in locked.values())
        assert all("integrity" in package for name, package in locked.items() if name)


class TestTools:
    def test_one_that_fails_says_why(self) -> None:
        with pytest.raises(NodeError, match=r"nothing\.yaml"):
            tool("redocly", "lint", "nothing.yaml")
