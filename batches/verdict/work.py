"""What the steps of a verdict have found so far: small arrays that are merged in any order, stored after each turn."""

import io
from dataclasses import dataclass, field, fields

import numpy as np

from backtester.engine.arrays import Floats, Ints
from backtester.engine.statistics.overfitting import Winners

Stage = str
APART = ("winners", "rows")
ROWS = 4
FAMILY, SETTLING, RANKS, SHUFFLES, ANSWER = "family", "settling", "ranks", "shuffles", "answer"


@dataclass(eq=False)
class Work:
    """stage, span, at : where the next turn goes on; defined : tests that have a Sharpe ratio

    best, luckiest : value and index of the best Sharpe ratio; lead, leader : of the largest studentized lead over
    holding; ahead : tests ahead of holding; maxima, lead_maxima : float64[replicates] of the bootstrap
    picks_value, picks : the best of each walk-forward window in training, and its index
    cells : float64[5, windows] of the matrix: that value, its index, and bars, sum and squares of its test window
    draws : best value of each shuffled history; draw_best : of the one that is under way
    rows : float64[4, n], of the tests of this turn, stored apart: Sharpe ratio early, return and Sharpe ratio late, and
    the bits of a hash that is equal for equal returns; judged : tests before these
    """

    stage: Stage = FAMILY
    span: int = 0
    at: int = 0
    defined: int = 0
    best: float = -np.inf
    luckiest: int = -1
    lead: float = -np.inf
    leader: int = -1
    ahead: int = 0
    draw_best: float = np.nan
    maxima: Floats = field(default_factory=lambda: np.empty(0))
    lead_maxima: Floats = field(default_factory=lambda: np.empty(0))
    winners: Winners = field(default_factory=lambda: Winners.none(0))
    below: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    equal: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    picks_value: Floats = field(default_factory=lambda: np.empty(0))
    picks: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    cells: Floats = field(default_factory=lambda: np.empty((5, 0)))
    draws: Floats = field(default_factory=lambda: np.empty(0))
    judged: int = 0
    rows: Floats = field(default_factory=lambda: np.empty((ROWS, 0)))

    @classmethod
    def begin(cls, replicates: int, splits: int, windows: int, cells: int) -> "Work":
        return cls(
            maxima=np.full(replicates, -np.inf),
            lead_maxima=np.full(replicates, -np.inf),
            winners=Winners.none(splits),
            below=np.zeros(splits, np.int64),
            equal=np.zeros(splits, np.int64),
            picks_value=np.full(windows, -np.inf),
            picks=np.full(windows, -1, np.int64),
            cells=np.repeat([[-np.inf], [-1.0], [0.0], [0.0], [0.0]], cells, axis=1),
        )

    def next_stage(self, stage: Stage) -> None:
        self.stage, self.span, self.at = stage, 0, 0

    def take_rows(self) -> Floats:
        """Return the rows of this turn, and forget them."""
        rows, self.rows = self.rows, np.empty((ROWS, 0))
        self.judged += rows.shape[1]
        return rows

    def encode(self) -> bytes:
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in APART}
        values |= {f"winners_{name}": value for name, value in vars(self.winners).items()}
        file = io.BytesIO()
        np.savez(file, **values)
        return file.getvalue()

    @classmethod
    def decode(cls, data: bytes | memoryview) -> "Work":
        with np.load(io.BytesIO(bytes(data)), allow_pickle=False) as stored:
            values = {name: stored[name] for name in stored.files}
        winners = {name.removeprefix("winners_"): values.pop(name) for name in list(values) if name[:8] == "winners_"}
        plain = {name: value.item() if value.ndim == 0 else value for name, value in values.items()}
        return cls(**plain, winners=Winners(**winners))
