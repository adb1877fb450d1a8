"""Format numbers and times for the pages.

`static/batches/format.js` does the same in the browser; `tests/js/format-cases.json` tests both.
"""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MISSING = "–"
Number = int | float | None


def is_missing(value: object) -> bool:
    """Return whether a value has no text. Templates pass "" for a missing variable."""
    return not isinstance(value, int | float) or not math.isfinite(value)


def _fixed(value: float, digits: int) -> str:
    """Round half away from zero, as a browser does, without a negative zero."""
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{rounded or abs(rounded):,f}"


def plain(value: float) -> str:
    """`0.250000` -> `0.25`: at most six decimals, without trailing zeros."""
    text = f"{Decimal(repr(value)).quantize(Decimal('0.000001'), ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def count(value: Number) -> str:
    """`2458` -> `2,458`."""
    return MISSING if value is None or is_missing(value) else _fixed(value, 0)


def percent(value: Number, digits: int = 1) -> str:
    """`0.487` -> `48.7%`."""
    return MISSING if value is None or is_missing(value) else f"{_fixed(value * 100, digits)}%"


def parameter(value: Number, kind: str = "float") -> str:
    """Percentages are stored as fractions."""
    if value is None or is_missing(value):
        return MISSING
    return f"{plain(value * 100)}%" if kind == "percent" else plain(value)


def parameters(values: Mapping[str, float] | None, kinds: Mapping[str, Mapping[str, str]]) -> str:
    """`{"fast": 10, "slow": 50}` -> `Fast window 10, Slow window 50`."""
    texts = []
    for name, value in (values or {}).items():
        about = kinds.get(name, {})
        texts.append(f"{about.get('label', name)} {parameter(value, about.get('kind', 'float'))}")
    return ", ".join(texts)


def metric(value: Number, unit: str) -> str:
    if value is None or is_missing(value):
        return MISSING
    if unit == "fraction":
        return percent(value)
    return _fixed(value, 0 if unit in ("count", "currency", "days") else 2)


def duration(seconds: Number) -> str:
    """`332` -> `5m 32s`; hours have no seconds."""
    if seconds is None or is_missing(seconds):
        return MISSING
    s = max(0, math.floor(seconds))
    if s < 60:
        return f"{s}s"
    return f"{s // 60}m {s % 60}s" if s < 3600 else f"{s // 3600}h {s % 3600 // 60}m"


def remaining(seconds: Number) -> str:
    """`383` -> `~6m 23s`."""
    return MISSING if seconds is None or is_missing(seconds) else f"~{duration(math.ceil(seconds))}"


def took(seconds: Number) -> str:
    """A finished duration, with tenths below ten seconds."""
    if seconds is None or is_missing(seconds):
        return MISSING
    return f"{_fixed(seconds, 1)}s" if seconds < 10 else duration(seconds)


def per_test(seconds: Number) -> str:
    """`0.149` -> `149 ms`."""
    if seconds is None or is_missing(seconds):
        return MISSING
    if seconds >= 1:
        return f"{_fixed(seconds, 2)} s"
    if seconds >= 0.001:
        return f"{_fixed(seconds * 1e3, 0 if seconds >= 0.01 else 1)} ms"
    return f"{_fixed(seconds * 1e6, 0 if seconds >= 1e-5 else 1)} µs"


def per_second(seconds_per_test: Number) -> str:
    if seconds_per_test is None or is_missing(seconds_per_test) or seconds_per_test <= 0:
        return MISSING
    rate = 1 / seconds_per_test
    return _fixed(rate, 1 if rate < 10 else 0)


def bytes_(size: Number) -> str:
    """`480000` -> `480 kB`."""
    if size is None or is_missing(size):
        return MISSING
    if size < 1000:
        return f"{_fixed(size, 0)} B"
    step = min(4, int(math.log10(size) / 3))
    value = size / 1000**step
    return f"{_fixed(value, 1 if value < 10 else 0)} {('kB', 'MB', 'GB', 'TB')[step - 1]}"


def headline(event: Mapping[str, Any], timeout: str = "15 minutes") -> str:
    done = f"{count(event.get('current'))} of {count(event.get('total'))}"
    status = event["status"]
    if status == "error":
        if event.get("code") == "TIMEOUT":
            return f"Operation timed out after {timeout}"
        return f"Failed: {event['error']}" if event.get("error") else "Failed"
    return {
        "queued": "Waiting for a worker",
        "paused": f"Paused at {done}",
        "complete": f"Complete: {count(event.get('total'))} tests in {took(event.get('elapsedTime'))}",
        "cancelled": f"Cancelled after {done} tests",
        "running": _working(event, done),
    }[status]


def _working(event: Mapping[str, Any], done: str) -> str:
    phase = event.get("phase")
    if phase == "writing":
        return f"Writing the results ({done})"
    if event.get("currentSymbol"):
        return f"Testing {event['currentSymbol']} ({done})"
    return {"compiling": "Compiling the strategy", "loading": "Loading prices"}.get(str(phase), f"Testing ({done})")


def age(instant: datetime, now: datetime) -> str:
    """`just now`, `5 min ago`, `3 h ago`, `yesterday`, `2 days ago`."""
    seconds = max(0.0, (now - instant).total_seconds())
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds / 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds / 3600)} h ago"
    days = int(seconds / 86_400)
    return "yesterday" if days == 1 else f"{days} days ago"


def item(values: Mapping[str, Any] | None, key: str) -> Any:
    """`values[key]`, for a key in a template variable."""
    return (values or {}).get(key)
