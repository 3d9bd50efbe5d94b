"""Bodies that every resource shares, as the API document shows them."""

from datetime import date, datetime
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


class Pagination(BaseModel):
    """Where a page stands in its list; a page by cursor knows only its size."""

    current_page: int | None = None
    per_page: int
    total_pages: int | None = None
    total_items: int | None = None


class PageLinks(BaseModel):
    first: str
    prev: str | None
    next: str | None
    last: str | None


class DeprecationNote(BaseModel):
    """What of the request is to go: a version, an operation or a field."""

    what: list[str]
    since: date
    sunset: date | None
    links: list[str]


class EnvelopeMeta(Meta):
    """What the envelope of v2 says about an answer; pagination and links stand with lists."""

    pagination: Pagination | None = None
    links: PageLinks | None = None
    deprecation: DeprecationNote | None = None


class ErrorBody(BaseModel):
    """What every error looks like, in every version."""

    status_code: int
    message: str
    data: None
    error: ErrorInfo
    meta: Meta
