"""Read the settings from the environment. A wrong value stops the start with one sentence."""

import contextlib
import ipaddress
import math
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

LOOPBACK = re.compile(r"localhost|.*\.localhost|127(\.\d+){3}|\[?::1\]?", re.IGNORECASE)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Environment(environ.FileAwareEnv):
    """Reads NAME from the environment, or from the file that NAME_FILE names. Errors name the variable."""

    def get_value(self, var: str, cast: Any = None, **options: Any) -> Any:
        try:
            value = super().get_value(var, cast=cast, **options)
            if isinstance(value, int | float) and not 0 <= value < math.inf:
                raise ImproperlyConfigured(f"{var} must be 0 or more, got {value}.")
            return value.strip() if isinstance(value, str) else value  # editors end a file with a newline
        except OSError as error:
            path = os.environ.get(f"{var}_FILE")
            raise ImproperlyConfigured(f"{var}_FILE cannot be read: {path}: {error.strerror}.") from None
        except ValueError:
            kind = {int: "a whole number", float: "a number", bool: "true or false"}.get(cast, "of another kind")
            raise ImproperlyConfigured(f"{var} must be {kind}, got {os.environ.get(var)!r}.") from None


def private_folder(name: str, path: Path) -> Path:
    """Create the folder of a setting unless it exists, for this user alone."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{name} cannot be created: {path}: {error.strerror}.") from None
    return path


def secret_key(key: str, folder: Path) -> str:
    """Return the key, or if it is empty the one that the first start writes to the folder, readable by its owner."""
    if key:
        return _checked_key("SECRET_KEY", key)
    path = folder / "secret_key"
    try:
        if not path.exists():
            _write_key(path)
        return _checked_key(str(path), path.read_text(errors="replace"))
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be created or read: {error.strerror}.") from None


def _checked_key(name: str, key: str) -> str:
    if len(key) < 50:
        raise ImproperlyConfigured(f"{name} must have at least 50 characters, got {len(key)}.")
    if len(set(key)) < 10 or key.startswith("django-insecure-"):
        raise ImproperlyConfigured(f"{name} must be at least 50 random characters; this one can be guessed.")
    return key


def _write_key(path: Path) -> None:
    """Write a complete file under another name (mode 0600), then link it.

    Of two simultaneous first starts one wins, and neither reads half a key.
    """
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft:
        draft.write(secrets.token_urlsafe(64))
        draft.flush()
        with contextlib.suppress(FileExistsError):
            os.link(draft.name, path)


def sqlite_options(path: Path, *, must_exist: bool) -> dict[str, Any]:
    # IMMEDIATE: otherwise a read that turns into a write fails at once, whatever the timeout.
    options: dict[str, Any] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;"
            " PRAGMA cache_size=-32000; PRAGMA mmap_size=2147418112;"
        ),
    }
    if must_exist:  # by default SQLite creates a missing file, which would look like an empty database
        options["database"] = f"{path.absolute().as_uri()}?mode=rw"
    return options


def database(url: str, folder: Path) -> dict[str, Any]:
    """Return the configuration of DATABASE_URL, or of a file in the folder, whose name may hold any character."""
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
    scheme = url.partition(":")[0]
    engine = Environment.DB_SCHEMES.get(scheme, "")
    if not engine.endswith(("postgresql", "sqlite3")):
        raise ImproperlyConfigured(f"DATABASE_URL must start with postgres:// or sqlite:///, got {scheme[:12]!r}.")
    try:
        config: dict[str, Any] = Environment.db_url_config(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}.") from None
    return config


def redis_url(url: str) -> str:
    """Check the address of Redis: a client that can write there can make workers run tasks."""
    parts = urlsplit(url)
    try:
        _ = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"REDIS_URL cannot be read: {error}.") from None
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured(f"REDIS_URL must start with redis://, rediss:// or unix://, got {url[:12]!r}.")
    if parts.hostname not in {None, "localhost", "127.0.0.1", "::1"} and not parts.password:
        raise ImproperlyConfigured("REDIS_URL must have a password when it names another machine.")
    return url


def origins(name: str, values: list[str]) -> list[str]:
    """Check origins of other sites. Django's own checks would only stop the parts, again and again."""
    for value in values:
        parts = urlsplit(value)
        if not parts.scheme or not parts.netloc or parts.path.strip("/"):
            raise ImproperlyConfigured(f"{name} must be origins, such as https://backtester.example, got {value!r}.")
    return values


def require_loopback(name: str, hosts: list[str]) -> None:
    """Refuse hosts that other machines can reach: personal mode has no login."""
    for host in hosts:
        if not LOOPBACK.fullmatch(host):
            raise ImproperlyConfigured(
                f"{name} must be an address of this machine, because ACCESS_MODE=personal has no login, got {host!r}."
                " Set ACCESS_MODE=team, or TRUST_NETWORK=true if a firewall or proxy controls access."
            )


def proxies(values: list[str]) -> tuple[Network | Literal["unix"], ...]:
    """Parse addresses, networks, and `unix` for a unix socket."""
    try:
        return tuple("unix" if value == "unix" else ipaddress.ip_network(value) for value in map(str.strip, values))
    except ValueError as error:
        raise ImproperlyConfigured(
            f"TRUSTED_PROXIES must be addresses, networks (10.0.0.0/24) or unix: {error}."
        ) from None
