"""From a result to the next sweep: links that open the form with other ranges, filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.urls import reverse

from backtester.engine import Parameter
from batches.formatting import mid_sentence
from batches.formatting import parameter as parameter_text
from batches.models import BatchSession
from batches.sweep.link import exact, fits_a_link, sweep_query
from batches.sweep.titles import parameters_of
from batches.symbols import EVERY

FINER = 4  # a refined sweep has a quarter of the step
MIN_RANGE = 3  # values; of two, each is at an end


@dataclass(frozen=True)
class Edge:
    """A best value at the end of its range. label : in lower case; reach : where the longer range ends"""

    label: str
    value: str
    low: str
    high: str
    reach: str
    href: str


def form_link(session: BatchSession, **changes: Any) -> str:
    """Return the link to the form with the request of a batch. Thousands of symbols are named by their batch."""
    request = session.request | changes
    if "symbols" in changes or fits_a_link(request["symbols"]):
        return f"{reverse('batches:form')}?{sweep_query(request)}"
    return f"{reverse('batches:form')}?{sweep_query(request | {'symbols': []})}&symbolsOf={session.id}"


def refined(session: BatchSession, parameters: Mapping[str, float]) -> str:
    """Return the link to a sweep a step around these values, in quarters of the step; "" if nothing was swept."""
    known, ranges = parameters_of(session.strategy), dict(session.request["parameterRanges"])
    finer = {
        name: _around(values, parameters[name], known[name])
        for name, values in ranges.items()
        if len(values) > 1 and name in known and name in parameters
    }
    return form_link(session, parameterRanges=ranges | finer) if finer else ""


def on_every_symbol(session: BatchSession) -> str:
    """Return the link to the same sweep over all instruments."""
    return form_link(session, symbols=[EVERY])


def edges(session: BatchSession, parameters: Mapping[str, float]) -> list[Edge]:
    """Return the swept parameters whose value is the first or the last of its range, with a link beyond it."""
    known, ranges = parameters_of(session.strategy), session.request["parameterRanges"]
    at_ends = []
    for name, values in ranges.items():
        if len(values) < MIN_RANGE or name not in known or parameters.get(name) not in (values[0], values[-1]):
            continue
        parameter, value = known[name], parameters[name]
        longer, reach = _extended(values, parameter, upwards=value == values[-1])
        if reach == value:  # the parameter ends here, too
            continue
        here, low, high, end = (parameter_text(one, parameter.kind) for one in (value, values[0], values[-1], reach))
        href = form_link(session, parameterRanges=ranges | {name: longer})
        at_ends.append(Edge(mid_sentence(parameter.label), here, low, high, end, href))
    return at_ends


def _around(values: Sequence[float], value: float, parameter: Parameter) -> dict[str, float] | list[float]:
    """Return the range from one step below the value to one step above it."""
    at = values.index(value) if value in values else 0
    below, above = values[max(0, at - 1)], values[min(len(values) - 1, at + 1)]
    step_down, step_up = (_decimal(value) - _decimal(below), _decimal(above) - _decimal(value))
    width = max(step_down, step_up)
    step = width / FINER
    if parameter.kind == "int":
        step = max(Decimal(1), step.to_integral_value())
    low = max(_decimal(value) - width, _decimal(parameter.minimum))
    high = min(_decimal(value) + width, _decimal(parameter.maximum))
    return _range(low, high, step)


def _extended(values: Sequence[float], parameter: Parameter, *, upwards: bool) -> tuple[dict[str, float], float]:
    """Return the range made twice as wide beyond one end, and its new end."""
    first, last = _decimal(values[0]), _decimal(values[-1])
    step = (last - first) / (len(values) - 1)
    if parameter.kind == "int":
        step = max(Decimal(1), step.to_integral_value())
    room = _decimal(parameter.maximum) - last if upwards else first - _decimal(parameter.minimum)
    more = min(len(values) - 1, int(room / step)) * step
    low, high = (first, last + more) if upwards else (first - more, last)
    return _range(low, high, step), float(high if upwards else low)


def _range(low: Decimal, high: Decimal, step: Decimal) -> dict[str, float]:
    return {name: float(exact(float(number))) for name, number in (("start", low), ("stop", high), ("step", step))}


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))
