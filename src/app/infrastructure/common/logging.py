"""Logs by loguru: JSON lines in PROD, readable lines else; the standard library's flow into it.

Nothing secret is logged because nobody hands it over: requests are logged without their bodies,
headers and query strings, settings hold `SecretStr`, and driver errors are logged without
the values of their statements.
"""

import inspect
import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

import orjson
from loguru import logger

from src.app.application.common.context import request_id
from src.app.config.settings import LaunchMode, Settings

if TYPE_CHECKING:
    from loguru import Message, Record

_READABLE = (
    "<dim>{time:YYYY-MM-DD HH:mm:ss.SSS}</dim> <level>{level: <7}</level> "
    "<cyan>{extra[process]}</cyan> {message} <dim>{extra[request_id]}</dim>"
)
_TALKATIVE = ("aio_pika", "aiokafka", "aiormq", "asyncio", "grpc", "httpx", "httpx2", "kafka", "kombu", "urllib3")


RequestLog = Callable[..., None]
"""Logs one request that was answered: a message, and what is known of it as keywords."""


def configure_logging(settings: Settings, *, process: str) -> RequestLog:
    """Send every log of this process to standard error, and to `LOG_FILE_PATH` if that is set.

    What is returned logs requests. Each of them pays for its line, and loguru's costs six times
    what writing it does; so where a line is all that becomes of it, it is written.
    """
    logger.remove()
    logger.configure(extra={"process": process, "request_id": ""}, patcher=_add_request_id)
    is_json = settings.LAUNCH_MODE is LaunchMode.PROD
    # `diagnose` would print the values of local variables, passwords among them.
    if is_json:
        logger.add(_write_json, level=settings.LOG_LEVEL, format="{message}", diagnose=False, backtrace=False)
    else:
        logger.add(sys.stderr, level=settings.LOG_LEVEL, format=_READABLE, diagnose=False, backtrace=False)
    if settings.LOG_FILE_PATH is not None:
        logger.add(
            settings.LOG_FILE_PATH,
            level=settings.LOG_LEVEL,
            format=_json_format,
            diagnose=False,
            rotation="00:00",
            retention="30 days",
        )
    logging.basicConfig(handlers=[_Forward()], level=logging.INFO, force=True)
    # uvicorn makes loggers of its own before we come: what they say goes our way too, but for its
    # access log, which would write down query strings and the tokens in them.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    is_only_a_line = is_json and settings.LOG_FILE_PATH is None and settings.LOG_LEVEL in {"DEBUG", "INFO"}
    return partial(_write_request, process) if is_only_a_line else _log_request


def _log_request(message: str, **facts: Any) -> None:
    logger.bind(**facts).info("{}", message)


def _write_request(process: str, message: str, **facts: Any) -> None:
    line = {
        "time": datetime.now(UTC),
        "level": "INFO",
        "message": message,
        "logger": __name__,
        "process": process,
        "request_id": request_id.get(),
        **facts,
    }
    sys.stderr.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode())


class _Forward(logging.Handler):
    """Hands the standard library's records on to loguru, as from where they were made."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        frame: FrameType | None = inspect.currentframe()
        depth = 0
        while frame is not None and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame, depth = frame.f_back, depth + 1
        logger.opt(depth=depth, exception=record.exc_info).log(level, "{}", record.getMessage())


def _add_request_id(record: "Record") -> None:
    record["extra"]["request_id"] = record["extra"].get("request_id") or request_id.get()


def _write_json(message: "Message") -> None:
    sys.stderr.write(_json_line(message.record))


def _json_format(record: "Record") -> str:
    record["extra"]["json"] = _json_line(record)
    return "{extra[json]}"


def _json_line(record: "Record") -> str:
    line = {
        "time": record["time"],
        "level": record["level"].name,
        "message": record["message"],
        "logger": record["name"],
        **{name: value for name, value in record["extra"].items() if name != "json"},
    }
    if record["exception"] is not None:
        line["traceback"] = "".join(traceback.format_exception(*record["exception"]))
    return orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE).decode()
