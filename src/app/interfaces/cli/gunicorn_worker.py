from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

from src.app.interfaces.api.wire import PatientProtocol


class Worker(UvicornWorker):  # type: ignore[misc]  # the package has no types
    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "uvloop", "http": PatientProtocol}
