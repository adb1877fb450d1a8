"""Links that open the form with a configuration, as in the address bar, presets and old batches.

A range is written `5:50:5`, a list `20,50`, both in wire units. Text that is not a number stays as it was typed.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus, urlencode

from batches.symbols import joined

SETTINGS = (
    "startDate", "endDate", "holdout", "direction", "fees", "slippage", "initialCapital", "wholeShares",
    "flatAtSessionEnd", "sortBy", "includeComparison", "timeoutSeconds", "abortFailureShare", "abortMinimumTests",
)  # fmt: skip
SAFE = ",:*"
MAX_SYMBOLS = 4_000  # characters, of the 8 kB that nginx accepts as a request line
MIN_RANGE = 3  # fewer values are shorter as a list


def sweep_query(request: Mapping[str, Any]) -> str:
    """Return the query string for a request in its wire form, typed or stored; `groups` name more symbols."""
    groups = request.get("groups", ())
    pairs = {"strategy": request["strategy"]}
    pairs |= {"symbols": joined(request["symbols"])} if request["symbols"] or not groups else {}
    pairs |= {"group": groups} if groups else {}
    pairs |= {name: compact(spec) for name, spec in request["parameterRanges"].items()}
    pairs |= {"timeframes": ",".join(request["timeframes"])} if request.get("timeframes") else {}
    if request["enableBetaScaling"]:
        pairs |= {"enableBetaScaling": "true", "coefficients": compact(request["coefficients"])}
    pairs |= {name: exact(request[name]) for name in SETTINGS if request.get(name) is not None}
    return urlencode(pairs, doseq=True, safe=SAFE)


def symbols_query(symbols: Sequence[str]) -> str:
    """Return the query string that opens the form with these symbols and its defaults."""
    return urlencode({"symbols": joined(symbols)}, safe=SAFE)


def fits_a_link(symbols: Sequence[str]) -> bool:
    """Return whether a link can name all symbols: proxies reject long ones."""
    return len(quote_plus(joined(symbols), safe=SAFE)) < MAX_SYMBOLS


def compact(spec: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return `5:50:5` for a range and for an evenly spaced list, `20,50` for other lists."""
    if isinstance(spec, Mapping):
        return ":".join(exact(spec[name]) for name in ("start", "stop", "step"))
    return as_range(spec) or ",".join(exact(value) for value in spec)


def exact(value: bool | int | float | str) -> str:
    """Return text that parses to the same value, without an exponent."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    text = f"{Decimal(repr(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def as_range(values: Sequence[Any]) -> str:
    """Return `first:last:step` if the decimals are evenly spaced, else ""."""
    if len(values) < MIN_RANGE or any(isinstance(value, str) for value in values):
        return ""
    decimals = [Decimal(repr(value)) for value in values]
    step = decimals[1] - decimals[0]
    if step <= 0 or any(decimal != decimals[0] + i * step for i, decimal in enumerate(decimals)):
        return ""
    return ":".join(exact(float(decimal)) for decimal in (decimals[0], decimals[-1], step))
