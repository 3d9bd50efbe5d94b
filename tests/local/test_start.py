import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

_LOCAL = Path(__file__).resolve().parents[2] / "src" / "local"


def installed(checkout: Path) -> Path:
    """Make a checkout where there is nothing to install, and whose launcher says what it was given."""
    shutil.copytree(_LOCAL, checkout / "src" / "local")
    (checkout / "src" / "local" / "__main__.py").write_text("import sys\nprint(sys.dont_write_bytecode)\n")
    lock = checkout / ".launch" / "locks" / "local.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text("")
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (checkout / ".venv" / "installed").write_text(f"local {hashlib.sha256(b'').hexdigest()}")
    return checkout


class TestStart:
    def test_what_one_start_compiles_the_next_one_finds_wherever_it_runs(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "src.local.start", "run"],
            cwd=installed(tmp_path),
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.stdout == "False\n", done.stderr
