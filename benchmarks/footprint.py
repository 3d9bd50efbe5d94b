"""What a process costs before it does anything: the time of its start, and its memory."""

from contextlib import suppress
from statistics import median

from benchmarks.load import ask
from benchmarks.peers import ALLIUM, MANUAL, Peer, served
from benchmarks.process import StartError
from benchmarks.report import Row, at_most
from benchmarks.stage import Stage
from src.local.progress import step

ROUNDS = 5
_BESIDE_THE_API = {
    "grpc": "-m src.app.interfaces.grpc.server",
    "celery": "-m celery -A src.app.interfaces.cli.celery_app worker --concurrency=2 -Q default_queue",
    "consume": "-m src.app.interfaces.cli.consume",
    "relay": "-m src.app.interfaces.cli.relay",
}


def measure(stage: Stage) -> list[Row]:
    peers = (MANUAL, ALLIUM)
    with step("sign in"):
        me = {peer: _signed_in(stage, peer) for peer in peers}
    seconds: dict[Peer, list[float]] = {peer: [] for peer in peers}
    memory: dict[Peer, list[float]] = {peer: [] for peer in peers}
    for number in range(ROUNDS):
        with step(f"start {number + 1}/{ROUNDS}") as note:
            for peer in peers:
                taken, resident = _start(stage, peer, me[peer])
                seconds[peer].append(taken)
                memory[peer].append(resident)
                note(f"{taken:.2f} s")
    # What else runs here can only lengthen a start, so the shortest is the process's own.
    ours, theirs = min(seconds[ALLIUM]), min(seconds[MANUAL])
    return [
        Row(
            "API: start to first answer, of FastAPI + ORM",
            ours / theirs,
            must=at_most(1.5),
            goal=at_most(1.2),
            detail=f"{ours:.2f} s of {theirs:.2f} s",
        ),
        Row(
            "API: idle memory, of FastAPI + ORM",
            median(memory[ALLIUM]) / median(memory[MANUAL]),
            must=at_most(1.25),
            goal=at_most(1.05),
            detail=f"{median(memory[ALLIUM]):.0f} MiB of {median(memory[MANUAL]):.0f} MiB resident",
        ),
        *_beside_the_api(stage),
    ]


def _signed_in(stage: Stage, peer: Peer) -> bytes:
    with served(stage, peer) as server:
        return server.me()[0]


def _start(stage: Stage, peer: Peer, me: bytes) -> tuple[float, float]:
    """Return the seconds from the start to the first user shown, and the memory in MiB then."""

    def answers() -> bool:
        with suppress(ConnectionError):
            return bool(ask(port, me))
        return False

    with stage.server(peer.name, peer.app, protocol=peer.protocol) as (process, port):
        return process.wait_until(answers), process.memory_mib


def _beside_the_api(stage: Stage) -> list[Row]:
    rows = []
    for name, arguments in _BESIDE_THE_API.items():
        heartbeat = stage.folder / f"{name}.alive"
        with step(name) as note:
            try:
                with stage.process(name, *arguments.split(), HEARTBEAT_FILE=str(heartbeat)) as process:
                    taken = process.wait_until(heartbeat.exists)
                    detail = f"started in {taken:.2f} s, with its children"
                    rows.append(Row(f"{name}: idle memory, MiB", process.memory_mib, detail=detail))
            except StartError as error:
                note(f"left out: {str(error).splitlines()[-1]}")
    return rows
