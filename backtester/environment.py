"""How the settings read the environment: what is wrong stops the start with a sentence."""

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

NEAR = re.compile(r"localhost|.*\.localhost|127(\.\d+){3}|\[?::1\]?", re.IGNORECASE)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Environment(environ.FileAwareEnv):
    """The environment, or for NAME the file that NAME_FILE names. It says which value is of the wrong kind."""

    def get_value(self, var: str, cast: Any = None, **options: Any) -> Any:
        try:
            value = super().get_value(var, cast=cast, **options)
            return value.strip() if isinstance(value, str) else value  # editors end a file with a line break
        except OSError as error:
            path = os.environ.get(f"{var}_FILE")
            raise ImproperlyConfigured(f"{var}_FILE is {path}, which cannot be read: {error.strerror}.") from None
        except ValueError:
            wanted = {int: "a whole number", float: "a number"}.get(cast, "another value")
            raise ImproperlyConfigured(f"{var} is {os.environ.get(var)!r}; {wanted} is wanted.") from None


def secret_key(given: str, folder: Path) -> str:
    """The given key, else one made in the folder on the first start and kept readable by its owner alone."""
    if given:
        if len(given) < 50:
            raise ImproperlyConfigured(f"SECRET_KEY has {len(given)} characters; at least 50 are wanted.")
        if len(set(given)) < 10 or given.startswith("django-insecure-"):
            raise ImproperlyConfigured("SECRET_KEY can be guessed; at least 50 random characters are wanted.")
        return given
    path = folder / "secret_key"
    if not path.exists():
        # Written whole under another name (0600), then linked: of two first starts at once one wins, and neither
        # reads half a key.
        with tempfile.NamedTemporaryFile("w", dir=folder) as draft:
            draft.write(secrets.token_urlsafe(64))
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_text()


def database(url: str, folder: Path) -> dict[str, Any]:
    """The database that is given, else a file. Its path is not made a URL: a folder's name may hold any character."""
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
    scheme = url.partition(":")[0]
    if scheme not in Environment.DB_SCHEMES:
        raise ImproperlyConfigured(f"DATABASE_URL starts with {scheme[:12]!r}; postgres:// or sqlite:/// is wanted.")
    config: dict[str, Any] = Environment.db_url_config(url)
    return config


def redis_url(url: str) -> str:
    """The address of Redis. Whoever may write there can make workers run things."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured(f"REDIS_URL starts with {url[:12]!r}; redis://, rediss:// or unix:// is wanted.")
    if parts.hostname not in {None, "localhost", "127.0.0.1", "::1"} and not parts.password:
        raise ImproperlyConfigured(
            "REDIS_URL names another machine without a password; whoever reaches it could run us."
        )
    return url


def refuse_to_serve_strangers(name: str, hosts: list[str]) -> None:
    """Personal mode asks nobody to log in, so it must not be reached from elsewhere without being told to."""
    for host in hosts:
        if not NEAR.fullmatch(host):
            raise ImproperlyConfigured(
                f"{name} is {host!r}, which others can reach, and ACCESS_MODE=personal asks nobody to log in."
                " Set ACCESS_MODE=team; or TRUST_NETWORK=true, if something in front of it keeps strangers away."
            )


def proxies(given: list[str]) -> tuple[Network | Literal["unix"], ...]:
    """Addresses and networks; `unix` for whoever comes over a unix socket."""
    try:
        return tuple("unix" if each == "unix" else ipaddress.ip_network(each) for each in map(str.strip, given))
    except ValueError as error:
        words = "addresses, networks (10.0.0.0/24) or unix are wanted"
        raise ImproperlyConfigured(f"TRUSTED_PROXIES: {error}; {words}.") from None
