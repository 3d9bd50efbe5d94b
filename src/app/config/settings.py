"""Settings: one class for one concern, joined by inheritance in `Settings`.

Read from the environment, then `.env`, then `.local/env` (written by `local_run.sh`); an empty
value counts as absent. Every variable stands in `.env.example` with its meaning.
"""

import os
from datetime import timedelta
from enum import StrEnum
from functools import cache
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import quote

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

ROOT = Path(__file__).resolve().parents[3]
MIN_TOKEN_LENGTH = 16
MIN_SUPERADMIN_PASSWORD_LENGTH = 12
MIN_BCRYPT_ROUNDS = 10
MIN_SECRET_BYTES = 32  # RFC 7518 section 3.2: an HS256 key is at least as long as the hash.

_Port = Annotated[int, Field(ge=0, le=65_535)]


class LaunchMode(StrEnum):
    LOCAL = "LOCAL"
    TEST = "TEST"
    PROD = "PROD"


class _Source(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=(ROOT / ".local" / "env", ROOT / ".env"),
        env_ignore_empty=True,
        case_sensitive=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
        defer_build=True,  # of all these classes, a process uses one
    )


class ServiceSettings(_Source):
    """Which service this is, and how it runs."""

    PROJECT_NAME: str = "Allium"
    LAUNCH_MODE: LaunchMode = LaunchMode.LOCAL
    DEBUG: bool = False
    SHUTDOWN_TIMEOUT: PositiveFloat = 20.0
    HEARTBEAT_FILE: Path | None = None


class HTTPSettings(_Source):
    """The REST door."""

    API_HOST: str = "127.0.0.1"
    API_PORT: _Port = 8081
    SHOW_API_DOCS: bool | None = None
    CORS_ORIGIN_WHITELIST: list[str] = []
    CORS_ALLOW_CREDENTIALS: bool = False
    TRUSTED_HOSTS: list[str] = []
    TRUSTED_PROXIES: list[str] = []
    MAX_BODY_BYTES: PositiveInt = 1024 * 1024
    MAX_REQUESTS_AT_ONCE: PositiveInt = 1000
    REQUEST_TIMEOUT_SECONDS: PositiveFloat = 15.0
    DEFAULT_PAGE_SIZE: PositiveInt = 10
    MAX_PAGE_SIZE: PositiveInt = 5000
    METRICS_TOKEN: SecretStr | None = None
    API_KEY: SecretStr | None = None

    @field_validator("CORS_ALLOW_CREDENTIALS")
    @classmethod
    def _no_credentials_for_everyone(cls, allowed: bool, info: Any) -> bool:
        # With credentials a browser takes no `*`, so the server would have to reflect any origin.
        if allowed and "*" in info.data.get("CORS_ORIGIN_WHITELIST", []):
            raise _refusal("cannot be on while CORS_ORIGIN_WHITELIST holds '*'")
        return allowed

    @field_validator("TRUSTED_PROXIES")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            try:
                is_everybody = ip_network(network, strict=False).prefixlen == 0
            except ValueError:
                raise _refusal(f"{network!r} is no network") from None
            if is_everybody:
                raise _refusal("would believe everybody")
        return networks

    @property
    def shows_api_docs(self) -> bool:
        return self.SHOW_API_DOCS is not False


class LimitSettings(_Source):
    """How often clients may come, in a minute: a user, or an address where nobody is signed in."""

    RATE_LIMIT_ENABLED: bool = True
    RATE_LIMIT_PER_MINUTE: PositiveInt = 100
    ADMIN_RATE_LIMIT_ENABLED: bool = False
    RATE_LIMIT_SIGN_UP_PER_MINUTE: PositiveInt = 10
    RATE_LIMIT_TOKENS_PER_MINUTE: PositiveInt = 20
    RATE_LIMIT_RESET_PER_MINUTE: PositiveInt = 5
    RATE_LIMIT_VERIFICATION_PER_MINUTE: PositiveInt = 5


class GRPCSettings(_Source):
    """The gRPC door."""

    GRPC_HOST: str = "0.0.0.0"  # noqa: S104  A's default; the local run narrows it to loopback
    GRPC_PORT: _Port = 50_051
    GRPC_REFLECTION: bool | None = None
    GRPC_MAX_MESSAGE_BYTES: PositiveInt = 256 * 1024
    GRPC_MAX_CONCURRENT_RPCS: PositiveInt = 1000
    GRPC_PROCESSES: NonNegativeInt = 1

    @property
    def grpc_processes(self) -> int:
        """How many server processes share the port; 0 stands for one for each CPU we may use."""
        return self.GRPC_PROCESSES or len(os.sched_getaffinity(0))


