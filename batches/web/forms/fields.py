"""Form fields that turn text into the values of a request.

The form sends the units that users read (`feesPercent=0.1`), a link those of the API (`fees=0.001`). No field refuses
anything: text that is not a number is passed on, and `parse_start` refuses it with the message that the API has.
"""

import contextlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.conf import settings

from backtester.engine import EngineError, Parameter, Strategy, axis_values
from backtester.engine.bar_sizes import DAY_S
from backtester.engine.timeframes import seconds_of
from batches.formatting import counted, duration
from batches.formatting import parameter as format_value
from batches.sweep.link import exact
from batches.web.forms.numbers import Number, anything, number, of_machine, parts

# The first page opens with a sweep of exactly 5,000 tests: 20 sample shares, 10 x 25 values.
OPENING_RANGES = {"sma_cross": {"fast": ("2", "20", "2"), "slow": ("25", "145", "5")}}
MAX_SHOWN_VALUES = 6
TRUE = {"true", "1", "on", "yes"}
DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}", re.ASCII)
RANGE_INPUTS = ("mode", "start", "stop", "step", "values")


def numbers(text: str, *, percent: bool = False, fits: Callable[[Decimal], bool] = anything) -> list[Number]:
    """`20, 50 100` -> [20, 50, 100]."""
    return [number(part, percent=percent, fits=fits) for part in parts(text)]


def in_percent(text: str) -> str:
    """`0.1` -> `10`; return text that is not a number as it is."""
    value = number(of_machine(text))
    return text if isinstance(value, str) else of_machine(exact(float(Decimal(repr(value)) * 100)))


class DataReader(forms.Widget):
    """Let the field read its value from the data: links and the form have different names and units."""

    def __init__(self, read: Callable[[Mapping[str, str], str], Any]) -> None:
        super().__init__()
        self.read = read

    def value_from_datadict(self, data: Mapping[str, str], _files: object, name: str) -> Any:
        return self.read(data, name)


class BoundRange(forms.BoundField):
    @property
    def range(self) -> "RangeField":
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
        note = values_note([format_value(value, parameter.kind) for value in values])
        return note + self._length(max(values)) if parameter.unit == "bars" else note

    def _length(self, bars: float) -> str:
        """`. 20 bars: 1h 40m of 5m, 20h 0m of 1h`, in traded hours; empty without timeframes within a day."""
        lengths = [
            f"{duration(bars * seconds)} of {name}"
            for name, seconds in cast(Any, self.form["timeframes"]).seconds
            if seconds < DAY_S
        ]
        return f". {counted(bars, 'bar')}: {', '.join(lengths)}" if lengths else ""


class BoundTimeframes(forms.BoundField):
    @property
    def seconds(self) -> list[tuple[str, int]]:
        """Return each valid timeframe with its length."""
        lengths = []
        for name in cast(TimeframesField, self.field).to_python(self.data):
            with contextlib.suppress(EngineError):
                lengths.append((name, seconds_of(name)))
        return lengths


class BoundNote(forms.BoundField):
    @property
    def note(self) -> str:
        """What the field has read, where the text could be taken for something else."""
        return str(cast(Any, self.field).note(self.data))


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
    def from_link(self, text: str) -> str:
        return of_machine(text)

    def fits(self, value: Decimal) -> bool:  # noqa: ARG002
        """Return whether the field may hold the number, to choose between two readings of a text."""
        return True

    def to_python(self, text: Any) -> Number:
        return number(text, percent=self.percent, fits=self.fits)


class AmountField(NumberField):
    """An amount has no third decimal: three digits behind the only mark are thousands."""

    bound_field_class = BoundNote

    def fits(self, value: Decimal) -> bool:
        exponent = value.as_tuple().exponent
        return isinstance(exponent, int) and exponent >= -2

    def note(self, text: str) -> str:
        """`= 1,000.5`, unless the text says so itself."""
        value = self.to_python(text)
        return "" if isinstance(value, str) or text.strip().isdigit() else f"= {value:,}"


class PercentField(NumberField):
    form_unit = "Percent"
    percent = True

    def fits(self, value: Decimal) -> bool:
        return value <= 100

    def from_link(self, text: str) -> str:
        return in_percent(text)


class HoldoutField(PercentField):
    """`20`, `20 %`, or the first locked day as `2020-01-02`; empty: nothing is locked."""

    def from_link(self, text: str) -> str:
        return text if DAY.fullmatch(text) else super().from_link(text)

    def to_python(self, text: Any) -> Any:
        text = text.strip()
        return text if DAY.fullmatch(text) else super().to_python(text) if text else None


class MinutesField(NumberField):
    link_unit, form_unit = "Seconds", "Minutes"

    def from_link(self, text: str) -> str:
        seconds = number(text)
        return seconds if isinstance(seconds, str) else exact(seconds / 60)

    def to_python(self, text: Any) -> Number:
        minutes = number(text, fits=self.fits)
        return round(minutes * 60) if isinstance(minutes, int | float) and math.isfinite(minutes * 60) else text.strip()


class NumbersField(TextField):
    bound_field_class = BoundNote

    def from_link(self, text: str) -> str:
        return re.sub(r", ?", ", ", ",".join(map(of_machine, text.split(","))))

    def to_python(self, text: Any) -> list[Number]:
        return numbers(text)

    def note(self, text: str) -> str:
        values = self.to_python(text)
        return (
            "" if any(isinstance(value, str) for value in values) else values_note([f"{value:g}" for value in values])
        )


class TagsField(TextField):
    def to_python(self, text: Any) -> list[str]:
        return [tag.strip() for tag in text.split(",") if tag.strip()]


class TimeframesField(TextField):
    """`5m, 1h`; empty: the stored bars."""

    bound_field_class = BoundTimeframes

    def to_python(self, text: Any) -> list[str]:
        return re.split(r"[,;\s]+", text.strip()) if text.strip() else []


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

    def converted(self, convert: Callable[[str], str]) -> "RangeText":
        start, stop, step = map(convert, (self.start, self.stop, self.step))
        return RangeText(self.mode, start, stop, step, ", ".join(map(convert, parts(self.values))))


class RangeField(forms.Field):
    bound_field_class = BoundRange

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
        return text.converted(in_percent if self.percent else of_machine)

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
            return numbers(text.values, percent=self.percent, fits=self.fits)
        steps = {"start": text.start, "stop": text.stop, "step": text.step}
        return {name: number(part, percent=self.percent, fits=self.fits) for name, part in steps.items()}

    def fits(self, value: Decimal) -> bool:
        most = Decimal(repr(self.parameter.maximum)) * (100 if self.percent else 1)
        return value <= most and (self.parameter.kind != "int" or value == value.to_integral_value())


def values_note(texts: Sequence[str]) -> str:
    shown = texts if len(texts) <= MAX_SHOWN_VALUES else [*texts[:3], "… " + texts[-1]]
    return f"{counted(len(texts), 'value')}: {', '.join(shown)}"
