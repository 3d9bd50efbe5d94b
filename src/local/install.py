"""Makes `.venv` and installs a lock into it; also `python3 -m src.local.install local|dev|benchmarks`.

Runs before anything is installed, so it needs nothing but Python's own library.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from src.local.progress import step

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("local", "dev", "benchmarks")
"""Each holds all of the one before it."""


class InstallError(Exception):
    """The environment cannot be made; the message says what to do."""


def install(name: str, *, root: Path = ROOT) -> Path:
    """Make sure that `.venv` works and holds at least this lock, and return its Python.

    A second time it costs nothing.

    Raises:
        InstallError: a Debian package is missing, or the installation failed.
    """
    (root / ".local").mkdir(exist_ok=True)
    with (root / ".local" / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = root / ".venv" / "bin" / "python"
        mark = root / ".venv" / "installed"
        installed = mark.read_text() if mark.exists() else ""
        # A later start that needs less does not take away what is there.
        name = max([name, *(lock for lock in LOCKS if installed.startswith(f"{lock} "))], key=LOCKS.index)
        file = root / ".launch" / "locks" / f"{name}.txt"
        wanted = f"{name} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        works = _works(python)
        if works and installed == wanted:
            return python
        if not works:
            with step("environment"):
                _make_environment(root / ".venv")
        with step("packages"):
            _install(file, python)
            _compile(root / "src", python)
        mark.write_text(wanted)
    return python


def main(names: list[str]) -> int:
    try:
        for name in names:
            install(name)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _works(python: Path) -> bool:
    try:
        return subprocess.run([python, "-I", "-S", "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_environment(folder: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = sysconfig.get_python_version()
        raise InstallError(
            f"Python {version} lacks venv; on Debian, as root: apt-get install python{version}-venv"
        )
    if folder.exists():
        shutil.rmtree(folder)
    _call([sys.executable, "-m", "venv", folder])


def _install(lock: Path, python: Path) -> None:
    """Install by uv, which is ten times faster; where it cannot be had or cannot reach the packages, by pip."""
    if importlib.util.find_spec("ensurepip") and _fails([python, "-m", "pip", "--version"]):
        _call([python, "-m", "ensurepip"])
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]
    try:
        _call([*pip, "--require-hashes", "-r", Path(__file__).with_name("uv.txt")])
        _call([python, "-m", "uv", "pip", "install", "--python", python, "--require-hashes", "-r", lock])
    except InstallError:
        _call([*pip, "--require-hashes", "-r", lock])


def _compile(sources: Path, python: Path) -> None:
    # Half a second here spares the processes, which start side by side, to do it each for itself.
    # Of the packages they use a small part, so compiling all takes longer than it spares.
    _fails([python, "-m", "compileall", "-q", "-j", "0", sources])


def _fails(command: list[str | Path]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


def _call(command: list[str | Path]) -> None:
    # Settings of an environment that happens to be active must not lead elsewhere.
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONHOME")}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip().splitlines()
        raise InstallError("\n".join([f"failed: {' '.join(map(str, command))}", *output[-15:]]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
