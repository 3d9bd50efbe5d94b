import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from loguru import logger

from src.app.application.ports.mailer import Mail
from src.app.domain.common.exceptions import ExternalServiceError, ValidationError

SMTP_TIMEOUT = 10.0


class SMTPMailer:
    """Hands mail to the next server (RFC 5321), by STARTTLS where it is offered or asked for."""

    def __init__(
        self, *, host: str, port: int, user: str, password: str, starttls: bool | None, sender: str
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._starttls = starttls
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        import aiosmtplib

        try:
            await aiosmtplib.send(
                message_of(mail, sender=self._sender),
                hostname=self._host,
                port=self._port,
                username=self._user or None,
                password=self._password or None,
                start_tls=self._starttls,
                timeout=SMTP_TIMEOUT,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(refusal.code >= 500 for refusal in error.recipients):
                raise ValidationError("The mail server refuses this recipient", field="to") from error
            raise ExternalServiceError("The mail server does not take this recipient now") from error
        except aiosmtplib.SMTPResponseException as error:
            if error.code >= 500:
                raise ValidationError(f"The mail server refuses this mail with {error.code}") from error
            raise ExternalServiceError(f"The mail server answers {error.code} for now") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise ExternalServiceError("The mail server does not answer") from error


class FolderMailer:
    """Puts each mail into a folder as `<time>-<to>.eml`, for a laptop without a mail server."""

    def __init__(self, folder: Path, *, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        # Mails hold links that let in; they are for nobody else on this machine.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        to = re.sub(r"[^A-Za-z0-9@.+_-]", "_", mail.to)
        path = self._folder / f"{time}-{to[:100]}.eml"
        path.touch(mode=0o600)
        path.write_bytes(message_of(mail, sender=self._sender).as_bytes())
        logger.info("Mail {!r} is in {}", mail.subject, path.name)


def message_of(mail: Mail, *, sender: str) -> EmailMessage:
    """Return the mail as RFC 5322 writes it; a line break in an address or subject is refused by it."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message.set_content(mail.text)
    return message
