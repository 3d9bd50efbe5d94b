"""What is listed by hand in one place has its part in the other."""

import tomllib
from functools import cached_property

from src.app.application.container import Container
from src.app.application.subscriptions import BROKER, SUBSCRIPTIONS, destinations_of
from src.app.config.celery import BEAT_SCHEDULE
from src.app.config.settings import ROOT
from src.app.domain.common.exceptions import AppException
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.tasks.app import celery_app
from src.app.infrastructure.tasks.base import TRANSIENT
from src.app.interfaces.cli.consume import HANDLERS_MAP
from src.app.interfaces.consumers.subscribers import subscribers_of
from src.app.interfaces.outcomes import OUTCOMES, OnMessage
from src.app.interfaces.version import VERSION


class TestEvents:
    def test_every_subscriber_is_one_who_does_something(self, running: Process) -> None:
        subscribed = {name for names in SUBSCRIPTIONS.values() for name in names}

        assert subscribers_of(running.container).keys() == subscribed

    def test_the_broker_hears_of_everything(self) -> None:
        assert destinations_of("whatever.happened") == (BROKER,)
        assert destinations_of("user.deactivated") == (BROKER, "end_sessions")
        assert destinations_of("user.registered") == (BROKER, "welcome_mail")

    def test_handlers_stand_in_alphabetical_order(self) -> None:
        assert list(HANDLERS_MAP) == sorted(HANDLERS_MAP)


class TestTasks:
    def test_what_is_scheduled_exists(self) -> None:
        celery_app.loader.import_default_modules()

        assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= celery_app.tasks.keys()
        assert {"say_meow", "send_welcome_mail", "prune"} <= celery_app.tasks.keys()


class TestTransient:
    def test_tasks_and_messages_are_retried_after_the_same_errors(self) -> None:
        of_messages = {kind for kind, outcome in OUTCOMES.items() if outcome.message is OnMessage.RETRY}

        assert set(TRANSIENT) == of_messages - {AppException}


class TestUseCases:
    def test_every_public_one_declares_its_errors(self, running: Process) -> None:
        offered = [name for name, value in vars(Container).items() if isinstance(value, cached_property)]
        assert len(offered) >= 3
        for service in (type(getattr(running.container, name)) for name in offered):
            for name, method in vars(service).items():
                if callable(method) and not name.startswith("_"):
                    assert hasattr(method, "__raises__"), f"{service.__name__}.{name} has no @raises"


class TestVersion:
    def test_it_is_that_of_the_project(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

        assert project["version"] == VERSION
