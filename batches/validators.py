"""Checks of one value that came in a request: the value, or ValueError("what is wanted")."""

import math
import re
import uuid
from collections.abc import Callable, Iterable
from datetime import date
from difflib import get_close_matches
from typing import Any


def shown(value: object) -> str:
    """What came, short enough for a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint at the name that was probably meant."""
    near = get_close_matches(name[:100], sorted(names), n=1)
    return f" Did you mean {near[0]}?" if near else ""


class NotAmong(ValueError):
    """None of some names; it says what is wanted, and what was probably meant."""

    def __init__(self, value: object, names: Iterable[str], wanted: str) -> None:
        super().__init__(wanted)
        self.hint = nearest(value, names) if isinstance(value, str) else ""


def finite(value: object) -> float:
    """A finite number as a float; no boolean, no text."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a finite number")
    return float(value)


def number(low: float, high: float) -> Callable[[Any], float]:
    """A number between two bounds, both included."""

    def check(value: Any) -> float:
        wanted = f"a number from {low:g} to {high:g}"
        try:
            found = finite(value)
        except (ValueError, OverflowError):
            raise ValueError(wanted) from None
        if not low <= found <= high:
            raise ValueError(wanted)
        return found

    return check


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A whole number between two bounds, both included."""

    def check(value: Any) -> int:
        is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        if not is_whole or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return check


def boolean(value: Any) -> bool:
    """True or false, and nothing that only looks like it."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def one_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    """One of the given names."""

    def check(value: Any) -> str:
        if value not in names:
            raise NotAmong(value, names, " or ".join(names))
        return str(value)

    return check


def iso_date(value: Any) -> date:
    """A day of the calendar."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("a date as YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("a date that exists, as YYYY-MM-DD") from None


def uuid_text(value: Any) -> uuid.UUID:
    """A UUID in one of its usual spellings."""
    try:
        return uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("a UUID") from None
