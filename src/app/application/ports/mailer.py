from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    to: str
    subject: str
    text: str


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Hand the mail to the next server.

        Raises:
            ExternalServiceError: it did not take it now and may later.
            ValidationError: it will never take it.
        """
