"""Which addresses are of this machine, which of them answer, and which ports are free."""

import errno
import ipaddress
import random
import socket

# Below the range that Linux gives to outgoing connections (32768 and up), so that a port
# chosen now is not taken by somebody's client before the server listens.
_PORTS = range(15_000, 32_000)

_claims: dict[int, socket.socket] = {}


def free_port(*preferred: int, host: str = "127.0.0.1") -> int:
    """Return the first preferred port that nobody uses, else any such port.

    It stays this process's, so that two launchers that start together do not choose the same.
    """
    for port in preferred:
        if is_free(port, host) and (port in _claims or _claim(port)):
            return port
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - not a secret
        if port not in _claims and is_free(port, host) and _claim(port):
            return port


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen there now."""
    for family, address in _resolve(host, port):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: connections that linger after a stop do not block the next start.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    continue
                return False
    return True


def answers(host: str, port: int, *, patience: float = 1.0) -> bool:
    """Tell whether somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=patience).close()
    except OSError:
        return False
    return True


def is_this_machine(host: str) -> bool:
    """Tell whether a host names this machine's loopback, where a server can be embedded."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def addresses_of(host: str) -> list[str]:
    """Return the addresses behind a name of this machine that can be listened on."""
    return list(
        dict.fromkeys(str(address[0]) for family, address in _resolve(host, 0) if _can_listen(family, address))
    )


def _resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return [(family, (str(address[0]), port)) for family, _, _, _, address in found]


def _can_listen(family: socket.AddressFamily, address: tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def _claim(port: int) -> bool:
    # A name in Linux's abstract namespace belongs to one process of the machine, whoever its
    # user is, and goes with that process.
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0allium port {port}")
    except OSError:
        claim.close()
        return False
    _claims[port] = claim
    return True
