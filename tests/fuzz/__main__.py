"""The long fuzz, its table and `.local/results/fuzz.json`: `bash local_run.sh --run_fuzz`."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree.ElementTree import Element, parse

from benchmarks import report
from benchmarks.report import Row, at_most
from src.app.config.settings import ROOT

_PYTEST = ("-n2", "--hypothesis-profile=nightly", "-o", "faulthandler_timeout=0", "-v", "tests/fuzz")


def main() -> int:
    with TemporaryDirectory() as folder:
        outcome = Path(folder) / "outcome.xml"
        command = [sys.executable, "-m", "pytest", *_PYTEST, f"--junitxml={outcome}"]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if not outcome.exists():
            return status or 1
        rows = [row for case in parse(outcome).iter("testcase") for row in _rows(case)]
    report.write(ROOT / ".local" / "results" / "fuzz.json", rows)
    sys.stdout.write(f"\n{report.table(rows)}\n")
    return status


def _rows(case: Element) -> list[Row]:
    name = case.attrib["name"].partition("[")[2].removesuffix("]")
    seconds = f"{float(case.attrib['time']):.0f} s"
    requests = [int(each.attrib["value"]) for each in case.iter("property") if each.attrib["name"] == "requests"]
    failures = len([*case.iter("failure"), *case.iter("error")])
    return [
        *(Row(f"requests as {name}", number, detail=seconds) for number in requests),
        Row(f"failed runs as {name}", failures, must=at_most(0)),
    ]


if __name__ == "__main__":
    sys.exit(main())
