"""What a batch is called: the user's title, or its strategy, ranges and symbols."""

from collections.abc import Mapping, Sequence
from typing import Any

from backtester.engine import STRATEGIES, Parameter
from batches.formatting import isolated, mid_sentence
from batches.formatting import parameter as parameter_text
from batches.models import BatchSession
from batches.sweep.link import as_range
from batches.sweep.wire_names import wire_name

FEW_SYMBOLS = 3
FEW_VALUES = 3


def title_of(session: BatchSession) -> str:
    return session.title or default_title(session.request)


def default_title(request: Mapping[str, Any]) -> str:
    """`SMA cross, fast average 2–20 by 2, slow average 50, 100, 20 symbols`."""
    return ", ".join([strategy_title(request["strategy"]), *ranges_of(request), symbols_of(request["symbols"])])


def strategy_title(name: str) -> str:
    """Return the strategy's title; its name when this version does not have it."""
    strategy = STRATEGIES.get(name)
    return strategy.title if strategy else name


def ranges_of(request: Mapping[str, Any]) -> list[str]:
    """Return a text for each parameter that was swept; for all of them if none was."""
    ranges: Mapping[str, Sequence[float]] = request["parameterRanges"]
    swept = {name: values for name, values in ranges.items() if len(values) > 1}
    known = parameters_of(request["strategy"])
    texts = []
    for name, values in (swept or ranges).items():
        parameter = known.get(name)
        label = mid_sentence(parameter.label) if parameter else name
        texts.append(f"{label} {_values_text(values, parameter.kind if parameter else 'float')}")
    return texts


def parameters_of(strategy_name: str) -> dict[str, Parameter]:
    """Return the strategy's parameters by wire name; none when this version does not have it."""
    strategy = STRATEGIES.get(strategy_name)
    return {wire_name(parameter.name): parameter for parameter in (strategy.all_parameters if strategy else ())}


def symbols_of(symbols: Sequence[str]) -> str:
    return ", ".join(map(isolated, symbols)) if len(symbols) <= FEW_SYMBOLS else f"{len(symbols):,} symbols"


def _values_text(values: Sequence[float], kind: str) -> str:
    """`2–20 by 2`, `20/50/100`, `20–200 (7 values)`."""
    first, last = parameter_text(values[0], kind), parameter_text(values[-1], kind)
    if spec := as_range(values):
        return f"{first}–{last} by {parameter_text(float(spec.rpartition(':')[2]), kind)}"
    if len(values) <= FEW_VALUES:
        return "/".join(parameter_text(value, kind) for value in values)
    return f"{first}–{last} ({len(values):,} values)"
