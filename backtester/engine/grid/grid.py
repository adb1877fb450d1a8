"""The combinations of a sweep, numbered and decoded without a list of them in memory.

The index runs through symbols (slowest), timeframes, coefficients, then parameters: axes tied by constraints first,
free axes last.
Combinations that break a constraint have no index, so the numbers are dense.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtester.engine.arrays import Bools, Floats, Ints, Values
from backtester.engine.errors import BadGrid, BadParameters
from backtester.engine.grid.axes import MAX_AXIS_VALUES, Number, axis_values
from backtester.engine.strategy import Constraint, Parameter, Strategy
from backtester.engine.timeframes import seconds_of

MAX_TIED_ROW = 20_000_000  # combinations of tied axes under one value of the first: 20 MB as a mask
MAX_TIED = 2_000_000_000  # counted within seconds
_BLOCK = 4_000_000


@dataclass(frozen=True)
class Combination:
    """timeframe : None if the stored bars are tested; coefficient : None without beta scaling

    parameters : as requested, before scaling
    """

    index: int
    symbol: str
    timeframe: str | None
    coefficient: float | None
    parameters: dict[str, Number]


@dataclass(frozen=True)
class Columns:
    """Decoded combinations as arrays.

    symbol_number, timeframe_number : int32[n]; coefficient : float64[n], None without beta scaling
    parameters : name -> int64[n] or float64[n]
    """

    symbol_number: NDArray[np.int32]
    timeframe_number: NDArray[np.int32]
    coefficient: Floats | None
    parameters: dict[str, Values]


class Grid:
    """The product of symbols, timeframes, coefficients and axes, without the combinations that break a constraint.

    A series is a symbol in a timeframe; it has `size_per_series` combinations in a row.
    """

    def __init__(
        self,
        strategy: Strategy,
        symbols: Sequence[str],
        axes: Mapping[str, Any],
        coefficients: Sequence[float] | None = None,
        timeframes: Sequence[str] | None = None,
    ) -> None:
        self.strategy = strategy
        self.symbols = _checked_symbols(symbols)
        self.timeframes = None if timeframes is None else _checked_timeframes(timeframes)
        self.coefficients = None if coefficients is None else _checked_coefficients(coefficients)
        requested = {name: axis_values(strategy.parameter(name), spec) for name, spec in axes.items()}
        values = {
            parameter.name: requested.get(parameter.name, [_default(parameter)])
            for parameter in _used(strategy, requested)
        }
        tied_names = {name for constraint in strategy.constraints for name in constraint.names}
        order = [name for name in values if name in tied_names] + [name for name in values if name not in tied_names]
        self.axes: Mapping[str, tuple[Number, ...]] = MappingProxyType({name: tuple(values[name]) for name in values})
        self._arrays = {name: _axis_array(strategy, name, values[name]) for name in order}
        tied = [name for name in order if name in tied_names]
        self._tied = _TiedAxes(strategy.constraints, {name: self._arrays[name] for name in tied})
        self._free = [name for name in order if name not in tied_names]
        self._n_free = math.prod(len(values[name]) for name in self._free)
        self.n_timeframes = len(self.timeframes or ("",))
        self.n_series = len(self.symbols) * self.n_timeframes
        outer = self.n_series * len(self.coefficients or (1.0,))
        self.size_per_series = self._tied.count * self._n_free * len(self.coefficients or (1.0,))
        self.size_per_symbol = self.size_per_series * self.n_timeframes
        self.size = self.size_per_series * self.n_series
        self.excluded = (self._tied.total - self._tied.count) * self._n_free * outer
        if self.size == 0:
            broken = " and ".join(constraint.text for constraint in strategy.constraints)
            raise BadGrid(f"No combination left: no values satisfy {broken}.", field=tied[0])

    def span(self, symbol_number: int) -> tuple[int, int]:
        """Return the indices [start, stop) of a symbol's combinations."""
        if not 0 <= symbol_number < len(self.symbols):
            raise BadGrid(f"The symbol number must be between 0 and {len(self.symbols) - 1}, got {symbol_number}.")
        return symbol_number * self.size_per_symbol, (symbol_number + 1) * self.size_per_symbol

    def series_span(self, series_number: int) -> tuple[int, int]:
        """Return the indices [start, stop) of the combinations of a symbol in a timeframe."""
        if not 0 <= series_number < self.n_series:
            raise BadGrid(f"The series number must be between 0 and {self.n_series - 1}, got {series_number}.")
        return series_number * self.size_per_series, (series_number + 1) * self.size_per_series

    def series_of(self, index: int) -> int:
        """Return the number of the series of a combination: symbol number * timeframes + timeframe number."""
        return index // self.size_per_series

    def timeframe_of(self, series_number: int) -> str | None:
        return self.timeframes[series_number % self.n_timeframes] if self.timeframes else None

    def decode(self, index: int) -> Combination:
        columns = self.decode_many(np.array([index]))
        coefficient = None if columns.coefficient is None else float(columns.coefficient[0])
        parameters = {name: columns.parameters[name][0].item() for name in self.axes}
        symbol, timeframe = self.symbols[int(columns.symbol_number[0])], self.timeframe_of(self.series_of(index))
        return Combination(index, symbol, timeframe, coefficient, parameters)

    def decode_many(self, indices: Ints) -> Columns:
        """Decode indices int64[n], in any order."""
        indices = np.asarray(indices, dtype=np.int64)
        if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= self.size):
            raise BadGrid(f"Indices must be between 0 and {self.size - 1}.", field="index")
        series_number, rest = np.divmod(indices, self.size_per_series)
        if len(rest) <= 2 * self.size_per_series:
            coefficient, parameters = self._decode_rest(rest)
        else:  # every series has the same combinations: decode them once
            coefficient, parameters = self._decode_rest(np.arange(self.size_per_series))
            coefficient = None if coefficient is None else coefficient[rest]
            parameters = {name: values[rest] for name, values in parameters.items()}
        symbol_number, timeframe_number = np.divmod(series_number.astype(np.int32), np.int32(self.n_timeframes))
        return Columns(symbol_number, timeframe_number, coefficient, parameters)

    def _decode_rest(self, rest: Ints) -> tuple[Values | None, dict[str, Values]]:
        """Decode indices within a series."""
        coefficient_number, rest = np.divmod(rest, self._tied.count * self._n_free)
        tied_rank, free_rank = np.divmod(rest, self._n_free)
        columns = self._tied.decode(tied_rank)
        for name in reversed(self._free):
            free_rank, position = np.divmod(free_rank, len(self._arrays[name]))
            columns[name] = self._arrays[name][position]
        coefficient = None if self.coefficients is None else np.array(self.coefficients)[coefficient_number]
        return coefficient, {name: columns[name] for name in self.axes}


