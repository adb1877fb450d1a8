"""Parallel coordinates: a vertical axis for each parameter and metric, and a line through all of them for each test.

A million lines are unreadable, so a sample is drawn: the best tests that pass the filters, others that pass, and behind
them a sample of all tests for comparison.
"""

from dataclasses import dataclass, replace

import numpy as np

from backtester.engine.arrays import Floats, Ints
from batches.formatting import plain
from batches.models import BatchSession
from batches.results.columns import ResultColumns, columns_of
from batches.results.query import ResultsQuery, column, select
from batches.results.ranking import best, that_traded
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.labels import label_of, names_of, parallel_axes
from batches.web.panel_words import value_text

WIDTH, SIDE, TOP, LENGTH, HEIGHT = 960.0, 64.0, 44.0, 260.0, 332.0
BEST, OTHERS, BEHIND = 100, 500, 400
SHADES = 5
TAILS = (1.0, 99.0)  # percentiles at the ends of a metric's axis: one wild test must not flatten all others
OPEN = (-np.inf, np.inf)
SEED = 0  # the same batch gives the same picture


@dataclass(frozen=True)
class Axis:
    """low, high : the values at its ends; at_least, at_most : the filter's bounds as a user types them, "" where open;
    brush : top and length of the filtered range in the picture
    """

    name: str
    label: str
    x: float
    low: float
    high: float
    low_text: str
    high_text: str
    is_percent: bool
    at_least: str
    at_most: str
    brush: tuple[float, float] | None

    def y(self, values: Floats) -> Floats:
        """Return heights in the picture; values beyond an end are drawn at it."""
        share = (values - self.low) / ((self.high - self.low) or 1.0)
        heights: Floats = TOP + LENGTH * (1.0 - np.clip(share, 0.0, 1.0))
        return heights


@dataclass(frozen=True)
class ParallelPicture:
    """behind : the path of a sample of all tests; shades : paths from the worst fifth to the best; passing, everything,
    best, others : numbers of tests
    """

    axes: list[Axis]
    behind: str
    shades: list[str]
    passing: int
    everything: int
    best: int
    others: int
    best_ranges: list[str]

    width = WIDTH
    height = HEIGHT
    top = TOP
    length = LENGTH
    bottom = TOP + LENGTH

    @property
    def is_empty(self) -> bool:
        """Whether no test has values to draw."""
        return not (self.behind or any(self.shades))


def parallel(session: BatchSession, query: ResultsQuery) -> ParallelPicture:
    columns = columns_of(session)
    everything, passing = select(columns, replace(query, bounds=())), select(columns, query)
    names = parallel_axes(session)
    behind = _sample(everything, BEHIND)
    first, top = _best(session, columns, everything), _best(session, columns, passing)
    others = np.setdiff1d(_sample(passing, OTHERS), top)
    axes = _axes(session, names, _values(columns, names, behind), _values(columns, names, first), query)
    drawn = np.concatenate([others, top[::-1]])  # the best above all
    return ParallelPicture(
        axes=axes,
        behind=_lines(axes, _values(columns, names, behind)),
        shades=_shades(session, axes, columns, names, drawn),
        passing=len(passing),
        everything=len(everything),
        best=len(top),
        others=len(others),
        best_ranges=_best_ranges(session, axes, _values(columns, names, top)),
    )


def _sample(positions: Ints, size: int) -> Ints:
    """Return a random sample in order: every n-th test could have the same value of a parameter each time."""
    if len(positions) <= size:
        return positions
    return np.sort(np.random.default_rng(SEED).choice(positions, size, replace=False))


def _best(session: BatchSession, columns: ResultColumns, positions: Ints) -> Ints:
    descending = METRICS_BY_WIRE_NAME[session.sort_by].higher_is_better
    values = that_traded(column(columns, session.sort_by)[positions], column(columns, "exposure")[positions])
    return positions[best(values, BEST, descending=descending)]


def _values(columns: ResultColumns, names: list[str], positions: Ints) -> Floats:
    """float64[len(names), len(positions)]."""
    return np.array([column(columns.at(positions), name) for name in names])


