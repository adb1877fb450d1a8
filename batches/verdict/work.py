"""What the steps of a verdict have found: small arrays that are merged in any order, stored after each piece."""

import json
import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from backtester.engine.arrays import Bools, Floats, Ints
from backtester.engine.statistics.overfitting import Winners

Stage = str
APART = ("winners", "rows")
ROWS = 4
BEGIN, FAMILY, SETTLING, RANKS, SHUFFLES, ANSWER = "begin", "family", "settling", "ranks", "shuffles", "answer"


@dataclass(eq=False)
class Work:
    """defined : tests that have a Sharpe ratio

    best, luckiest : value and index of the best Sharpe ratio; lead, leader : of the largest studentized lead over
    holding; ahead : tests ahead of holding; maxima, lead_maxima : float64[replicates] of the bootstrap
    picks_value, picks : the best of each walk-forward window in training, and its index
    cells : float64[5, windows] of the matrix: that value, its index, and bars, sum and squares of its test window
    draws : float64[shuffles], the best value of each shuffled history so far, negative where lower is better; NaN if
    none is defined; drawn : int64[shuffles], how many tests of it were run
    rows : float64[4, n], of the tests of one piece, stored apart: Sharpe ratio early, return and Sharpe ratio late, and
    the bits of a hash that is equal for equal returns
    """

    defined: int = 0
    best: float = -np.inf
    luckiest: int = -1
    lead: float = -np.inf
    leader: int = -1
    ahead: int = 0
    maxima: Floats = field(default_factory=lambda: np.empty(0))
    lead_maxima: Floats = field(default_factory=lambda: np.empty(0))
    winners: Winners = field(default_factory=lambda: Winners.none(0))
    below: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    equal: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    picks_value: Floats = field(default_factory=lambda: np.empty(0))
    picks: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    cells: Floats = field(default_factory=lambda: np.empty((5, 0)))
    draws: Floats = field(default_factory=lambda: np.empty(0))
    drawn: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    rows: Floats = field(default_factory=lambda: np.empty((ROWS, 0)))

    @classmethod
    def begin(cls, replicates: int, splits: int, windows: int, cells: int, shuffles: int) -> "Work":
        return cls(
            maxima=np.full(replicates, -np.inf),
            lead_maxima=np.full(replicates, -np.inf),
            winners=Winners.none(splits),
            below=np.zeros(splits, np.int64),
            equal=np.zeros(splits, np.int64),
            picks_value=np.full(windows, -np.inf),
            picks=np.full(windows, -1, np.int64),
            cells=np.repeat([[-np.inf], [-1.0], [0.0], [0.0], [0.0]], cells, axis=1),
            draws=np.full(shuffles, np.nan),
            drawn=np.zeros(shuffles, np.int64),
        )

    def merge(self, other: "Work") -> None:
        """Add what another piece has found, whatever the order of the pieces. Rows are left out."""
        for name in ("defined", "ahead", "below", "equal", "drawn"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.best, self.luckiest = better(self.best, self.luckiest, other.best, other.luckiest)
        self.lead, self.leader = better(self.lead, self.leader, other.lead, other.leader)
        self.maxima = np.maximum(self.maxima, other.maxima)
        self.lead_maxima = np.maximum(self.lead_maxima, other.lead_maxima)
        self.winners.merge(other.winners)
        picked = _are_better(other.picks_value, other.picks, self.picks_value, self.picks)
        self.picks_value[picked], self.picks[picked] = other.picks_value[picked], other.picks[picked]
        picked = _are_better(other.cells[0], other.cells[1], self.cells[0], self.cells[1])
        self.cells[:, picked] = other.cells[:, picked]
        self.draws = np.fmax(self.draws, other.draws)

    def take_rows(self) -> Floats:
        """Return the rows, and forget them."""
        rows, self.rows = self.rows, np.empty((ROWS, 0))
        return rows

    def encode(self) -> bytes:
        """Return the form in which it is stored: names, types and shapes in one line, then the bytes of the arrays.

        np.savez would take ten times as long, and it is done for each piece.
        """
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in APART}
        values |= {f"winners_{name}": value for name, value in vars(self.winners).items()}
        arrays = {name: np.ascontiguousarray(value) for name, value in values.items()}
        shapes = [(name, value.dtype.str, np.shape(values[name])) for name, value in arrays.items()]
        return b"".join((json.dumps(shapes).encode(), b"\n", *(value.tobytes() for value in arrays.values())))

    @classmethod
    def decode(cls, data: bytes | memoryview) -> "Work":
        header, _, body = bytes(data).partition(b"\n")
        values: dict[str, Any] = {}
        at = 0
        for name, kind, shape in json.loads(header):
            dtype, size = np.dtype(kind), math.prod(shape)
            value = np.frombuffer(body, dtype, size, at).reshape(shape).copy()
            values[name] = value if shape else value.item()
            at += size * dtype.itemsize
        winners = {name.removeprefix("winners_"): values.pop(name) for name in list(values) if name[:8] == "winners_"}
        return cls(**values, winners=Winners(**winners))


def better(value: float, index: int, other: float, at: int) -> tuple[float, int]:
    """Return the better of two values with its index; the lower index of equal ones, none for -inf."""
    if other > value or (other == value and other > -np.inf and at < index):
        return other, at
    return value, index


def _are_better(others: Floats, at: Ints | Floats, values: Floats, index: Ints | Floats) -> Bools:
    """Return the same of arrays: where the others are to be taken."""
    taken: Bools = (others > values) | ((others == values) & (others > -np.inf) & (at < index))
    return taken