class _TiedAxes:
    """Axes tied by constraints, numbered over the valid combinations only.

    Stores how many valid combinations come before each value of the first axis; the valid positions under a value are
    computed when they are needed.
    """

    def __init__(self, constraints: tuple[Constraint, ...], axes: dict[str, Values]) -> None:
        self._constraints = constraints
        self._axes = axes
        self._shape = tuple(len(values) for values in axes.values())
        self.total = math.prod(self._shape)
        self._row_size = math.prod(self._shape[1:])
        if self._row_size > MAX_TIED_ROW or self.total > MAX_TIED:
            raise BadGrid(
                f"{', '.join(axes)} make {self.total:,} combinations to check against each other; "
                f"at most {MAX_TIED:,} can be counted.",
                field=next(iter(axes)),
            )
        counts = self._counts() if axes else np.ones(1, dtype=np.int64)
        self._before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)))
        self.count = int(self._before[-1])

    def decode(self, ranks: Ints) -> dict[str, Values]:
        if not self._axes:
            return {}
        leading = np.searchsorted(self._before, ranks, side="right") - 1
        row_position = self._row_positions(leading, ranks)
        names = list(self._axes)
        columns = {names[0]: self._axes[names[0]][leading]}
        for name, size in zip(reversed(names[1:]), reversed(self._shape[1:]), strict=True):
            row_position, position = np.divmod(row_position, size)
            columns[name] = self._axes[name][position]
        return columns

    def _row_positions(self, leading: Ints, ranks: Ints) -> Ints:
        """Return the position of each valid combination within its row, with the masks of neighboring rows at once."""
        order = np.argsort(ranks, kind="stable")
        leading, ranks = leading[order], ranks[order]
        positions = np.empty(len(ranks), dtype=np.int64)
        step = max(1, _BLOCK // self._row_size)
        done = 0
        while done < len(ranks):
            row = int(leading[done])
            end = int(np.searchsorted(ranks, self._before[min(row + step, self._shape[0])]))
            valid = np.nonzero(self._mask(row, int(leading[end - 1]) + 1))[1]
            positions[order[done:end]] = valid[ranks[done:end] - self._before[row]]
            done = end
        return positions

    def _counts(self) -> Ints:
        """Return int64[len(first axis)], the valid combinations under each value of the first axis."""
        if len(self._axes) == 2 and len(self._constraints) == 1 and self._constraints[0].ordered:
            return self._ordered_counts(self._constraints[0])
        step = max(1, _BLOCK // self._row_size)
        blocks = [self._mask(i, min(i + step, self._shape[0])).sum(axis=1) for i in range(0, self._shape[0], step)]
        return np.concatenate(blocks).astype(np.int64)

    def _ordered_counts(self, constraint: Constraint) -> Ints:
        """Count `first < second` by bisection: 10,000 x 10,000 values take a millisecond."""
        first, second = self._axes.values()
        if constraint.names[0] == next(iter(self._axes)):
            return len(second) - np.searchsorted(np.sort(second), first, side="right").astype(np.int64)
        return np.searchsorted(np.sort(second), first, side="left").astype(np.int64)

    def _mask(self, start: int, stop: int) -> Bools:
        """Return bool[stop - start, row size]: the valid combinations under these values of the first axis."""
        arrays = np.meshgrid(*list(self._axes.values())[1:], indexing="ij", sparse=True)
        first = next(iter(self._axes.values()))[start:stop].reshape((-1,) + (1,) * len(arrays))
        by_name = dict(zip(self._axes, [first, *arrays], strict=True))
        mask = np.ones((stop - start, *self._shape[1:]), dtype=np.bool_)
        for constraint in self._constraints:
            mask &= constraint.holds(*(by_name[name] for name in constraint.names))
        return mask.reshape(stop - start, -1)


def _axis_array(strategy: Strategy, name: str, values: list[Number]) -> Values:
    return np.array(values, dtype=np.int64 if strategy.parameter(name).kind == "int" else np.float64)


def _used(strategy: Strategy, requested: Mapping[str, Any]) -> list[Parameter]:
    return [*strategy.parameters, *(parameter for parameter in strategy.optional if parameter.name in requested)]


def _default(parameter: Parameter) -> Number:
    return int(parameter.default) if parameter.kind == "int" else float(parameter.default)


def _checked_symbols(symbols: Sequence[str]) -> tuple[str, ...]:
    if isinstance(symbols, str) or not symbols:
        raise BadGrid(f"symbols must be a list of at least one symbol, got {symbols!r}.", field="symbols")
    unique = tuple(dict.fromkeys(symbols))
    if len(unique) != len(symbols):
        raise BadGrid("symbols must not contain duplicates.", field="symbols")
    return unique


def _checked_timeframes(timeframes: Sequence[str]) -> tuple[str, ...]:
    if isinstance(timeframes, str) or not timeframes:
        message = f"timeframes must be a list such as ['5m', '1h'], got {timeframes!r}."
        raise BadParameters(message, field="timeframes")
    lengths = [seconds_of(timeframe) for timeframe in timeframes]
    if len(set(lengths)) != len(lengths):
        raise BadParameters(f"timeframes must differ in length, got {', '.join(timeframes)}.", field="timeframes")
    return tuple(timeframes)


def _checked_coefficients(coefficients: Sequence[float]) -> tuple[float, ...]:
    if not 0 < len(coefficients) <= MAX_AXIS_VALUES:
        message = f"coefficients must be 1 to {MAX_AXIS_VALUES:,} numbers, got {len(coefficients):,}."
        raise BadParameters(message, field="coefficients")
    for value in coefficients:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value <= 0:
            message = f"coefficients must be finite numbers above zero, got {value!r}."
            raise BadParameters(message, field="coefficients")
    return tuple(dict.fromkeys(float(value) for value in coefficients))
