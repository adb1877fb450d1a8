"""Read the settings from the environment. A wrong value stops the start with one sentence."""

import contextlib
import ipaddress
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
            return value.strip() if isinstance(value, str) else value  # editors end a file with a newline
        except OSError as error:
            path = os.environ.get(f"{var}_FILE")
            raise ImproperlyConfigured(f"{var}_FILE cannot be read: {path}: {error.strerror}.") from None
        except ValueError:
            kind = {int: "a whole number", float: "a number", bool: "true or false"}.get(cast, "of another kind")
            raise ImproperlyConfigured(f"{var} must be {kind}, got {os.environ.get(var)!r}.") from None


def secret_key(key: str, folder: Path) -> str:
    """Return the key, or if it is empty the one that the first start writes to the folder, readable by its owner."""
    if key:
        if len(key) < 50:
            raise ImproperlyConfigured(f"SECRET_KEY must have at least 50 characters, got {len(key)}.")
        if len(set(key)) < 10 or key.startswith("django-insecure-"):
            raise ImproperlyConfigured("SECRET_KEY must be at least 50 random characters; this one can be guessed.")
        return key
    path = folder / "secret_key"
    if not path.exists():
        # Write a complete file under another name (mode 0600), then link it: of two simultaneous first starts one
        # wins, and neither reads half a key.
        with tempfile.NamedTemporaryFile("w", dir=folder) as draft:
            draft.write(secrets.token_urlsafe(64))
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_text()


def database(url: str, folder: Path) -> dict[str, Any]:
    """Return the configuration of DATABASE_URL, or of a file in the folder, whose name may hold any character."""
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
    scheme = url.partition(":")[0]
    if scheme not in Environment.DB_SCHEMES:
        raise ImproperlyConfigured(f"DATABASE_URL must start with postgres:// or sqlite:///, got {scheme[:12]!r}.")
    config: dict[str, Any] = Environment.db_url_config(url)
    return config


def redis_url(url: str) -> str:
    """Check the address of Redis: a client that can write there can make workers run tasks."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured(f"REDIS_URL must start with redis://, rediss:// or unix://, got {url[:12]!r}.")
    if parts.hostname not in {None, "localhost", "127.0.0.1", "::1"} and not parts.password:
        raise ImproperlyConfigured("REDIS_URL must have a password when it names another machine.")
    return url


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
