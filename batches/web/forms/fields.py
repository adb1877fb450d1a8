"""Form fields that turn text into the values of a request.

The form sends the units that people read (`feesPercent=0.1`), a link those of the API (`fees=0.001`). No field refuses
anything: text that is not a number is passed on, and `parse_start` refuses it with the message that the API has.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from django import forms
from django.conf import settings

from backtester.engine import EngineError, Parameter, Strategy, axis_values
from batches.formatting import parameter as format_value
from batches.sweep.link import exact

# The first page opens with a sweep of exactly 5,000 tests: 20 sample shares, 10 x 25 values.
OPENING_RANGES = {"sma_cross": {"fast": ("2", "20", "2"), "slow": ("25", "145", "5")}}
MAX_SHOWN_VALUES = 6
TRUE = {"true", "1", "on", "yes"}
RANGE_INPUTS = ("mode", "start", "stop", "step", "values")

Number = int | float | str


def number(text: str, *, percent: bool = False) -> Number:
    """Return the number, as a fraction if it is a percentage; return other text as it is."""
    try:
        value = Decimal(text.strip().rstrip("%").replace("_", ""))
    except InvalidOperation:
        return text.strip()
    if not value.is_finite() or not math.isfinite(float(value)):
        return text.strip()
    value = value / 100 if percent else value
    return int(value) if value == value.to_integral_value() and abs(value) < 10**15 else float(value)


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[,;\s]+", text) if part]


def numbers(text: str, *, percent: bool = False) -> list[Number]:
    """`20, 50 100` -> [20, 50, 100]."""
    return [number(part, percent=percent) for part in _parts(text)]


def in_percent(text: str) -> str:
    """`0.1` -> `10`; return text that is not a number as it is."""
    value = number(text)
    return text if isinstance(value, str) else exact(float(Decimal(repr(value)) * 100))


class DataReader(forms.Widget):
    """Let the field read its value from the data: links and the form have different names and units."""

    def __init__(self, read: Callable[[Mapping[str, str], str], Any]) -> None:
        super().__init__()
        self.read = read

    def value_from_datadict(self, data: Mapping[str, str], _files: object, name: str) -> Any:
        return self.read(data, name)


class TextField(forms.Field):
    """link_unit, form_unit : the ends of the names in a link and in the form, if the units differ"""

    link_unit = form_unit = ""
    percent = False

    def __init__(self, default: str | Callable[[], str] = "") -> None:
        super().__init__(required=False, widget=DataReader(self.read))
        self.default = default

    def read(self, data: Mapping[str, str], name: str) -> str:
        if name in data:
            return self.from_link(data[name])
        default = self.default() if callable(self.default) else self.default
        return data.get(name.removesuffix(self.link_unit) + self.form_unit, default)

    def from_link(self, text: str) -> str:
        return text


class NumberField(TextField):
    def to_python(self, text: Any) -> Number:
        return number(text, percent=self.percent)


class AmountField(NumberField):
    """A number that may have commas between thousands."""

    def to_python(self, text: Any) -> Number:
        return number(text.replace(",", ""))


class PercentField(NumberField):
    form_unit = "Percent"
    percent = True

    def from_link(self, text: str) -> str:
        return in_percent(text)


class MinutesField(NumberField):
    link_unit, form_unit = "Seconds", "Minutes"

    def from_link(self, text: str) -> str:
        seconds = number(text)
        return seconds if isinstance(seconds, str) else exact(seconds / 60)

    def to_python(self, text: Any) -> Number:
        minutes = number(text)
        return round(minutes * 60) if isinstance(minutes, int | float) and math.isfinite(minutes * 60) else text.strip()


class NumbersField(TextField):
    def from_link(self, text: str) -> str:
        return re.sub(r", ?", ", ", text)

    def to_python(self, text: Any) -> list[Number]:
        return numbers(text)


class SwitchField(forms.Field):
    """A check box. Browsers leave out an unchecked one: if the form sent the data, a missing box is off."""

    def __init__(self, *, default: bool) -> None:
        super().__init__(required=False, widget=DataReader(self.read))
        self.default = default

    def read(self, data: Mapping[str, str], name: str) -> bool:
        return data[name].lower() in TRUE if name in data else self.default and "form" not in data


@dataclass(frozen=True)
class RangeText:
    """The inputs of one parameter. mode : range, list or, for a parameter that may be left out, off"""

    mode: str
    start: str
    stop: str
    step: str
    values: str

    def in_percent(self) -> "RangeText":
        start, stop, step = in_percent(self.start), in_percent(self.stop), in_percent(self.step)
        return RangeText(self.mode, start, stop, step, ", ".join(map(in_percent, _parts(self.values))))


class RangeField(forms.Field):
    def __init__(self, strategy: Strategy, parameter: Parameter) -> None:
        self.parameter = parameter
        self.percent = parameter.kind == "percent"
        self.optional = parameter in strategy.optional
        suggested = tuple(exact(float(parameter.suggested[key])) for key in ("start", "stop", "step"))
        start, stop, step = OPENING_RANGES.get(strategy.name, {}).get(parameter.name, suggested)
        mode = "off" if self.optional else "range"
        self.default = RangeText(mode, start, stop, step, exact(float(parameter.default)))
        super().__init__(required=False, widget=DataReader(self.read))

    def read(self, data: Mapping[str, str], name: str) -> RangeText:
        """Read `fast.mode`, `fast.start`, ... from the form, else `fast=5:50:5` or `fast=20,50` from a link."""
        if f"{name}.mode" in data:
            return RangeText(*(data.get(f"{name}.{part}", "") for part in RANGE_INPUTS))
        text, compact = self.default, data.get(name, "")
        if compact.count(":") in (1, 2):
            start, stop, step = [*compact.split(":"), "1"][:3]
            text = RangeText("range", start, stop, step, text.values)
        elif compact:
            text = replace(text, mode="list", values=compact)
        return text.in_percent() if self.percent else text

    @property
    def unit(self) -> str:
        return "%" if self.percent else self.parameter.unit

    @property
    def modes(self) -> tuple[str, ...]:
        return ("off", "range", "list") if self.optional else ("range", "list")

    @property
    def bounds(self) -> str:
        low, high = self.parameter.minimum, self.parameter.maximum
        return f"From {format_value(low, self.parameter.kind)} to {format_value(high, self.parameter.kind)}"

    def to_python(self, text: Any) -> dict[str, Number] | list[Number] | None:
        if text.mode == "off":
            return None
        if text.mode == "list":
            return numbers(text.values, percent=self.percent)
        steps = {"start": text.start, "stop": text.stop, "step": text.step}
        return {name: number(part, percent=self.percent) for name, part in steps.items()}

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> "BoundRange":
        return BoundRange(form, self, field_name)


class BoundRange(forms.BoundField):
    @property
    def range(self) -> RangeField:
        return cast(RangeField, self.field)

    @property
    def note(self) -> str:
        """`10 values: 2, 4, 6, … 20`; empty if the range is off or invalid."""
        parameter, spec = self.range.parameter, self.range.to_python(self.data)
        if spec is None:
            return ""
        try:
            values = axis_values(parameter, spec, most=settings.BATCH_MAX_AXIS_VALUES)
        except EngineError:
            return ""
        texts = [format_value(value, parameter.kind) for value in values]
        if len(texts) > MAX_SHOWN_VALUES:
            texts = [*texts[:3], "… " + texts[-1]]
        return f"{len(values):,} {'value' if len(values) == 1 else 'values'}: {', '.join(texts)}"
