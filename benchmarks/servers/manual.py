"""Plain FastAPI with SQLAlchemy's asynchronous ORM, written as their manuals teach.

FastAPI's tutorial (Security: OAuth2 with Password and JWT; Middleware: add a process time
header; SQL Databases: a session dependency) and SQLAlchemy's "Asynchronous I/O". Only the pool is
larger than the default, which would open a connection anew for each request under this load.
"""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response, status
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from jose import JWTError, jwt
from passlib.context import CryptContext
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SECRET_KEY = os.environ["SECRET_KEY"]
ALGORITHM = "HS256"
ACCESS_TOKEN_EXPIRE_MINUTES = 30

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=20
)
async_session = async_sessionmaker(engine, expire_on_commit=False)
pwd_context = CryptContext(schemes=["bcrypt"], deprecated="auto")
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")

app = FastAPI()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[UUID]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    password_hashed: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    birthday: Mapped[date | None]
    avatar_url: Mapped[str | None] = mapped_column("photo")
    is_active: Mapped[bool]
    is_guest: Mapped[bool]
    is_verified: Mapped[bool]
    is_superuser: Mapped[bool]
    is_deleted: Mapped[bool]
    street: Mapped[str | None]
    city: Mapped[str | None]
    state: Mapped[str | None]
    zip_code: Mapped[str | None]
    country: Mapped[str | None]
    meta: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime]

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"


class UserRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    uuid: UUID
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    full_name: str | None
    birthday: date | None
    avatar_url: str | None
    is_active: bool
    is_guest: bool
    is_verified: bool
    is_superuser: bool
    street: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    country: str | None
    meta: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime


class UsersPage(BaseModel):
    items: list[UserRead]
    total: int


class Token(BaseModel):
    access_token: str
    token_type: str


@app.middleware("http")
async def add_process_time_header(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    start_time = time.perf_counter()
    response = await call_next(request)
    response.headers["X-Process-Time"] = str(time.perf_counter() - start_time)
    return response


async def get_session() -> AsyncIterator[AsyncSession]:
    async with async_session() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]


async def get_user(session: AsyncSession, email: str | None) -> User | None:
    result = await session.execute(select(User).where(User.email == email, User.is_deleted.is_(False)))
    return result.scalar_one_or_none()


async def get_current_user(token: Annotated[str, Depends(oauth2_scheme)], session: SessionDep) -> User:
    credentials_exception = HTTPException(
        status_code=status.HTTP_401_UNAUTHORIZED,
        detail="Could not validate credentials",
        headers={"WWW-Authenticate": "Bearer"},
    )
    try:
        payload = jwt.decode(token, SECRET_KEY, algorithms=[ALGORITHM])
    except JWTError:
        raise credentials_exception from None
    user = await get_user(session, payload.get("sub"))
    if user is None:
        raise credentials_exception
    return user


async def get_current_active_user(current_user: Annotated[User, Depends(get_current_user)]) -> User:
    if not current_user.is_active:
        raise HTTPException(status_code=400, detail="Inactive user")
    return current_user


@app.post("/token", response_model=Token)
async def login(form_data: Annotated[OAuth2PasswordRequestForm, Depends()], session: SessionDep) -> Any:
    user = await get_user(session, form_data.username)
    if user is None or not pwd_context.verify(form_data.password, user.password_hashed):
        raise HTTPException(status_code=401, detail="Incorrect username or password")
    expire = datetime.now(UTC) + timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES)
    token = jwt.encode({"sub": user.email, "exp": expire}, SECRET_KEY, algorithm=ALGORITHM)
    return {"access_token": token, "token_type": "bearer"}


@app.get("/users/me/", response_model=UserRead)
async def read_users_me(current_user: Annotated[User, Depends(get_current_active_user)]) -> Any:
    return current_user


@app.get("/users/", response_model=UsersPage)
async def read_users(
    current_user: Annotated[User, Depends(get_current_active_user)],
    session: SessionDep,
    city: Annotated[str, Query(alias="filter[city]")],
    is_active: Annotated[bool, Query(alias="filter[is_active]")],
    created_since: Annotated[datetime, Query(alias="filter[created_at__gte]")],
    limit: int = 50,
) -> Any:
    if not current_user.is_superuser:
        raise HTTPException(status_code=403, detail="Not enough permissions")
    found = select(User).where(
        User.city == city,
        User.is_active == is_active,
        User.created_at >= created_since,
        User.is_deleted.is_(False),
    )
    total = await session.scalar(select(func.count()).select_from(found.subquery()))
    users = await session.scalars(found.order_by(User.created_at.desc()).limit(limit))
    return {"items": users.all(), "total": total}
