"""Numbers and texts as people read them. What is unknown is a dash."""

from collections.abc import Mapping
from typing import Any

UNKNOWN = "–"


def count(number: int) -> str:
    """`1,000,000`."""
    return f"{number:,}"


def clock(seconds: float) -> str:
    """`1.2 s`, `12 s`, `1:12`, `1:02:03`."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(fraction: Any) -> str:
    """A fraction as a percentage."""
    return UNKNOWN if fraction is None else f"{100 * fraction:,.1f} %"


def ratio(number: Any) -> str:
    """Two digits."""
    return UNKNOWN if number is None else f"{number:,.2f}"


def parameters(values: Any) -> str:
    """`fast=5 slow=20`."""
    return " ".join(f"{name}={value:g}" for name, value in values.items()) if isinstance(values, Mapping) else ""


def size(n_bytes: int) -> str:
    """`5.2 MB`."""
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 100_000 else f"{n_bytes / 1e3:,.1f} kB"


def printable(text: str) -> str:
    """One line without control characters: what a server says must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
