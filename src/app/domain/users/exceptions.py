from src.app.domain.common.exceptions import AlreadyExistsError, AuthenticationError


class EmailTakenError(AlreadyExistsError):
    default_message = "A user with this email already exists"

    def __init__(self) -> None:
        super().__init__(details=[{"key": "email", "message": self.default_message, "code": "duplicate"}])


class PhoneTakenError(AlreadyExistsError):
    default_message = "A user with this phone already exists"

    def __init__(self) -> None:
        super().__init__(details=[{"key": "phone", "message": self.default_message, "code": "duplicate"}])


class UserInactiveError(AuthenticationError):
    code = "USER_INACTIVE"
    default_message = "This account is not active"
