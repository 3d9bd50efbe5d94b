from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from src.app.application.ports.mailer import Mail
from src.app.domain.common.exceptions import ExternalServiceError, ValidationError
from src.app.infrastructure.providers.mail import FolderMailer, SMTPMailer
from src.local.ports import free_port

MAIL = Mail(to="ada@example.com", subject="Grüße", text="Hello Ada,\nwelcome.\n")


class Sink:
    """A mail server that keeps what it takes, and answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken.append(envelope)
        return self.answer


@pytest.fixture
def sink() -> Iterator[tuple[Sink, int]]:
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield sink, controller.port
    controller.stop()


def mailer(port: int) -> SMTPMailer:
    return SMTPMailer(
        host="127.0.0.1", port=port, user="", password="", starttls=None, sender="noreply@example.com"
    )


class TestSMTP:
    async def test_the_server_takes_it_as_it_is(self, sink: tuple[Sink, int]) -> None:
        await mailer(sink[1]).send(MAIL)

        (envelope,) = sink[0].taken
        message = message_from_bytes(envelope.content)
        assert envelope.rcpt_tos == ["ada@example.com"]
        assert message["From"] == "noreply@example.com"
        assert b"welcome." in message.get_payload(decode=True)

    async def test_not_now_may_be_tried_again(self, sink: tuple[Sink, int]) -> None:
        sink[0].answer = "451 Try again later"

        with pytest.raises(ExternalServiceError, match="451"):
            await mailer(sink[1]).send(MAIL)

    async def test_never_is_never(self, sink: tuple[Sink, int]) -> None:
        sink[0].answer = "550 No such user"

        with pytest.raises(ValidationError, match="550"):
            await mailer(sink[1]).send(MAIL)

    async def test_no_server_may_be_there_later(self) -> None:
        with pytest.raises(ExternalServiceError, match="does not answer"):
            await mailer(free_port()).send(MAIL)

    async def test_a_line_break_smuggles_no_command(self, sink: tuple[Sink, int]) -> None:
        with pytest.raises((ValueError, ValidationError)):
            await mailer(sink[1]).send(Mail(to="a@example.com\nRCPT TO:<b@example.com>", subject="x", text="x"))

        assert sink[0].taken == []


class TestFolder:
    async def test_each_mail_is_a_file(self, tmp_path: Path) -> None:
        await FolderMailer(tmp_path / "mail", sender="noreply@example.com").send(MAIL)

        (file,) = (tmp_path / "mail").iterdir()
        assert file.name.endswith("-ada@example.com.eml")
        assert message_from_bytes(file.read_bytes())["To"] == "ada@example.com"
