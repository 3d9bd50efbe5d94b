"""Bodies that every resource shares, as the API document shows them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel


class ErrorDetail(BaseModel):
    field: str | None
    message: str | None
    code: str | None
    value: Any = None


class ErrorInfo(BaseModel):
    id: UUID
    code: str
    message: str
    details: list[ErrorDetail]


class Meta(BaseModel):
    timestamp: datetime
    version: str
    request_id: str


class ErrorBody(BaseModel):
    """What every error looks like, in every version."""

    status_code: int
    message: str
    data: None
    error: ErrorInfo
    meta: Meta
