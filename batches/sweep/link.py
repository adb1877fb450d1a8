"""The link that opens the form with a whole configuration: what the address bar, presets and old batches hold.

A range is written `5:50:5`, a list `20,50`, everything in wire units. What is no number stays as it was typed.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

SETTINGS = (
    "startDate", "endDate", "direction", "fees", "slippage", "initialCapital", "wholeShares", "sortBy",
    "includeComparison", "timeoutSeconds", "abortFailureShare", "abortMinimumTests",
)  # fmt: skip
LONGEST_SYMBOLS = 4_000  # characters, of the 8 kB that nginx takes of a first line
LEAST_RUN = 3  # fewer values are shorter as a list


def sweep_query(asked: Mapping[str, Any]) -> str:
    """The query string for a request in its wire form, as typed or as stored; `groups` name more symbols."""
    groups = asked.get("groups", ())
    pairs = {"strategy": asked["strategy"]}
    pairs |= {"symbols": ",".join(asked["symbols"])} if asked["symbols"] or not groups else {}
    pairs |= {"group": groups} if groups else {}
    pairs |= {name: compact(spec) for name, spec in asked["parameterRanges"].items()}
    if asked["enableBetaScaling"]:
        pairs |= {"enableBetaScaling": "true", "coefficients": compact(asked["coefficients"])}
    pairs |= {name: exact(asked[name]) for name in SETTINGS if asked.get(name) is not None}
    return urlencode(pairs, doseq=True, safe=",:*")


def fits_a_link(symbols: Sequence[str]) -> bool:
    """Whether an address can name them all: proxies refuse long ones."""
    return sum(map(len, symbols)) + len(symbols) <= LONGEST_SYMBOLS


def compact(spec: Mapping[str, Any] | Sequence[Any]) -> str:
    """`5:50:5` for a range, and for a list that is one; `20,50` for other lists."""
    if isinstance(spec, Mapping):
        return ":".join(exact(spec[name]) for name in ("start", "stop", "step"))
    return _as_range(spec) or ",".join(exact(value) for value in spec)


def exact(value: bool | int | float | str) -> str:
    """A value as text that reads back as the same one, without an exponent."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    text = f"{Decimal(repr(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _as_range(values: Sequence[Any]) -> str:
    """`first:last:step` when the decimals are evenly spaced, so that nothing is lost; else ""."""
    if len(values) < LEAST_RUN or any(isinstance(value, str) for value in values):
        return ""
    exactly = [Decimal(repr(value)) for value in values]
    step = exactly[1] - exactly[0]
    if step <= 0 or any(exactly[i] != exactly[0] + i * step for i in range(len(exactly))):
        return ""
    return ":".join(exact(float(each)) for each in (exactly[0], exactly[-1], step))
