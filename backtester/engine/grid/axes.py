"""From what a client sends for a parameter to the checked values of its axis."""

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from backtester.engine.errors import BadParameters, TooManyValues
from backtester.engine.strategy import Parameter

MAX_AXIS_VALUES = 1_000_000  # what can be laid out; who serves strangers allows fewer
Number = int | float


def axis_values(parameter: Parameter, spec: Any, *, most: int = MAX_AXIS_VALUES) -> list[Number]:
    """The values of one axis, in the order given, each once.

    spec : a list of numbers, or {"start", "stop", "step"} with `stop` included
    most : TooManyValues beyond it, before they are laid out
    """
    if isinstance(spec, Mapping):
        values = _stepped(parameter, spec, most)
    elif isinstance(spec, (str, bytes)) or not isinstance(spec, Iterable):
        raise _refusal(parameter, f"is {spec!r}; a list of numbers or start, stop and step is wanted")
    else:
        values = _listed(parameter, spec, most)
    if not values:
        raise _refusal(parameter, "has no values; at least one is wanted")
    return list(dict.fromkeys(values))


def _listed(parameter: Parameter, spec: Iterable[Any], most: int) -> list[Number]:
    values: list[Number] = []
    for item in spec:
        if len(values) >= most:
            raise TooManyValues(parameter.name, most)
        values.append(_checked(parameter, item))
    return values


def _stepped(parameter: Parameter, spec: Mapping[str, Any], most: int) -> list[Number]:
    strange = sorted(set(map(str, spec)) - {"start", "stop", "step"})
    missing = sorted({"start", "stop", "step"} - set(spec))
    if strange or missing:
        what = f"has an unknown {strange[0]!r}" if strange else f"has no {missing[0]!r}"
        raise _refusal(parameter, f"{what}; start, stop and step are wanted")
    start, stop, step = (_number(parameter, spec[name]) for name in ("start", "stop", "step"))
    if step <= 0:
        raise _refusal(parameter, f"has step {step:.12g}; it must be above zero")
    if start > stop:
        raise _refusal(parameter, f"starts at {start:.12g} and stops at {stop:.12g}; start must not be above stop")
    # The count comes first, so that a tiny step costs nothing; 1e-9 of a step forgives 0.1 + 0.1 + 0.1.
    steps = (stop - start) / step
    if not steps < most:
        raise TooManyValues(parameter.name, most)
    count = math.floor(steps + 1e-9) + 1
    if count > most:
        raise TooManyValues(parameter.name, most)
    return [_checked(parameter, float(f"{start + i * step:.12g}")) for i in range(count)]


def _number(parameter: Parameter, item: Any) -> float:
    if isinstance(item, bool) or not isinstance(item, Real):  # NumPy's numbers are Real, its bool is not
        raise _refusal(parameter, f"has the value {item!r}; a number is wanted")
    try:
        number = float(item)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _refusal(parameter, f"has the value {item!r}; a finite number is wanted")
    return number


def _checked(parameter: Parameter, item: Any) -> Number:
    number = _number(parameter, item)
    if not parameter.minimum <= number <= parameter.maximum:
        bounds = f"{parameter.minimum:.12g} to {parameter.maximum:.12g}"
        raise _refusal(parameter, f"has the value {number:.12g}; it must lie within {bounds}")
    if parameter.kind != "int":
        return number + 0.0  # -0.0 becomes 0.0
    if number != int(number):
        raise _refusal(parameter, f"has the value {number:.12g}; a whole number is wanted")
    return int(number)


def _refusal(parameter: Parameter, what: str) -> BadParameters:
    return BadParameters(f"{parameter.name} {what}.", field=parameter.name)
