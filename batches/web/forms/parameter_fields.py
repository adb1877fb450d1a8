"""The inputs of one parameter, and how what is typed becomes numbers.

Nothing is checked here: what cannot be read as a number is passed on as it is, and `parse_start` refuses it in its own
words.
"""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict

from backtester.engine import EngineError, Parameter, Strategy
from batches.formatting import parameter as shown_value
from batches.sweep.link import exact
from batches.sweep.start_request import checked_axis
from batches.sweep.wire_names import wire_name

# One click shows the product: with the 20 sample shares, 10 x 25 values make a sweep of exactly 5,000 tests.
OPENING_RANGES = {"sma_cross": {"fast": ("2", "20", "2"), "slow": ("25", "145", "5")}}
SHOWN_VALUES = 6
MODES = ("range", "list")


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
    return text if isinstance(value, str) else exact(float(Decimal(repr(value)) * 100))


@dataclass(frozen=True)
class RangeField:
    """The inputs of one parameter, as typed: a range or a list, percentages in percent; `off` leaves it out."""

    parameter: Parameter
    mode: str
    start: str
    stop: str
    step: str
    values: str
    optional: bool = False
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
    def modes(self) -> tuple[str, ...]:
        return ("off", *MODES) if self.optional else MODES

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

    @property
    def note(self) -> str:
        """What the inputs come to: `10 values: 2, 4, 6, … 20`."""
        if self.mode == "off":
            return ""
        try:
            values = checked_axis(self.parameter, self.wire())
        except EngineError:
            return ""
        texts = [shown_value(value, self.parameter.kind) for value in values]
        if len(texts) > SHOWN_VALUES:
            texts = [*texts[:3], "… " + texts[-1]]
        return f"{len(values):,} {'value' if len(values) == 1 else 'values'}: {', '.join(texts)}"


def range_field(strategy: Strategy, parameter: Parameter, data: QueryDict, error: str) -> RangeField:
    """One parameter's inputs: from the form's own fields, else from the compact style, else as suggested."""
    name = wire_name(parameter.name)
    optional = parameter in strategy.optional
    if f"{name}.mode" in data:
        mode, start, stop, step, values = (
            data.get(f"{name}.{part}", "") for part in ("mode", "start", "stop", "step", "values")
        )
        return RangeField(parameter, mode, start, stop, step, values, optional, error)
    suggested = tuple(exact(float(parameter.suggested[key])) for key in ("start", "stop", "step"))
    start, stop, step = OPENING_RANGES.get(strategy.name, {}).get(parameter.name, suggested)
    values, compact = exact(float(parameter.default)), data.get(name, "")
    mode = "off" if optional else "range"
    if compact.count(":") in (1, 2):
        mode = "range"
        start, stop, step, *_ = [*compact.split(":"), "1"]
    elif compact:
        mode, values = "list", compact
    if parameter.kind == "percent":
        start, stop, step = in_percent(start), in_percent(stop), in_percent(step)
        values = ", ".join(in_percent(part) for part in re.split(r"[,;\s]+", values) if part)
    return RangeField(parameter, mode, start, stop, step, values, optional, error)
