"""Format numbers and times for the pages.

`static/batches/format.js` does the same in the browser; `tests/js/format-cases.json` tests both.
"""

import functools
import json
import logging
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

log = logging.getLogger(__name__)
TIMES_FROM = 100  # a return of 152,844.6% reads better as ×1,529
MISSING, MINUS = "–", "\N{MINUS SIGN}"
MANY_DIGITS = Context(prec=400)  # Decimal's own 28 cannot round an annual return of 1e30
BAR_SIZES = {1.0: "1 day", 7.0: "1 week", 30.4375: "1 month", 91.3125: "3 months", 365.25: "1 year"}
CLOCK_UNITS = {"hour": 3600, "minute": 60, "second": 1}
NAMES = ("Sharpe", "Sortino", "Calmar")  # a metric named after a person keeps its capital
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")  # Hebrew, Arabic and their neighbors
Number = int | float | None


def or_missing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a template filter that answers “–” for a value of a wrong kind: one value must not cost the page."""

    @functools.wraps(function)
    def tolerant(value: Any, *arguments: Any) -> Any:
        try:
            return function(value, *arguments)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if value is not None and not isinstance(value, str):  # "" is how Django passes a missing variable
                log.warning("no text for a value: %s: %s: %r", function.__name__, error, type(value))
            return MISSING

    return tolerant


def is_missing(value: object) -> bool:
    """Return whether a value has no text. Templates pass "" for a missing variable."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return not -sys.float_info.max <= value <= sys.float_info.max  # math.isfinite fails on an int of 400 digits


def isolated(symbol: str) -> str:
    """Keep a symbol that is written from right to left from turning the numbers beside it around."""
    return f"\u2068{symbol}\u2069" if RIGHT_TO_LEFT.search(symbol) else symbol


def with_minus(text: str) -> str:
    """`-3.5` -> `−3.5`: a hyphen is no sign, and a line may break after it."""
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def fixed(value: float, digits: int) -> str:
    """Round half away from zero, as a browser does, without a negative zero."""
    rounded = _rounded(value, digits)
    return with_minus(f"{rounded or abs(rounded):,f}")


def _rounded(value: float, digits: int) -> Decimal:
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, MANY_DIGITS)


def plain(value: float) -> str:
    """`0.250000` -> `0.25`: at most six decimals, without trailing zeros, as a form takes it."""
    text = f"{_rounded(value, 6):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def price(value: Number) -> str:
    """`1234.5` -> `1,234.50`, `0.000012345` -> `0.00001235`: two decimals, below 1 four significant digits."""
    if value is None or is_missing(value):
        return MISSING
    if not 0 < abs(value) < 1:
        return fixed(value, 2)
    text = fixed(value, 3 - math.floor(math.log10(abs(value))))
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def bar_size(days: Number) -> str:
    """`7.0` -> `1 week`, `1 / 1440` -> `1 minute`; None is irregular."""
    if days is None or is_missing(days):
        return "irregular"
    if days < 1:
        seconds = max(1, round(days * 86_400))
        unit, size = next((unit, size) for unit, size in CLOCK_UNITS.items() if seconds % size == 0)
        return f"{seconds // size} {unit}{'' if seconds == size else 's'}"
    return BAR_SIZES.get(float(days), f"{days:g} days")


def as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def count(value: Number) -> str:
    """`2458` -> `2,458`."""
    return MISSING if value is None or is_missing(value) else fixed(value, 0)


def counted(n: Number, noun: str) -> str:
    """`1 test`, `2,458 tests`."""
    return f"{count(n)} {noun}" if n == 1 else f"{count(n)} {noun}s"


def shortened(texts: Sequence[object], most: int = 8) -> str:
    """`3, 5, 8 and 40 more`."""
    more = len(texts) - most
    return ", ".join(map(str, texts[:most])) + (f" and {more:,} more" if more > 0 else "")


def mid_sentence(label: str) -> str:
    """`Annual return` -> `annual return`, but `Sharpe ratio`."""
    return label if label.startswith(NAMES) else label[:1].lower() + label[1:]


def percent(value: Number, digits: int = 1) -> str:
    """`0.487` -> `48.7%`."""
    return (
        MISSING if value is None or is_missing(value) or is_missing(value * 100) else f"{fixed(value * 100, digits)}%"
    )


def rounded_down(percentage: float) -> float:
    """`49.27` -> `49.2`, so that 100 means all."""
    return int(percentage * 10) / 10


def parameter(value: Number, kind: str = "float") -> str:
    """Percentages are stored as fractions."""
    if value is None or is_missing(value):
        return MISSING
    return with_minus(f"{plain(value * 100)}%" if kind == "percent" else plain(value))


def parameters(values: Mapping[str, float] | None, kinds: Mapping[str, Mapping[str, object]]) -> str:
    """`{"fast": 10, "slow": 50}` -> `Fast window 10, Slow window 50`."""
    texts = []
    for name, value in (values or {}).items():
        about = kinds.get(name, {})
        texts.append(f"{about.get('label', name)} {parameter(value, str(about.get('kind', 'float')))}")
    return ", ".join(texts)


def metric(value: Number, unit: str) -> str:
    if value is None or is_missing(value):
        return MISSING
    if unit == "fraction":
        return percent(value) if value < TIMES_FROM else f"×{fixed(value + 1, 0)}"
    return fixed(value, 0 if unit in ("count", "currency", "days") else 2)


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
    return f"{fixed(seconds, 1)}s" if seconds < 10 else duration(seconds)


def per_test(seconds: Number) -> str:
    """`0.149` -> `149 ms`."""
    if seconds is None or is_missing(seconds):
        return MISSING
    if seconds >= 1:
        return f"{fixed(seconds, 2)} s"
    if seconds >= 0.001:
        return f"{fixed(seconds * 1e3, 0 if seconds >= 0.01 else 1)} ms"
    return f"{fixed(seconds * 1e6, 0 if seconds >= 1e-5 else 1)} µs"


def per_second(seconds_per_test: Number) -> str:
    if seconds_per_test is None or is_missing(seconds_per_test) or seconds_per_test <= 0:
        return MISSING
    rate = 1 / seconds_per_test
    return fixed(rate, 1 if rate < 10 else 0)


def bytes_(size: Number) -> str:
    """`480000` -> `480 kB`."""
    if size is None or is_missing(size):
        return MISSING
    if size < 1000:
        return f"{fixed(size, 0)} B"
    step = min(4, int(math.log10(size) / 3))
    value = size / 1000**step
    return f"{fixed(value, 1 if value < 10 else 0)} {('kB', 'MB', 'GB', 'TB')[step - 1]}"


def bar_time(text: str) -> str:
    """`2022-12-30T20:59:00Z` -> `2022-12-30 20:59 UTC`; a day stays as it is."""
    return text.removesuffix("Z").removesuffix(":00").replace("T", " ") + (" UTC" if text.endswith("Z") else "")


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
        "complete": f"Complete: {counted(event.get('total'), 'test')} in {took(event.get('elapsedTime'))}",
        "cancelled": f"Cancelled after {count(event.get('current'))} of {counted(event.get('total'), 'test')}",
        "running": _working(event, done),
    }[status]


def _working(event: Mapping[str, Any], done: str) -> str:
    phase = event.get("phase")
    if phase == "writing":
        return f"Writing the results ({done})"
    if loading := event.get("loading"):
        place = f", {count(loading['number'])} of {count(loading['total'])}" if loading["total"] > 1 else ""
        return f"Loading {isolated(loading['symbol'])}{place}"
    if event.get("currentSymbol"):
        return f"Testing {isolated(event['currentSymbol'])} ({done})"
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
