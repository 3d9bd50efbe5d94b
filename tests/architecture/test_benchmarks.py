"""The benchmarks can be asked for, and what they find has the shape that is promised. No times are judged."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.__main__ import BENCHMARKS
from benchmarks.report import Row, at_least, at_most
from src.app.config.settings import ROOT

MISSED = Row("requests/s, of the limit", 0.2, must=at_least(0.33), goal=at_least(0.45))
MET = Row("idle memory, times", 1.1, must=at_most(1.25), goal=at_most(1.05), detail="99 MiB of 90 MiB")


class TestCommand:
    def test_help_names_every_benchmark(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        )

        assert ", ".join(BENCHMARKS) in done.stdout

    def test_an_unknown_name_is_refused_with_the_known_ones(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False
        )

        assert done.returncode == 2
        assert "no benchmark is called nothing; there are edge, footprint" in done.stderr


class TestReport:
    def test_json_holds_the_promised_keys(self, tmp_path: Path) -> None:
        report.write(tmp_path / "results" / "rest.json", [MET])

        assert json.loads((tmp_path / "results" / "rest.json").read_text()) == [
            {
                "what": "idle memory, times",
                "value": 1.1,
                "must": "≤ 1.25",
                "goal": "≤ 1.05",
                "detail": "99 MiB of 90 MiB",
            }
        ]

    def test_a_miss_counts_when_both_runs_missed(self) -> None:
        better = Row(MISSED.what, 0.4, must=MISSED.must)

        assert [row.is_missed for row in report.of_two_runs([MISSED], [MISSED])] == [True]
        assert [row.is_missed for row in report.of_two_runs([MISSED], [better])] == [False]
        assert report.of_two_runs([MISSED], [better])[0].detail == "first run 0.20"
        assert report.of_two_runs([better], [MISSED]) == [better]

    def test_the_table_marks_what_is_missed(self) -> None:
        lines = report.table([MISSED, MET]).splitlines()

        assert lines[2].startswith("!  requests/s, of the limit")
        assert lines[3].startswith("   idle memory, times")
