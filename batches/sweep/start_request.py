"""The wire: what a request may say, checked field by field, and the names that leave the server.

One checker serves the API and the form, so that both refuse the same things in the same words.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.conf import settings

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
from batches.errors import Detail, InvalidRequest
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.validators import NotAmong, boolean, finite, iso_date, nearest, number, one_of, shown, uuid_text, whole

LEGACY_INSIDE_RANGES = ("symbols", "startDate", "endDate")  # where older clients put them
MOST_PROBLEMS, LONGEST_MESSAGE = 20, 500  # said of one request: a body may hold 100,000 wrong names


@dataclass(frozen=True)
class StartRequest:
    """A checked request to start a batch. Symbols and dates are not yet compared with the stored prices."""

    strategy: str
    symbols: tuple[str, ...]
    axes: dict[str, list[int | float]]
    start_date: date | None
    end_date: date | None
    direction: str
    beta_scaling: bool
    coefficients: tuple[float, ...]
    fees: float
    slippage: float
    initial_capital: float
    whole_shares: bool
    sort_by: str
    include_comparison: bool
    timeout_s: int
    abort_failure_share: float
    abort_minimum_tests: int
    session_id: uuid.UUID | None

    def as_json(self) -> dict[str, Any]:
        """The stored and compared form: equal requests give equal JSON, whatever way they were spelled."""
        values = asdict(self) | {
            "symbols": list(self.symbols),
            "coefficients": list(self.coefficients),
            "axes": {wire_name(name): values for name, values in self.axes.items()},
            "start_date": self.start_date and self.start_date.isoformat(),
            "end_date": self.end_date and self.end_date.isoformat(),
            "sort_by": wire_name(self.sort_by),
        }
        del values["session_id"]
        names = {"axes": "parameterRanges", "beta_scaling": "enableBetaScaling", "timeout_s": "timeoutSeconds"}
        return {names.get(name, wire_name(name)): value for name, value in values.items()}


def parse_start(data: object) -> StartRequest:
    """Check the body of a start. All that is wrong is said at once; InvalidRequest carries a detail for each field."""
    if not isinstance(data, Mapping):
        raise InvalidRequest(Detail("", f"The body is {shown(data)}; a JSON object is wanted."))
    return _Reader(data).start()


class _Reader:
    """Takes one field after the other and collects what is wrong with them."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = dict(data)
        self.ranges = self.data.get("parameterRanges")
        self.problems: list[Detail] = []
        if isinstance(self.ranges, Mapping):
            self.ranges = dict(self.ranges)
            for name in LEGACY_INSIDE_RANGES:
                inside = self.ranges.pop(name, None)
                if self.data.get(name) is None:
                    self.data[name] = inside

    def start(self) -> StartRequest:
        self._refuse_unknown_fields()
        strategy = self._strategy()
        start_date, end_date = self._take("startDate", iso_date, None), self._take("endDate", iso_date, None)
        if start_date and end_date and start_date > end_date:
            self._wrong("startDate", f"startDate {start_date} lies after endDate {end_date}.")
        scaling = self._take("enableBetaScaling", boolean, False)
        values: dict[str, Any] = {
            "strategy": strategy.name if strategy else "",
            "symbols": self._take("symbols", _symbols, None, required=True),
            "axes": self._axes(strategy) if strategy else {},
            "start_date": start_date,
            "end_date": end_date,
            "direction": self._direction(strategy),
            "beta_scaling": scaling,
            "coefficients": self._take("coefficients", _coefficients, (1.0,)) if scaling else (1.0,),
            "fees": self._take("fees", number(0, 0.5), 0.0),
            "slippage": self._take("slippage", number(0, 0.5), 0.0),
            "initial_capital": self._take("initialCapital", number(1e-6, 1e15), 100_000.0),
            "whole_shares": self._take("wholeShares", boolean, False),
            "sort_by": self._take("sortBy", _metric, "annualized_return"),
            "include_comparison": self._take("includeComparison", boolean, True),
            "timeout_s": self._take("timeoutSeconds", _timeout, settings.BATCH_TIMEOUT_S),
            "abort_failure_share": self._take("abortFailureShare", number(0, 1), settings.BATCH_ABORT_FAILURE_SHARE),
            "abort_minimum_tests": self._take("abortMinimumTests", whole(1, 10**9), settings.BATCH_ABORT_MINIMUM_TESTS),
            "session_id": self._take("sessionId", uuid_text, None),
        }
        if self.problems:
            raise InvalidRequest(*self.problems)
        return StartRequest(**values)

    def _wrong(self, field: str, message: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Detail(field[:80], message[:LONGEST_MESSAGE]))

    def _take(self, name: str, check: Callable[[Any], Any], default: Any, *, required: bool = False) -> Any:
        value = self.data.get(name)
        if value is None:  # null says the same as leaving it out
            if required:
                self._wrong(name, f"{name} is missing.")
            return default
        try:
            return check(value)
        except ValueError as error:
            self._wrong(name, f"{name} is {shown(value)}; {error} is wanted.{getattr(error, 'hint', '')}")
            return default

    def _refuse_unknown_fields(self) -> None:
        for name in [str(name)[:60] for name in self.data if name not in FIELDS][:MOST_PROBLEMS]:
            self._wrong(name, f"There is no field {shown(name)}.{nearest(name, FIELDS)}")

    def _strategy(self) -> Strategy | None:
        name = self.data.get("strategy")
        if not isinstance(name, str):
            self._wrong(
                "strategy", "strategy is missing." if name is None else f"strategy is {shown(name)}; a name is wanted."
            )
            return None
        try:
            return get_strategy(name)
        except UnknownStrategy as error:
            self._wrong("strategy", error.message)
            return None

    def _direction(self, strategy: Strategy | None) -> str:
        allowed = strategy.directions if strategy else ("long", "short", "both")
        return str(self._take("direction", one_of(allowed), allowed[0]))

    def _axes(self, strategy: Strategy) -> dict[str, list[int | float]]:
        ranges = {} if self.ranges is None else self.ranges
        if not isinstance(ranges, Mapping):
            self._wrong("parameterRanges", f"parameterRanges is {shown(ranges)}; an object is wanted.")
            return {}
        given: dict[str, tuple[str, Any]] = {}
        for name, spec in ranges.items():
            if given.setdefault(wire_name(name), (name, spec))[0] != name:
                self._wrong(f"parameterRanges.{name}", f"{name} is given twice, in two spellings.")
        axes: dict[str, list[int | float]] = {}
        for parameter in strategy.all_parameters:
            if wire_name(parameter.name) not in given and parameter in strategy.optional:
                continue
            name, spec = given.pop(wire_name(parameter.name), (parameter.name, [parameter.default]))
            try:
                axes[parameter.name] = checked_axis(parameter, spec)
            except EngineError as error:
                self._wrong(f"parameterRanges.{name}", error.message)
        for name, _ in list(given.values())[:MOST_PROBLEMS]:
            self._unknown_parameter(strategy, name[:60])
        return axes

    def _unknown_parameter(self, strategy: Strategy, name: str) -> None:
        try:
            strategy.parameter(name)
        except BadParameters as error:
            self._wrong(f"parameterRanges.{name}", error.message)


