"""The listening socket of the supervisor, and the command line of Daphne, which inherits it."""

import errno
import http.client
import json
import socket
import sys

from django.conf import settings

from backtester.stack.errors import StackError

# The kernel drops a client that vanished or stopped reading, so that it does not hold memory: within 23 s, because a
# quiet stream has a heartbeat every 8 s.
UNACKNOWLEDGED_MS = 15_000
# The kernel doubles it. Small, because what waits there is old when it arrives.
SEND_BUFFER_BYTES = 64 * 1024
BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Open the socket before the slow steps, to report a taken port at once. It stays open while Daphne restarts."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise StackError(_failure(host, port, error)) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    return listener


def _failure(host: str, port: int, error: OSError | OverflowError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken by another program. Stop it, or use another: PORT={port + 1} make run"
    if number == errno.EACCES:
        return f"Port {port} is not allowed for this user. Choose one above 1023: PORT=8000 make run"
    reason = str(error).partition(" (while")[0].rstrip(".")
    return f"Cannot listen on HOST={host}, PORT={port}: {reason}."


def arguments(descriptor: int) -> list[str]:
    """Return the command line of Daphne on the socket. Its pings detect clients that vanished."""
    return [
        *(sys.executable, "-m", "backtester.stack.daphne.server"),
        *("--fd", str(descriptor)),
        *("--ping-interval", "11"),
        *("--ping-timeout", "10"),
        *("--verbosity", "0"),
        "--no-server-name",
        "backtester.asgi:application",
    ]


def address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/"  # noqa: S104 - compared, not bound


def is_healthy(listener: socket.socket) -> bool:
    """Return whether `/healthz` answers and reports no problem."""
    host, port = listener.getsockname()[:2]
    connection = http.client.HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=3)  # noqa: S104
    try:
        connection.request("GET", "/healthz", headers={"Host": f"{_served_host()}:{port}"})
        answer = connection.getresponse()
        return answer.status == 200 and bool(json.loads(answer.read()).get("ok"))
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def _served_host() -> str:
    """Return a host name that the server answers: ALLOWED_HOSTS need not contain this machine's own."""
    host = str(settings.ALLOWED_HOSTS[0]).removeprefix(".")
    return "localhost" if host == "*" else host
