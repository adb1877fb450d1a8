"""Turn the request for a parameter into the validated values of its axis."""

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from backtester.engine.errors import BadParameters, TooManyValues
from backtester.engine.strategy import Parameter

MAX_AXIS_VALUES = 1_000_000  # the engine's own limit; a server allows fewer
Number = int | float


def axis_values(parameter: Parameter, spec: Any, *, most: int = MAX_AXIS_VALUES) -> list[Number]:
    """Return the distinct values of an axis in their order.

    spec : a list of numbers, or {"start", "stop", "step"} with `stop` included
    most : TooManyValues for more, before they are made
    """
    if isinstance(spec, Mapping):
        values = _stepped(parameter, spec, most)
    elif isinstance(spec, (str, bytes)) or not isinstance(spec, Iterable):
        raise _refusal(parameter, f"must be a list of numbers, or start, stop and step, got {spec!r}")
    else:
        values = _listed(parameter, spec, most)
    if not values:
        raise _refusal(parameter, "must have at least one value")
    return list(dict.fromkeys(values))


def _listed(parameter: Parameter, spec: Iterable[Any], most: int) -> list[Number]:
    values: list[Number] = []
    for item in spec:
        if len(values) >= most:
            raise TooManyValues(parameter.name, most)
        values.append(_checked(parameter, item))
    return values


def _stepped(parameter: Parameter, spec: Mapping[str, Any], most: int) -> list[Number]:
    unknown = sorted(set(map(str, spec)) - {"start", "stop", "step"})
    missing = sorted({"start", "stop", "step"} - set(spec))
    if unknown or missing:
        problem = f"an unknown {unknown[0]!r}" if unknown else f"no {missing[0]!r}"
        raise _refusal(parameter, f"must have start, stop and step, got {problem}")
    start, stop, step = (_number(parameter, spec[name]) for name in ("start", "stop", "step"))
    if step <= 0:
        raise _refusal(parameter, f"step must be above zero, got {step:.12g}")
    if start > stop:
        raise _refusal(parameter, f"start must not be above stop, got {start:.12g} and {stop:.12g}")
    # Counted first, so that a tiny step costs nothing; 1e-9 of a step tolerates 0.1 + 0.1 + 0.1.
    steps = (stop - start) / step
    if not steps < most:
        raise TooManyValues(parameter.name, most)
    count = math.floor(steps + 1e-9) + 1
    if count > most:
        raise TooManyValues(parameter.name, most)
    values = [float(f"{start + i * step:.12g}") for i in range(count)]
    if values[-1] > float(f"{stop:.12g}"):  # by less than 1e-9 of a step, but a value that was not requested
        values.pop()
    return [_checked(parameter, value) for value in values]


def _number(parameter: Parameter, item: Any) -> float:
    if isinstance(item, bool) or not isinstance(item, Real):  # NumPy's numbers are Real, its bool is not
        raise _refusal(parameter, f"values must be numbers, got {item!r}")
    try:
        number = float(item)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _refusal(parameter, f"values must be finite, got {item!r}")
    return number


def _checked(parameter: Parameter, item: Any) -> Number:
    number = _number(parameter, item)
    if not parameter.minimum <= number <= parameter.maximum:
        bounds = f"{parameter.minimum:.12g} and {parameter.maximum:.12g}"
        if parameter.kind == "percent":
            bounds += " (a fraction: 0.05 is 5%)"
        raise _refusal(parameter, f"values must be between {bounds}, got {number:.12g}")
    if parameter.kind != "int":
        return number + 0.0  # -0.0 becomes 0.0
    if number != int(number):
        raise _refusal(parameter, f"values must be whole numbers, got {number:.12g}")
    return int(number)


def _refusal(parameter: Parameter, problem: str) -> BadParameters:
    return BadParameters(f"{parameter.name} {problem}.", field=parameter.name)
