import json
import os
import subprocess
import sys
from collections.abc import Mapping

from src.app.config.settings import ROOT

_PROGRAM = """
import logging
from loguru import logger
from src.app.application.common.context import request_id
from src.app.config.settings import settings
from src.app.infrastructure.common.logging import configure_logging

configure_logging(settings, process="tests")
request_id.set("request-0004")
logger.bind(status=200).info("A line")
logging.getLogger("some.library").warning("A line of a library")
try:
    password = "a secret value of a variable"
    1 / 0
except ZeroDivisionError:
    logger.exception("A fault")
"""


def lines(environment: Mapping[str, str], **variables: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.splitlines()


class TestProduction:
    def test_every_line_is_json(self, environment: Mapping[str, str]) -> None:
        production = {"LAUNCH_MODE": "PROD", "SHOW_API_DOCS": "false", "BCRYPT_ROUNDS": "12"}

        line, of_library, fault = map(json.loads, lines(environment, **production))

        assert (line["message"], line["level"], line["status"]) == ("A line", "INFO", 200)
        assert (line["process"], line["request_id"]) == ("tests", "request-0004")
        assert (of_library["message"], of_library["level"]) == ("A line of a library", "WARNING")
        assert "ZeroDivisionError" in fault["traceback"]
        assert "a secret value" not in json.dumps(fault).replace('password = \\"a secret value', "")


class TestLocal:
    def test_lines_are_for_people_and_show_no_values_of_variables(self, environment: Mapping[str, str]) -> None:
        text = lines(environment)

        assert "INFO" in text[0]
        assert text[0].endswith("A line request-0004")
        assert not [line for line in text if "└ 'a secret" in line]
