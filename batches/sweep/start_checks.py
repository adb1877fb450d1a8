"""Check the fields of a start request: return the value, or raise ValueError("what it must be").

Fields that depend on others find those that passed in `info.data`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.conf import settings
from pydantic import ValidationInfo

from backtester.engine import (
    BadParameters,
    EngineError,
    Parameter,
    Strategy,
    TooManyValues,
    UnknownStrategy,
    axis_values,
    get_strategy,
)
from backtester.engine.timeframes import seconds_of
from batches.errors import Detail
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.symbols import normalized
from batches.validators import NotAmong, day_of, finite, iso_date, iso_date_or_moment, number, one_of, whole

MAX_TIMEFRAMES = 20
MOST_HELD_OUT = 0.5
MAX_DETAILS = 20  # a body may hold 100,000 wrong names
Axes = dict[str, list[int | float]]


class Refused(ValueError):
    """Raised by a check whose messages are complete, in place of `must be ...`."""

    def __init__(self, *details: Detail) -> None:
        super().__init__(*details)
        self.details = details


def strategy_name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a name")
    try:
        return get_strategy(value).name
    except UnknownStrategy as error:
        raise Refused(Detail("strategy", error.message)) from None


def end_date(value: Any, info: ValidationInfo) -> date:
    end, start = iso_date_or_moment(value), info.data.get("start_date")
    both = isinstance(start, datetime) and isinstance(end, datetime)
    if start and (start > end if both else day_of(start) > day_of(end)):
        raise Refused(Detail("startDate", f"startDate must not be after endDate, got {start} and {end}."))
    return end


def holdout(value: Any, info: ValidationInfo) -> float | date | None:
    """Return a fraction or the first locked day; None for 0, which locks nothing. The prices decide whether it fits."""
    requirement = f"a fraction from 0 to {MOST_HELD_OUT:g}, or a date as YYYY-MM-DD"
    if not isinstance(value, str):
        try:
            return number(0, MOST_HELD_OUT)(value) or None
        except ValueError:
            raise ValueError(requirement) from None
    try:
        first = iso_date(value)
    except ValueError:
        raise ValueError(requirement) from None
    start, end = (limit and day_of(limit) for limit in (info.data.get("start_date"), info.data.get("end_date")))
    if start and first <= start:
        raise Refused(Detail("holdout", f"holdout must be after startDate, got {first} and {start}."))
    if end and first > end:
        raise Refused(Detail("holdout", f"holdout must not be after endDate, got {first} and {end}."))
    return first


def timeframes(value: Any) -> tuple[str, ...]:
    """Each at least the stored bars, which is checked with the prices."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_TIMEFRAMES:
        raise ValueError(f"a list of 1 to {MAX_TIMEFRAMES} timeframes such as 5m, 4h, 1d or 1w")
    try:
        by_length = {seconds_of(timeframe): timeframe for timeframe in reversed(value)}
    except BadParameters as error:
        raise Refused(Detail("timeframes", error.message)) from None
    return tuple(timeframe for timeframe in dict.fromkeys(value) if by_length[seconds_of(timeframe)] == timeframe)


def symbols(value: Any) -> tuple[str, ...]:
    # Unprintable: the database would fail on a NUL or half a surrogate pair, instead of finding no such symbol.
    if not isinstance(value, list) or not value or not all(isinstance(s, str) and s and s.isprintable() for s in value):
        raise ValueError("a list of at least one symbol")
    symbols = tuple(dict.fromkeys(map(normalized, value)))
    if len(symbols) > settings.BATCH_MAX_SYMBOLS:
        raise ValueError(f"a list of at most {settings.BATCH_MAX_SYMBOLS:,} symbols (BATCH_MAX_SYMBOLS)")
    return symbols


def axes(ranges: Any, info: ValidationInfo) -> Axes:
    if "strategy" not in info.data:
        return {}
    if not isinstance(ranges, Mapping):
        raise ValueError("an object")
    strategy = get_strategy(info.data["strategy"])
    details: list[Detail] = []
    specs: dict[str, tuple[str, Any]] = {}  # by wire name: the name as spelled, and the values
    for name, spec in ranges.items():
        if specs.setdefault(wire_name(name), (name, spec))[0] != name:
            details.append(Detail(f"parameterRanges.{name}", f"{name} is given twice, in two spellings."))
    axes: Axes = {}
    for parameter in strategy.all_parameters:
        if wire_name(parameter.name) not in specs and parameter in strategy.optional:
            continue
        name, spec = specs.pop(wire_name(parameter.name), (parameter.name, [parameter.default]))
        try:
            axes[parameter.name] = checked_axis(parameter, spec)
        except EngineError as error:
            details.append(Detail(f"parameterRanges.{name}", error.message))
    details += [_unknown_parameter(strategy, name[:60]) for name, _ in list(specs.values())[:MAX_DETAILS]]
    if details:
        raise Refused(*details)
    return axes


def checked_axis(parameter: Parameter, spec: Any) -> list[int | float]:
    """Return the values of one parameter's axis. Too many are refused before they are laid out."""
    try:
        return axis_values(parameter, spec, most=settings.BATCH_MAX_AXIS_VALUES)
    except TooManyValues as error:
        raise BadParameters(f"{error.message[:-1]} (BATCH_MAX_AXIS_VALUES).", field=error.field) from None


def _unknown_parameter(strategy: Strategy, name: str) -> Detail:
    try:
        strategy.parameter(name)
    except BadParameters as error:
        return Detail(f"parameterRanges.{name}", error.message)
    raise AssertionError(name)


def direction(value: Any, info: ValidationInfo) -> str:
    strategy = info.data.get("strategy")
    directions = get_strategy(strategy).directions if strategy else ("long", "short", "both")
    return directions[0] if value is None else one_of(directions)(value)


def coefficients(value: Any, info: ValidationInfo) -> tuple[float, ...]:
    if not info.data.get("beta_scaling"):
        return (1.0,)
    limit = settings.BATCH_MAX_AXIS_VALUES
    requirement = f"a list of 1 to {limit:,} numbers (BATCH_MAX_AXIS_VALUES) above 0 and up to 100"
    if not isinstance(value, list) or not 1 <= len(value) <= limit:
        raise ValueError(requirement)
    try:
        numbers = tuple(dict.fromkeys(finite(number) for number in value))
    except (ValueError, OverflowError):
        raise ValueError(requirement) from None
    if not all(0 < number <= 100 for number in numbers):
        raise ValueError(requirement)
    return numbers


def timeout(value: Any) -> int:
    try:
        return whole(1, settings.BATCH_TIMEOUT_MAX_S)(value)
    except ValueError as error:
        raise ValueError(f"{error} (BATCH_TIMEOUT_MAX_S)") from None


def metric(value: Any) -> str:
    metric = METRICS_BY_WIRE_NAME.get(value) if isinstance(value, str) else None
    if metric is None:
        raise NotAmong(value, METRICS_BY_WIRE_NAME, "one of " + ", ".join(METRICS_BY_WIRE_NAME))
    return metric.name