def _axes(session: BatchSession, names: list[str], sample: Floats, top: Floats, query: ResultsQuery) -> list[Axis]:
    bounds = {name: (low, high) for name, low, high in query.bounds}
    places = np.linspace(SIDE, WIDTH - SIDE, len(names)).tolist()
    return [
        _axis(session, name, places[row], _ends(session, name, sample[row], top[row]), bounds.get(name, OPEN))
        for row, name in enumerate(names)
    ]


def _ends(session: BatchSession, name: str, sample: Floats, top: Floats) -> tuple[float, float]:
    """Return the whole range of a parameter; of a metric, the range of the sample without its tails and of the best."""
    if name == "coefficient":
        values = np.array(session.request["coefficients"])
    elif name not in METRICS_BY_WIRE_NAME:
        values = np.array(session.request["parameterRanges"][name])
    else:
        sample, top = sample[np.isfinite(sample)], top[np.isfinite(top)]
        values = np.concatenate([np.percentile(sample, TAILS) if len(sample) else [0.0, 1.0], top])
    return float(values.min()), float(values.max())


def _axis(session: BatchSession, name: str, x: float, ends: tuple[float, float], bounds: tuple[float, float]) -> Axis:
    names = names_of(session)
    is_percent = (name in names["parameters"] and names["parameters"][name]["kind"] == "percent") or (
        name in METRICS_BY_WIRE_NAME and METRICS_BY_WIRE_NAME[name].unit == "fraction"
    )
    axis = Axis(
        name=name,
        label=label_of(session, name),
        x=round(x, 1),
        low=ends[0],
        high=ends[1],
        low_text=value_text(ends[0], name, names),
        high_text=value_text(ends[1], name, names),
        is_percent=is_percent,
        at_least=_typed(bounds[0], is_percent=is_percent),
        at_most=_typed(bounds[1], is_percent=is_percent),
        brush=None,
    )
    if bounds == OPEN:
        return axis
    high, low = axis.y(np.array([bounds[1], bounds[0]])).tolist()
    return replace(axis, brush=(round(high, 1), round(max(low - high, 2.0), 1)))


def _typed(bound: float, *, is_percent: bool) -> str:
    if not np.isfinite(bound):
        return ""
    return f"{plain(bound * 100)}%" if is_percent else plain(bound)


def _lines(axes: list[Axis], values: Floats) -> str:
    """Return one path through all lines; tests without a value have none."""
    whole = values[:, np.isfinite(values).all(axis=0)]
    heights = np.array([axis.y(row) for axis, row in zip(axes, whole, strict=True)]).round().astype(np.int64)
    return "".join(
        "M" + "L".join(f"{axis.x:g} {y}" for axis, y in zip(axes, line, strict=True)) for line in heights.T.tolist()
    )


def _shades(
    session: BatchSession, axes: list[Axis], columns: ResultColumns, names: list[str], positions: Ints
) -> list[str]:
    """Return the lines by fifths of the ranked metric, the worst fifth first."""
    values = _values(columns, names, positions)
    ranked = values[names.index(session.sort_by)]
    order = np.argsort(ranked if METRICS_BY_WIRE_NAME[session.sort_by].higher_is_better else -ranked, kind="stable")
    defined = order[np.isfinite(ranked[order])]
    return [_lines(axes, values[:, fifth]) for fifth in np.array_split(defined, SHADES)]


def _best_ranges(session: BatchSession, axes: list[Axis], values: Floats) -> list[str]:
    """`Fast average 6 to 14 of 2 to 20`: the middle half of the best tests on each parameter's axis."""
    if not values.shape[1]:
        return []
    names = names_of(session)
    ranges = []
    for axis, row in zip(axes, values, strict=True):
        if axis.name not in METRICS_BY_WIRE_NAME:
            low, high = np.percentile(row, [25, 75], method="nearest").tolist()
            inside = " to ".join(dict.fromkeys(value_text(value, axis.name, names) for value in (low, high)))
            ranges.append(f"{axis.label} {inside} of {axis.low_text} to {axis.high_text}")
    return ranges