class TokenSettings(_Source):
    """Access and refresh tokens (RFC 7519, RFC 8725)."""

    SECRET_KEY: SecretStr
    ACCESS_TOKEN_EXPIRES_MINUTES: PositiveInt = 5
    REFRESH_TOKEN_EXPIRES_DAYS: PositiveInt = 5
    TOKEN_ISSUER: str = "allium"
    TOKEN_AUDIENCE: str = "allium"

    @property
    def access_ttl(self) -> timedelta:
        return timedelta(minutes=self.ACCESS_TOKEN_EXPIRES_MINUTES)

    @property
    def refresh_ttl(self) -> timedelta:
        return timedelta(days=self.REFRESH_TOKEN_EXPIRES_DAYS)


class PasswordSettings(_Source):
    """How passwords are chosen and hashed (NIST SP 800-63B)."""

    BCRYPT_ROUNDS: Annotated[int, Field(ge=4, le=16)] = 12
    PASSWORD_POLICY: Annotated[str, Field(pattern="^(length|strong)$")] = "length"


class UserSettings(_Source):
    """Rules of profiles, and the first user of a new installation."""

    MIN_AGE_YEARS: NonNegativeInt = 13
    SUPERADMIN_EMAIL: str = "admin@example.com"
    SUPERADMIN_PASSWORD: SecretStr | None = None
    SUPERADMIN_FIRST_NAME: str = "Super"
    SUPERADMIN_LAST_NAME: str = "Admin"


class DatabaseSettings(_Source):
    """PostgreSQL."""

    DB_HOST: str = "127.0.0.1"
    DB_PORT: _Port = 5440
    DB_NAME: str = "proto"
    DB_USER: str = "dev"
    DB_PASSWORD: SecretStr = SecretStr("dev")
    DB_REPLICA_URLS: list[SecretStr] = []
    CONNECTIONS_POOL_MIN_SIZE: NonNegativeInt = 10
    CONNECTIONS_POOL_MAX_OVERFLOW: NonNegativeInt = 30
    DB_STATEMENT_TIMEOUT_SECONDS: PositiveFloat = 5.0
    DB_ACQUIRE_TIMEOUT_SECONDS: PositiveFloat = 2.0

    @property
    def most_connections(self) -> int:
        """How many connections a process opens at most."""
        return max(1, self.CONNECTIONS_POOL_MIN_SIZE + self.CONNECTIONS_POOL_MAX_OVERFLOW)

    @property
    def DB_DSN(self) -> str:  # noqa: N802  named as the variables beside it
        """The address as libpq and asyncpg take it; it holds the password."""
        user, password = quote(self.DB_USER, safe=""), quote(self.DB_PASSWORD.get_secret_value(), safe="")
        return f"postgresql://{user}:{password}@{self.DB_HOST}:{self.DB_PORT}/{quote(self.DB_NAME, safe='')}"

    @property
    def DB_URL(self) -> str:  # noqa: N802
        """The address as SQLAlchemy takes it; it holds the password."""
        return self.DB_DSN.replace("postgresql://", "postgresql+asyncpg://", 1)


class RedisSettings(_Source):
    """Redis, or Valkey: cache, limits, and the broker of events and tasks by default."""

    REDIS_URL: str = "redis://127.0.0.1:6380/0"
    REDIS_TTL_SECONDS: PositiveInt = 86_400

    @property
    def redis_ttl(self) -> timedelta:
        return timedelta(seconds=self.REDIS_TTL_SECONDS)


class MessageSettings(_Source):
    """Events to and from other services; the scheme of the URL chooses the transport."""

    MESSAGE_BROKER_URL: str = ""
    DEFAULT_EXCHANGER: str = "allium.events"
    DEFAULT_QUEUE: str = "allium.in"
    CONSUMER_GROUP: str = "allium"
    CONSUMER_BATCH: PositiveInt = 50
    MQ_CONNECTIONS: PositiveInt = 5
    MQ_CHANNELS: PositiveInt = 10


class TaskSettings(_Source):
    """Celery."""

    CELERY_BROKER_URL: str = "redis://127.0.0.1:6380/11"
    CELERY_RESULT_BACKEND: str = "redis://127.0.0.1:6380/12"
    CELERY_QUEUES: list[str] = []


class MailSettings(_Source):
    """Outgoing mail: by SMTP where a host is named, else into `MAIL_FOLDER`."""

    SMTP_HOST: str = ""
    SMTP_PORT: _Port = 587
    SMTP_USER: str = ""
    SMTP_PASSWORD: SecretStr | None = None
    SMTP_STARTTLS: bool | None = None
    FROM_EMAIL: str = "noreply@example.com"
    MAIL_FOLDER: Path = ROOT / ".local" / "mail"


