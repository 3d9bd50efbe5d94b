from collections.abc import Container

from src.app.domain.common.contact import Email
from src.app.domain.common.exceptions import ValidationError

MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 8, 128


class DomainAuthService:
    """Rules over passwords that need something from outside: the list of common ones, a policy."""

    def __init__(self, *, common_passwords: Container[str], strong_passwords: bool) -> None:
        self._common_passwords = common_passwords
        self._strong_passwords = strong_passwords

    def check_password(self, password: str, *, email: Email | None) -> None:
        """Refuse what is guessed first (NIST SP 800-63B section 5.1.1.2, OWASP ASVS 2.1)."""
        if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
            raise _weak(f"A password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters")
        if email is not None and password.lower() == email.value:
            raise _weak("The password must not be the e-mail address")
        if password.lower() in self._common_passwords:
            raise _weak("This password is among the most common ones")
        if self._strong_passwords and not _has_all_kinds(password):
            raise _weak("A password needs an upper and a lower case letter, a digit and a special character")


def _weak(message: str) -> ValidationError:
    return ValidationError(message, field="password")


def _has_all_kinds(password: str) -> bool:
    return (
        any(map(str.isupper, password))
        and any(map(str.islower, password))
        and any(map(str.isdigit, password))
        and not all(map(str.isalnum, password))
    )
