"""Lets aiokafka's idempotent producer talk to Tansu, for the tests only.

aiokafka 0.14 knows version 0 of InitProducerId, which Tansu refuses; this is version 3. The
product runs unchanged against Apache Kafka and noida.
"""

import pytest
from aiokafka.protocol import transaction
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.types import CompactString, Int16, Int32, Int64, Schema, TaggedFields


class _InitProducerIdResponse(Response):  # type: ignore[misc]
    API_KEY = 22
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("tags", TaggedFields),
    )


class _InitProducerIdRequest(RequestStruct):  # type: ignore[misc]
    API_KEY = 22
    API_VERSION = 3
    RESPONSE_TYPE = _InitProducerIdResponse
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("transactional_id", CompactString("utf-8")),
        ("transaction_timeout_ms", Int32),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("tags", TaggedFields),
    )


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    request = transaction.InitProducerIdRequest
    monkeypatch.setattr(request, "_CLASSES", (_InitProducerIdRequest,))
    monkeypatch.setattr(
        request,
        "build",
        lambda self, cls: cls(self._transactional_id, self._transaction_timeout_ms, -1, -1, {}),
    )
