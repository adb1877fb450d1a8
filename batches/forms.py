"""The form of a sweep: from a query string or a POST to the wire form of a request, and back to a link.

A GET may hold the compact style (`fast=5:50:5&slow=20,50`, in wire units, as links and older tools have it); the fields
of the form itself (`fast.start`, `feesPercent`, ...) are in the units that people read. Nothing is checked here: what
cannot be read as a number is passed on as it is, and `parse_start` refuses it in its own words.
"""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import QueryDict

from backtester.engine import METRICS, STRATEGIES, EngineError, Parameter, Strategy, axis_values
from batches.errors import Detail
from batches.models import Instrument
from batches.schemas import wire_name
from batches.templatetags.batch_format import parameter as shown_value
from batches.templatetags.batch_format import plain

DEFAULT_STRATEGY = "sma_cross"
# One click shows the product: with the 20 sample shares, 10 x 25 values make a sweep of exactly 5,000 tests.
OPENING_RANGES = {"sma_cross": {"fast": ("2", "20", "2"), "slow": ("25", "145", "5")}}
DEFAULT_SYMBOLS = 20  # of those stored, when nothing was chosen
SHOWN_VALUES = 6
TRUE = {"true", "1", "on", "yes"}
PLAIN_FIELDS = (
    "strategy", "symbols", "startDate", "endDate", "fees", "slippage", "initialCapital", "sortBy", "timeoutSeconds",
    "direction", "enableBetaScaling", "coefficients",
)  # fmt: skip


def number(text: str, *, percent: bool = False) -> int | float | str:
    """What was typed as a number (as a fraction, when it was typed in percent); other text as it is."""
    try:
        value = Decimal(text.strip().rstrip("%").replace("_", ""))
    except InvalidOperation:
        return text.strip()
    if not value.is_finite():
        return text.strip()
    value = value / 100 if percent else value
    return int(value) if value == value.to_integral_value() and abs(value) < 10**15 else float(value)


def numbers(text: str, *, percent: bool = False) -> list[int | float | str]:
    """`20, 50 100` -> [20, 50, 100]."""
    return [number(part, percent=percent) for part in re.split(r"[,;\s]+", text) if part]


def in_percent(text: str) -> str:
    """The text of a fraction as the text of a percentage; what is no number stays as it is."""
    value = number(text)
    return text if isinstance(value, str) else plain(float(Decimal(str(value)) * 100))


@dataclass(frozen=True)
class RangeField:
    """The inputs of one parameter, as typed: a range or a list, percentages in percent."""

    parameter: Parameter
    mode: str
    start: str
    stop: str
    step: str
    values: str
    error: str = ""

    @property
    def name(self) -> str:
        return wire_name(self.parameter.name)

    @property
    def percent(self) -> bool:
        return self.parameter.kind == "percent"

    @property
    def unit(self) -> str:
        return "%" if self.percent else self.parameter.unit

    @property
    def bounds(self) -> str:
        low, high = (
            shown_value(value, self.parameter.kind) for value in (self.parameter.minimum, self.parameter.maximum)
        )
        return f"From {low} to {high}"

    def wire(self) -> Any:
        """The range or list as the wire has it."""
        if self.mode == "list":
            return numbers(self.values, percent=self.percent)
        typed = {"start": self.start, "stop": self.stop, "step": self.step}
        return {name: number(text, percent=self.percent) for name, text in typed.items()}

    def compact(self) -> str:
        """The same for a link: `5:50:5` or `20,50`."""
        spec = self.wire()
        parts = spec if isinstance(spec, list) else spec.values()
        return (",", ":")[isinstance(spec, dict)].join(plain(p) if not isinstance(p, str) else p for p in parts)

    @property
    def note(self) -> str:
        """What the inputs come to: `10 values: 2, 4, 6, … 20`."""
        try:
            values = axis_values(self.parameter, self.wire())
        except EngineError:
            return ""
        texts = [shown_value(value, self.parameter.kind) for value in values]
        if len(texts) > SHOWN_VALUES:
            texts = [*texts[:3], "… " + texts[-1]]
        return f"{len(values):,} {'value' if len(values) == 1 else 'values'}: {', '.join(texts)}"


