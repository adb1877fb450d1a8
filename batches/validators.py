"""Validators of one value of a request: they return it, or raise ValueError with what it must be."""

import math
import re
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any

from batches.models import MAX_TAG, MAX_TITLE

MAX_TAGS = 10
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)


def shown(value: object) -> str:
    """Return a repr short enough for a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ` Did you mean ...?` for the closest name, or ""."""
    matches = get_close_matches(name[:100], sorted(names), n=1)
    return f" Did you mean {matches[0]}?" if matches else ""


class NotAmong(ValueError):
    """The value is none of some names. hint : the closest of them"""

    def __init__(self, value: object, names: Iterable[str], allowed: str) -> None:
        super().__init__(allowed)
        self.hint = nearest(value, names) if isinstance(value, str) else ""


def finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a finite number")
    return float(value)


def number(low: float, high: float) -> Callable[[Any], float]:
    """Return a validator of numbers between two bounds, both included."""

    def check(value: Any) -> float:
        allowed = f"between {low:g} and {high:g}"
        try:
            checked = finite(value)
        except (ValueError, OverflowError):
            raise ValueError(allowed) from None
        if not low <= checked <= high:
            raise ValueError(allowed)
        return checked

    return check


def whole(low: int, high: int) -> Callable[[Any], int]:
    """Return a validator of integers between two bounds, both included; 3.0 is one."""

    def check(value: Any) -> int:
        is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        if not is_whole or not low <= value <= high:
            raise ValueError(f"an integer between {low} and {high}")
        return int(value)

    return check


def digits(text: str) -> int | None:
    """Return the whole number of a query string, None if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def one_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in names:
            raise NotAmong(value, names, " or ".join(names))
        return str(value)

    return check


def iso_date(value: Any) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("a date as YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("a date that exists, as YYYY-MM-DD") from None


def iso_date_or_moment(value: Any) -> date:
    """Return a date, or a datetime in UTC; a moment without an offset is in UTC."""
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise ValueError("a date as YYYY-MM-DD, or a moment as YYYY-MM-DDTHH:MM:SSZ")
    if len(value) == 10:
        return iso_date(value)
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a moment that exists, as YYYY-MM-DDTHH:MM:SSZ") from None


def wire_limit(limit: date) -> str:
    """Return `2020-01-02`, or `2020-01-02T14:30:00Z`; `iso_date_or_moment` reads it."""
    return limit.isoformat().replace("+00:00", "Z")


def day_of(limit: date) -> date:
    """Return the day of a date or of a moment, in UTC."""
    return limit.date() if isinstance(limit, datetime) else limit


def uuid_text(value: Any) -> uuid.UUID:
    """Accept any spelling that `uuid.UUID` does."""
    try:
        return uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("a UUID") from None


def title(value: Any) -> str:
    """Return the title without surrounding spaces; an empty one stands for the default."""
    text = value.strip() if isinstance(value, str) else None
    if text is None or len(text) > MAX_TITLE or not text.isprintable():
        raise ValueError(f"one line of at most {MAX_TITLE} printable characters")
    return text


def tags(value: Any) -> tuple[str, ...]:
    """Return the tags without repetitions, in whatever case."""
    requirement = f"a list of at most {MAX_TAGS} tags of 1 to {MAX_TAG} printable characters, without commas"
    if not isinstance(value, list | tuple):
        raise ValueError(requirement)
    names = [name.strip() if isinstance(name, str) else "" for name in value]
    if not all(0 < len(name) <= MAX_TAG and name.isprintable() and "," not in name for name in names):
        raise ValueError(requirement)
    by_folded: dict[str, str] = {}
    for name in names:
        by_folded.setdefault(name.casefold(), name)
    if len(by_folded) > MAX_TAGS:
        raise ValueError(requirement)
    return tuple(by_folded.values())
