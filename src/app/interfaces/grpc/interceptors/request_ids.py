from typing import Any

from src.app.application.common.context import request_id, request_id_of
from src.app.interfaces.grpc.interceptors.call import Call, Proceed

REQUEST_ID = "x-request-id"


async def request_ids(call: Call, proceed: Proceed) -> Any:
    """Takes over the caller's request id or makes one, and tells it to the caller."""
    id_ = request_id_of(str(call.metadata.get(REQUEST_ID, "")))
    request_id.set(id_)
    call.headers = (*call.headers, (REQUEST_ID, id_))
    return await proceed(call)