def range_field(strategy: Strategy, parameter: Parameter, data: QueryDict, error: str) -> RangeField:
    """One parameter's inputs: from the form's own fields, else from the compact style, else as suggested."""
    name = wire_name(parameter.name)
    percent = parameter.kind == "percent"
    suggested = tuple(plain(float(parameter.suggested[key])) for key in ("start", "stop", "step"))
    start, stop, step = OPENING_RANGES.get(strategy.name, {}).get(parameter.name, suggested)
    values = plain(float(parameter.default))
    mode = "range"
    if f"{name}.mode" in data:
        mode = "list" if data.get(f"{name}.mode") == "list" else "range"
        start, stop, step, values = (data.get(f"{name}.{part}", "") for part in ("start", "stop", "step", "values"))
        return RangeField(parameter, mode, start, stop, step, values, error)
    compact = data.get(name, "")
    if compact.count(":") in (1, 2):
        start, stop, step, *_ = [*compact.split(":"), "1"]
    elif compact:
        mode, values = "list", compact
    if percent:
        start, stop, step = in_percent(start), in_percent(stop), in_percent(step)
        values = ", ".join(in_percent(part) for part in re.split(r"[,;\s]+", values) if part)
    return RangeField(parameter, mode, start, stop, step, values, error)


class SweepForm:
    """Everything that the page of the form shows, from what was asked for and what is wrong with it."""

    def __init__(self, data: QueryDict, stored: Sequence[Instrument], details: Sequence[Detail] = ()) -> None:
        self.data = data
        self.whole = "form" in data  # sent by the form itself: what is missing was switched off
        self.stored = stored
        name = data.get("strategy", DEFAULT_STRATEGY)
        self.strategy_name = name
        self.strategy = STRATEGIES.get(name) or STRATEGIES[DEFAULT_STRATEGY]
        self.strategies = list(STRATEGIES.values())
        self.plain_fields = PLAIN_FIELDS
        percent = {
            f"parameterRanges.{wire_name(each.name)}" for each in self.strategy.parameters if each.kind == "percent"
        }
        self.errors = _by_field(details, percent | {"fees", "slippage"})
        self.metrics = [(wire_name(metric.name), metric) for metric in METRICS]

    def with_errors(self, details: Sequence[Detail]) -> "SweepForm":
        """The same inputs, with what is wrong at each."""
        return SweepForm(self.data, self.stored, details)

    def _text(self, name: str, default: str) -> str:
        return self.data.get(name, default)

    def _percent(self, name: str, default: str) -> str:
        """Fees and slippage: the form's field is in percent, a link's in fractions."""
        if name in self.data:
            return in_percent(self._text(name, default))
        return self._text(f"{name}Percent", default)

    @property
    def scales(self) -> bool:
        """Whether the strategy has anything that beta scaling multiplies."""
        return any(each.scaled_by_beta for each in self.strategy.parameters)

    @property
    def start_date(self) -> str:
        return self._text("startDate", "")

    @property
    def end_date(self) -> str:
        return self._text("endDate", "")

    @property
    def direction(self) -> str:
        return self._text("direction", self.strategy.directions[0])

    @property
    def fees(self) -> str:
        return self._percent("fees", "0.1")

    @property
    def slippage(self) -> str:
        return self._percent("slippage", "0")

    @property
    def initial_capital(self) -> str:
        return self._text("initialCapital", "100000")

    @property
    def beta_scaling(self) -> bool:
        return self._text("enableBetaScaling", "").lower() in TRUE

    @property
    def coefficients(self) -> str:
        return self._text("coefficients", "0.5, 1, 1.5").replace(",", ", ").replace(",  ", ", ")

    @property
    def sort_by(self) -> str:
        return self._text("sortBy", "annualizedReturn")

    @property
    def timeout(self) -> str:
        """Minutes."""
        if "timeoutSeconds" in self.data:
            seconds = number(self._text("timeoutSeconds", ""))
            return plain(seconds / 60) if not isinstance(seconds, str) else seconds
        return self._text("timeoutMinutes", plain(settings.BATCH_TIMEOUT_S / 60))

    @property
    def symbols(self) -> list[str]:
        """What is chosen: as asked, else the first shares, without the index that betas are measured against."""
        if self.whole or "symbols" in self.data:
            parts = [part.strip().upper() for text in self.data.getlist("symbols") for part in text.split(",")]
            return list(dict.fromkeys(part for part in parts if part))
        shares = [each.symbol for each in self.stored if each.symbol != settings.BENCHMARK_SYMBOL]
        return shares[:DEFAULT_SYMBOLS]

    @property
    def chips(self) -> list[dict[str, Any]]:
        """One for each instrument, and one for each symbol that was asked for but is not stored."""
        chosen = set(self.symbols)
        stored = [
            {
                "symbol": each.symbol,
                "name": each.name,
                "beta": each.manual_beta if each.manual_beta is not None else each.beta,
                "checked": each.symbol in chosen,
                "benchmark": each.symbol == settings.BENCHMARK_SYMBOL,
            }
            for each in self.stored
        ]
        known = {each.symbol for each in self.stored}
        return stored + [{"symbol": s, "checked": True, "unknown": True} for s in self.symbols if s not in known]

    @property
    def range_fields(self) -> list[RangeField]:
        return [
            range_field(self.strategy, each, self.data, self.errors.get(f"parameterRanges.{wire_name(each.name)}", ""))
            for each in self.strategy.parameters
        ]

    def wire(self) -> dict[str, Any]:
        """The body that `parse_start` takes."""
        minutes = number(self.timeout)
        body: dict[str, Any] = {
            "strategy": self.strategy_name,
            "symbols": self.symbols,
            "parameterRanges": {field.name: field.wire() for field in self.range_fields},
            "startDate": self.start_date or None,
            "endDate": self.end_date or None,
            "direction": self.direction,
            "enableBetaScaling": self.beta_scaling,
            "fees": number(self.fees, percent=True),
            "slippage": number(self.slippage, percent=True),
            "initialCapital": number(self.initial_capital.replace(",", "")),
            "sortBy": self.sort_by,
            "timeoutSeconds": round(minutes * 60) if not isinstance(minutes, str) else minutes,
        }
        if self.beta_scaling:
            body["coefficients"] = numbers(self.coefficients)
        return body

    def query(self) -> str:
        """The link that opens this very form."""
        body = self.wire()
        pairs: dict[str, Any] = {"strategy": body["strategy"], "symbols": ",".join(self.symbols)}
        pairs |= {field.name: field.compact() for field in self.range_fields}
        pairs |= {name: body[name] for name in ("startDate", "endDate") if body[name]}
        pairs["direction"] = self.direction
        if self.beta_scaling:
            pairs |= {"enableBetaScaling": "true", "coefficients": self.coefficients.replace(" ", "")}
        pairs |= {name: _text_of(body[name]) for name in ("fees", "slippage", "initialCapital", "timeoutSeconds")}
        return urlencode(pairs | {"sortBy": self.sort_by}, safe=",:")


def _text_of(value: int | float | str) -> str:
    return value if isinstance(value, str) else f"{Decimal(repr(value)):f}"


def _by_field(details: Sequence[Detail], percent: Set[str]) -> Mapping[str, str]:
    """The messages for each field, joined. They speak of fractions where the form speaks of percent."""
    found: dict[str, str] = {}
    for detail in details:
        head, dot, name = detail.field.partition(".")
        field = f"{head}.{wire_name(name)}" if dot else head
        message = f"{detail.message} (0.5 is 50%.)" if field in percent else detail.message
        found[field] = f"{found[field]} {message}" if field in found else message
    return found