class LogSettings(_Source):
    """Logs: JSON lines in PROD, readable lines else."""

    LOG_LEVEL: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")] = "INFO"
    LOG_FILE_PATH: Path | None = None
    SLOW_QUERY_MS: PositiveFloat = 500.0


class Settings(
    ServiceSettings,
    HTTPSettings,
    LimitSettings,
    GRPCSettings,
    TokenSettings,
    PasswordSettings,
    UserSettings,
    DatabaseSettings,
    RedisSettings,
    MessageSettings,
    TaskSettings,
    MailSettings,
    LogSettings,
):
    """All settings of a process, read once when it starts."""

    MODE: ClassVar[LaunchMode]

    @field_validator("SECRET_KEY")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise _refusal(f"is shorter than {MIN_SECRET_BYTES} bytes")
        return secret

    @model_validator(mode="before")
    @classmethod
    def _mode_of_the_class(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "LAUNCH_MODE": cls.MODE}

    @property
    def message_broker_url(self) -> str:
        """The transport of events; Redis Streams on `REDIS_URL` unless another is named."""
        return self.MESSAGE_BROKER_URL or self.REDIS_URL


class SettingsLocal(Settings):
    MODE = LaunchMode.LOCAL


class SettingsTest(Settings):
    MODE = LaunchMode.TEST


class SettingsProd(Settings):
    """What a laptop may leave open and production may not; pydantic reports every refusal at once."""

    MODE = LaunchMode.PROD

    @field_validator("DEBUG")
    @classmethod
    def _no_debug(cls, debug: bool) -> bool:
        if debug:
            raise _refusal("shows tracebacks to clients; it must be off")
        return debug

    @field_validator("SHOW_API_DOCS")
    @classmethod
    def _docs_decided(cls, shown: bool | None) -> bool:
        if shown is None:
            raise _refusal("is undecided; say true or false")
        return shown

    @field_validator("DB_PASSWORD")
    @classmethod
    def _own_database_password(cls, password: SecretStr) -> SecretStr:
        if password.get_secret_value() == DatabaseSettings.model_fields["DB_PASSWORD"].default.get_secret_value():
            raise _refusal("is the default one")
        return password

    @field_validator("SECRET_KEY")
    @classmethod
    def _nobodys_example(cls, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value().lower()
        # Random text has few pairs of characters twice; a phrase that repeats itself, most.
        pairs = set(pairwise(text))
        if len(pairs) < 16 or any(word in text for word in ("change", "example", "secret", "your-", "your_")):
            raise _refusal("is an example, not a random value")
        return secret

    @field_validator("METRICS_TOKEN", "API_KEY")
    @classmethod
    def _long_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value()) < MIN_TOKEN_LENGTH:
            raise _refusal(f"is shorter than {MIN_TOKEN_LENGTH} characters")
        return token

    @field_validator("SUPERADMIN_PASSWORD")
    @classmethod
    def _long_password(cls, password: SecretStr | None) -> SecretStr | None:
        if password is not None and len(password.get_secret_value()) < MIN_SUPERADMIN_PASSWORD_LENGTH:
            raise _refusal(f"is shorter than {MIN_SUPERADMIN_PASSWORD_LENGTH} characters")
        return password

    @field_validator("BCRYPT_ROUNDS")
    @classmethod
    def _slow_hashes(cls, rounds: int) -> int:
        if rounds < MIN_BCRYPT_ROUNDS:
            raise _refusal(f"is below {MIN_BCRYPT_ROUNDS}")
        return rounds


class SettingsError(Exception):
    """The process cannot start with these settings; the message names every reason."""

    @classmethod
    def of(cls, mode: LaunchMode, error: ValidationError) -> Self:
        reasons = [
            f"  {'.'.join(str(part) for part in reason['loc'])}: {reason['msg']}" for reason in error.errors()
        ]
        return cls(f"Allium cannot start in {mode}; put these right first:\n" + "\n".join(reasons))


def load_settings() -> Settings:
    """Read the settings of the mode that `LAUNCH_MODE` names.

    Raises:
        SettingsError: at least one of them is missing, malformed or refused in this mode.
    """
    mode = LaunchMode.LOCAL
    try:
        mode = ServiceSettings().LAUNCH_MODE
        return {LaunchMode.LOCAL: SettingsLocal, LaunchMode.TEST: SettingsTest, LaunchMode.PROD: SettingsProd}[
            mode
        ]()
    except ValidationError as error:
        raise SettingsError.of(mode, error) from None
    except SourceError as error:
        raise SettingsError(f"Allium cannot start: {error}") from None


settings: Settings
"""The process's settings, read on first use; only entry points and `bootstrap` import it."""


@cache
def _settings() -> Settings:
    return load_settings()


def __getattr__(name: str) -> Settings:
    if name == "settings":
        return _settings()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _refusal(reason: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{reason}", {"reason": reason})
