"""What a verdict cuts the time axis into, which tests it judges, and which parts are too short to judge."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backtester.engine import Prices
from backtester.engine.arrays import Floats, Ints
from backtester.engine.statistics.bootstrap import groups_for
from backtester.engine.statistics.overfitting import choose_splits
from backtester.engine.statistics.partitions import equal_edges
from backtester.engine.statistics.walk_forward import Window, default_lengths, matrix_windows, single_split, windows
from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.sweep.plan import Plan, plan_of
from batches.verdict.calendar import Calendar
from batches.verdict.options import Options

FEWEST_BARS, FEWEST_YEARS = 252, 2.0
WALK_FORWARD_YEARS = 3.0
BARS_PER_BLOCK = 20
FEWER_BLOCKS = 8
EARLY_SHARE = 0.7


@dataclass(frozen=True)
class Span:
    """Finished tests in a row. number : of their series in the plan"""

    start: int
    stop: int
    number: int


@dataclass(eq=False)
class Layout:
    """edges : int64[m], all positions in the calendar at which sums are needed; groups, blocks : edges of parts

    matrix : the windows of other lengths, of each cell; empty for a short history and for windows of a request
    blocks is None if the history is too short for the cross-validation; splits : its halves; early : the end of the
    first part of the history; held : of a series that was needed, the sums of buying and holding it, see `family`
    """

    plan: Plan
    options: Options
    spans: list[Span]
    series: dict[int, Prices]
    calendar: Calendar
    windows: list[Window]
    matrix: list[list[Window]]
    groups: Ints
    blocks: Ints | None
    splits: Ints
    early: int
    edges: Ints = field(init=False)
    held: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cuts = [edge for cell in (self.windows, *self.matrix) for window in cell for edge in _edges(window)]
        blocks = self.groups[:0] if self.blocks is None else self.blocks
        n = len(self.calendar)
        self.edges = np.unique(np.concatenate((self.groups, blocks, np.array([0, self.early, n, *cuts], np.int64))))

    @property
    def tests(self) -> int:
        return sum(span.stop - span.start for span in self.spans)

    @property
    def indices(self) -> Ints:
        """int64[n], the judged tests in the order of their rows."""
        return np.concatenate([np.arange(span.start, span.stop) for span in self.spans] or [np.empty(0, np.int64)])

    @property
    def is_too_short(self) -> bool:
        return len(self.calendar) < FEWEST_BARS

    def covers(self, number: int, window: Window) -> bool:
        """Return whether a series spans half of a training window: a few bars after a listing show any Sharpe ratio."""
        ends = self.series[number].moments[[1, -1]]  # a return belongs to the bar that ends it
        first, last = (int(place) for place in np.searchsorted(self.calendar.moments, ends))
        spanned = min(last + 1, window.train_end) - max(first, window.start)
        return 2 * spanned >= window.train_end - window.start

    def at(self, edges: Any) -> Any:
        """Return the places of an edge, or of int64[n] edges, among all edges."""
        return np.searchsorted(self.edges, edges)


def layout_of(session: BatchSession, options: Options) -> Layout:
    plan, spans = plan_of(session), finished_spans(session)
    series = {number: plan.prices(number) for number in sorted({span.number for span in spans})}
    calendar = Calendar.of(list(series.values()))
    n, years = len(calendar), calendar.years
    blocks = options.blocks if n >= BARS_PER_BLOCK * options.blocks else FEWER_BLOCKS
    can_split = n >= BARS_PER_BLOCK * blocks and years >= FEWEST_YEARS
    return Layout(
        plan=plan,
        options=options,
        spans=spans,
        series=series,
        calendar=calendar,
        windows=_windows(n, years, options),
        matrix=_matrix(n, years, options),
        groups=equal_edges(n, min(options.groups, groups_for(n), max(n, 1))),
        blocks=equal_edges(n, blocks) if can_split else None,
        splits=choose_splits(blocks, options.splits, options.seed),
        early=int(EARLY_SHARE * n),
    )


def finished_spans(session: BatchSession) -> list[Span]:
    """Return the finished tests in order, those of one series that follow each other together."""
    grid = plan_of(session).grid
    rows = ResultChunk.objects.filter(session=session, status=ChunkStatus.DONE).order_by("start")
    spans: list[Span] = []
    for start, stop in rows.values_list("start", "stop"):
        number = grid.series_of(start)
        if spans and spans[-1].stop == start and spans[-1].number == number:
            spans[-1] = Span(spans[-1].start, stop, number)
        else:
            spans.append(Span(start, stop, number))
    return spans


def _windows(n: int, years: float, options: Options) -> list[Window]:
    if options.train is not None and options.test is not None:
        return windows(n, options.train, options.test, gap=options.gap, anchored=options.anchored)
    if years < WALK_FORWARD_YEARS:
        return single_split(n, EARLY_SHARE, gap=options.gap)
    train, test = default_lengths(n)
    return windows(n, train, test, gap=options.gap, anchored=options.anchored)


def _matrix(n: int, years: float, options: Options) -> list[list[Window]]:
    if options.train is not None or years < WALK_FORWARD_YEARS:
        return []
    return matrix_windows(n, default_lengths(n)[1], gap=options.gap, anchored=options.anchored)


def _edges(window: Window) -> tuple[int, ...]:
    return window.start, window.train_end, window.test_start, window.test_end


@dataclass(frozen=True, eq=False)
class Prefix:
    """Sums of the returns of n tests up to m cuts. bars : float64[m]; sums, squares, equity : float64[m, n]"""

    bars: Floats
    sums: Floats
    squares: Floats
    equity: Floats

    def over(self, first: int, last: int) -> tuple[Floats, Floats, Floats]:
        """Return bars, sums and squares between two places of cuts, float64[n] each."""
        sums, squares = (values[last] - values[first] for values in (self.sums, self.squares))
        return np.full(len(sums), self.bars[last] - self.bars[first]), sums, squares