FIELDS = frozenset({
    "strategy", "symbols", "parameterRanges", "startDate", "endDate", "direction", "enableBetaScaling", "coefficients",
    "fees", "slippage", "initialCapital", "wholeShares", "sortBy", "includeComparison", "timeoutSeconds",
    "abortFailureShare", "abortMinimumTests", "sessionId",
})  # fmt: skip


# ---- checks that know our own names and limits: the value, or ValueError("what is wanted") ---------------------------


def _symbols(value: Any) -> tuple[str, ...]:
    # Unprintable: a NUL or half a surrogate pair would be an error of the database, not a symbol that is unknown.
    if not isinstance(value, list) or not value or not all(isinstance(s, str) and s and s.isprintable() for s in value):
        raise ValueError("a list of at least one symbol")
    symbols = tuple(dict.fromkeys(symbol.strip().upper() for symbol in value))
    if len(symbols) > settings.BATCH_MAX_SYMBOLS:
        raise ValueError(f"at most {settings.BATCH_MAX_SYMBOLS:,} symbols (BATCH_MAX_SYMBOLS)")
    return symbols


def checked_axis(parameter: Parameter, spec: Any) -> list[int | float]:
    """The values of one parameter's axis, counted before they are laid out."""
    try:
        return axis_values(parameter, spec, most=settings.BATCH_MAX_AXIS_VALUES)
    except TooManyValues as error:
        raise BadParameters(f"{error.message[:-1]} (BATCH_MAX_AXIS_VALUES).", field=error.field) from None


def _coefficients(value: Any) -> tuple[float, ...]:
    limit = settings.BATCH_MAX_AXIS_VALUES
    wanted = f"a list of 1 to {limit:,} numbers (BATCH_MAX_AXIS_VALUES) above 0 and up to 100"
    if not isinstance(value, list) or not 1 <= len(value) <= limit:
        raise ValueError(wanted)
    try:
        numbers = tuple(dict.fromkeys(finite(number) for number in value))
    except (ValueError, OverflowError):
        raise ValueError(wanted) from None
    if not all(0 < number <= 100 for number in numbers):
        raise ValueError(wanted)
    return numbers


def _timeout(value: Any) -> int:
    try:
        return whole(1, settings.BATCH_TIMEOUT_MAX_S)(value)
    except ValueError as error:
        raise ValueError(f"{error} (BATCH_TIMEOUT_MAX_S)") from None


def _metric(value: Any) -> str:
    metric = METRICS_BY_WIRE_NAME.get(value) if isinstance(value, str) else None
    if metric is None:
        raise NotAmong(value, METRICS_BY_WIRE_NAME, "one of " + ", ".join(METRICS_BY_WIRE_NAME))
    return metric.name
