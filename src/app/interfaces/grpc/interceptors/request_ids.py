from typing import Any

from uuid_utils.compat import uuid7

from src.app.application.common.context import is_request_id, request_id
from src.app.interfaces.grpc.interceptors.call import Call, Proceed

REQUEST_ID = "x-request-id"


async def request_ids(call: Call, proceed: Proceed) -> Any:
    """Takes over the caller's request id or makes one, and tells it to the caller."""
    given = str(call.metadata.get(REQUEST_ID, ""))
    id_ = given if is_request_id(given) else str(uuid7())
    request_id.set(id_)
    call.headers = (*call.headers, (REQUEST_ID, id_))
    return await proceed(call)
