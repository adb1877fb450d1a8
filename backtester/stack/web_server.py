"""The listening socket, made by the supervisor, and Daphne, which gets it handed over."""

import errno
import http.client
import json
import socket
import sys

from backtester.stack.errors import StackError

# A client that vanished, or stopped reading, may not hold memory for long: the kernel drops it. A quiet stream says
# something every eight seconds, so it is gone within 23.
UNACKNOWLEDGED_MS = 15_000
# The kernel doubles it. What waits there is old when it arrives, so it should be little.
SEND_BUFFER_BYTES = 64 * 1024
BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Before the slow steps, so that a taken port is known at once. It stays open while Daphne starts again."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise StackError(_why_not(host, port, error)) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    return listener


def _why_not(host: str, port: int, error: OSError | OverflowError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken by another program. Stop it, or take another: PORT={port + 1} make run"
    if number == errno.EACCES:
        return f"Port {port} may not be opened by this user. Choose one above 1023: PORT=8000 make run"
    reason = str(error).partition(" (while")[0].rstrip(".")
    return f"Cannot listen on HOST={host}, PORT={port}: {reason}."


def arguments(descriptor: int) -> list[str]:
    """Daphne on the socket: pings find the clients that vanished, and messages from clients are small."""
    return [
        *(sys.executable, "-m", "backtester.stack.daphne.server"),
        *("--fd", str(descriptor)),
        *("--ping-interval", "11"),
        *("--ping-timeout", "10"),
        # For both directions: the terminal event of a batch over thousands of symbols is large.
        *("--websocket-max-message-size", "16777216"),
        *("--websocket-max-frame-size", "16777216"),
        *("--verbosity", "0"),
        "--no-server-name",
        "backtester.asgi:application",
    ]


def address(listener: socket.socket) -> str:
    """Where to point a browser on this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/"  # noqa: S104 - compared, not bound


def is_healthy(listener: socket.socket) -> bool:
    """Whether `/healthz` says that all is well."""
    host, port = listener.getsockname()[:2]
    connection = http.client.HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=3)  # noqa: S104
    try:
        connection.request("GET", "/healthz", headers={"Host": f"localhost:{port}"})
        answer = connection.getresponse()
        return answer.status == 200 and bool(json.loads(answer.read()).get("ok"))
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
