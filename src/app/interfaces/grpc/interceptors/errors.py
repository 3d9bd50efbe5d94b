from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn

import grpc
from google.rpc.status_pb2 import Status
from grpc import aio
from grpc_status import rpc_status
from loguru import logger
from uuid_utils.compat import uuid7

from src.app.domain.common.exceptions import AppException
from src.app.interfaces.grpc.interceptors.call import Call, Proceed
from src.app.interfaces.grpc.statuses import refusal, status_of
from src.app.interfaces.outcomes import outcome_of


async def errors(call: Call, proceed: Proceed) -> Any:
    """Tells the caller what an error of ours is, and of any other only that there was one."""
    try:
        return await proceed(call)
    except aio.AbortError:
        raise
    except AppException as error:
        if outcome_of(type(error)).http >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.opt(exception=error).error("{} in {}: {!r}", error.code, call.method, error)
        await _abort(call, status_of(error))
    except NotImplementedError:
        await refuse(call, grpc.StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED", "This method is not there yet")
    except Exception as error:
        error_id = str(uuid7())
        logger.bind(error_id=error_id).opt(exception=error).error("INTERNAL in {}: {!r}", call.method, error)
        message = "An unexpected error occurred"
        await refuse(call, grpc.StatusCode.INTERNAL, "INTERNAL_ERROR", message, {"error_id": error_id})


async def refuse(
    call: Call, code: grpc.StatusCode, reason: str, message: str, facts: Mapping[str, str] | None = None
) -> NoReturn:
    """End the call with an error that is none of the application's."""
    await _abort(call, refusal(code, reason, message, facts))


async def _abort(call: Call, status: Status) -> NoReturn:
    carried = rpc_status.to_status(status)
    await call.context.abort(carried.code, carried.details, (*call.headers, *carried.trailing_metadata))
    raise AssertionError("abort() always raises")
