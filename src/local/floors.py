"""Compares the locks with `.launch/locks/floors.txt`: no package may be older than its last known hole.

The table is committed, so that a check passes or fails for the same reasons tomorrow.
"""

import re
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

LOCKS = Path(__file__).resolve().parents[2] / ".launch" / "locks"


def main() -> int:
    floors = [Requirement(line.partition("#")[0]) for line in _lines(LOCKS / "floors.txt")]
    wrong = [
        f"{lock.name}: {floor.name} {version} is not {floor.specifier}"
        for lock in sorted(LOCKS.glob("*.txt"))
        if lock.name != "floors.txt"
        for floor in floors
        for version in _locked(lock).get(floor.name, ())
        if version not in floor.specifier
    ]
    print("\n".join(wrong) or "Every locked package is at or above its floor.")
    return 1 if wrong else 0


def _locked(lock: Path) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for line in _lines(lock):
        if pinned := re.match(r"([a-z0-9-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", line):
            found.setdefault(pinned[1], []).append(Version(pinned[2]))
    return found


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


if __name__ == "__main__":
    sys.exit(main())
