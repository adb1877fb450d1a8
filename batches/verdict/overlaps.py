"""How many combinations two requests share: what is tried again is no new trial."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from backtester.engine import EngineError, Grid, get_strategy
from backtester.engine.timeframes import seconds_of
from batches.verdict_models import LedgerEntry, TriedGrid

COEFFICIENTS, TIMEFRAMES = "beta coefficients", "timeframes in seconds"


@dataclass(frozen=True)
class Tests:
    """The tests of one request on one instrument, before they are counted. bar_seconds : of the stored bars"""

    symbol: str
    bar_seconds: float | None
    fingerprint: str
    family: str
    first_date: date
    last_date: date


class Overlaps:
    """How many combinations of a grid another grid has too."""

    def __init__(self, grid: TriedGrid) -> None:
        self.grid = grid
        self.sizes: dict[tuple[int, float | None], int] = {}

    def largest(self, item: Tests, entries: Iterable[LedgerEntry], *, itself: bool = False) -> int:
        """Return the most trials that one entry shares; exact when each request extends the one before."""
        others = [entry for entry in entries if itself or entry.fingerprint != item.fingerprint]
        return max((min(self.size(entry.grid, item.bar_seconds), entry.finished) for entry in others), default=0)

    def size(self, other: TriedGrid, bar_seconds: float | None) -> int:
        key = other.pk, bar_seconds
        if key not in self.sizes:
            self.sizes[key] = _common(self.grid, other, bar_seconds)
        return self.sizes[key]


def _common(one: TriedGrid, other: TriedGrid, bar_seconds: float | None) -> int:
    # A request without timeframes tries the stored bars, as one does that names their length.
    stored = {} if bar_seconds is None else {TIMEFRAMES: [bar_seconds]}
    axes, others = stored | one.axes, stored | other.axes
    if axes.keys() != others.keys():
        return 0
    common = {name: [value for value in values if value in set(others[name])] for name, values in axes.items()}
    if not all(common.values()):
        return 0
    coefficients = common.pop(COEFFICIENTS, None)
    timeframes = len(common.pop(TIMEFRAMES, [0.0]))
    try:
        strategy = get_strategy(one.strategy)
        kinds = {parameter.name: parameter.kind for parameter in strategy.all_parameters}
        axes = {name: [int(v) if kinds[name] == "int" else v for v in values] for name, values in common.items()}
        return timeframes * Grid(strategy, ["one"], axes, coefficients).size_per_symbol
    except (EngineError, KeyError):  # no combination is left, or the strategy has changed
        return 0


def axes_of(grid: Grid) -> dict[str, list[float]]:
    """Return name and values of each axis, as the ledger stores them."""
    axes = {name: [float(value) for value in values] for name, values in grid.axes.items()}
    axes |= {COEFFICIENTS: list(grid.coefficients)} if grid.coefficients else {}
    return axes | ({TIMEFRAMES: [float(seconds_of(name)) for name in grid.timeframes]} if grid.timeframes else {})
