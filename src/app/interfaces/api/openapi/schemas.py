"""Bodies that every resource shares, as the API document shows them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

_Status = Annotated[int, Field(ge=400, le=599, examples=[409])]
_Code = Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]*$", examples=["ALREADY_EXISTS"])]
_Message = Annotated[str, Field(examples=["A user with this email already exists"])]
_Path = Annotated[str, Field(examples=["/api/v2/users/?limit=10&offset=0"])]


class ErrorDetail(BaseModel):
    """One thing that is wrong: a field of the request, or a fact that the refusal rests on."""

    field: Annotated[str | None, Field(examples=["email"])]
    message: Annotated[str | None, Field(examples=["A user with this email already exists"])]
    code: Annotated[str | None, Field(examples=["duplicate"])]
    value: Any = None


class ErrorInfo(BaseModel):
    """`id` finds the error in our log; `code` never changes, and is what a program decides by."""

    id: UUID
    code: _Code
    message: _Message
    details: list[ErrorDetail]


class Meta(BaseModel):
    timestamp: datetime
    version: Annotated[str, Field(pattern="^v[0-9]+$", examples=["v1"])]
    request_id: Annotated[str, Field(examples=["019b2f6e7c4d7d0a8a3f0b5c6d7e8f90"])]


class Pagination(BaseModel):
    """Where a page stands in its list; a page by cursor says its size alone, one not counted has no totals."""

    current_page: Annotated[int, Field(ge=1)] = 1
    per_page: Annotated[int, Field(ge=1, examples=[10])]
    total_pages: Annotated[int | None, Field(examples=[15])] = None
    total_items: Annotated[int | None, Field(examples=[150])] = None


class PageLinks(BaseModel):
    """Paths of the neighbouring pages; null where there is none, or where none can be told."""

    first: _Path
    prev: _Path | None
    next: _Path | None
    last: _Path | None


class DeprecationNote(BaseModel):
    """What of the request is to go: a version, an operation or a field."""

    message: Annotated[str, Field(examples=["Operation is deprecated"])]
    version: Annotated[str | None, Field(examples=["v1"])]
    since: date
    sunset_date: date | None
    migration_guide: Annotated[str | None, Field(examples=["https://example.com/what-to-use-instead/"])]


class EnvelopeMeta(Meta):
    """What the envelope of v2 says about an answer."""

    version: Literal["v2"]
    deprecation: DeprecationNote | None = None


class PageMeta(EnvelopeMeta):
    """What the envelope of v2 says about a page."""

    pagination: Pagination
    links: PageLinks


class ErrorBody(BaseModel):
    """What every error looks like, in every version."""

    status_code: _Status
    message: _Message
    data: None
    error: ErrorInfo
    meta: Meta


class Problem(BaseModel):
    """The same error for who asks for `application/problem+json` (RFC 9457)."""

    type: Literal["about:blank"]
    title: Annotated[str, Field(examples=["Conflict"])]
    status: _Status
    detail: _Message
    id: UUID
    code: _Code
    details: list[ErrorDetail]
    meta: Meta
