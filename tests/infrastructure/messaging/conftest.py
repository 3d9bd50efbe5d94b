"""The brokers' addresses, until the launcher gives them."""

import os

import pytest


@pytest.fixture(scope="session")
def redis_url() -> str:
    return os.environ["TEST_REDIS_URL"]


@pytest.fixture(scope="session")
def amqp_url() -> str:
    return os.environ["TEST_AMQP_URL"]


@pytest.fixture(scope="session")
def tansu_url() -> str:
    return os.environ["TEST_TANSU_URL"]


@pytest.fixture(scope="session")
def noida_url() -> str:
    return os.environ["TEST_NOIDA_URL"]
