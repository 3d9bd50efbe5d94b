import os
import sys
from pathlib import Path

import pytest

from src.local.ports import free_port
from src.local.signals import StopSignals
from src.local.supervisor import HealthPage, Program, ProgramDiedError, Supervisor

_CHILD = Path(__file__).with_name("child.py")


def supervisor(folder: Path, **variables: str) -> Supervisor:
    return Supervisor(root=folder, logs=folder, environment={**os.environ, **variables}, signals=StopSignals())


class TestWhoIsNotReady:
    def test_it_says_itself_what_is_missing_and_is_not_asked_too_often(self, tmp_path: Path) -> None:
        port = free_port()
        page = HealthPage(f"http://127.0.0.1:{port}/health/ready/")
        api = Program("api", [sys.executable, str(_CHILD), "refuse"], page.is_ok, why_not=page.why_not)
        programs = supervisor(tmp_path, API_PORT=str(port))

        with pytest.raises(ProgramDiedError) as death:
            programs.start([api], patience=2.2)
        programs.stop(patience=1)

        first, second, *_ = str(death.value).splitlines()
        assert first == "api was not ready within 2 s."
        assert second == f'http://127.0.0.1:{port}/health/ready/ answers 503: {{"missing": ["migrations"]}}'
        # Twenty times in the first second, then four times a second.
        assert (tmp_path / "api.log").read_text().count("GET") <= 26
