"""Rank of each test early against its rank late, as points, with a table of the means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SIZE, EDGE = 300.0, 4.0
FIFTHS = ("Worst", "Second", "Middle", "Fourth", "Best")


@dataclass(frozen=True)
class RankChart:
    """points : a path of dots; winner : (x, y) of the best of the first part; fifths : (name, tests, mean late rank)"""

    points: str
    winner: tuple[float, float]
    fifths: list[tuple[str, int, float]]

    size = SIZE


def rank_chart(stability: Mapping[str, Any]) -> RankChart:
    """Draw the points of a verdict's `stability`: better is right and up."""
    winner = stability["earlyWinner"]
    of = winner["of"]
    ranks = np.array(stability["points"], dtype=np.float64)
    x, y = _place(ranks[:, 0], of), SIZE - _place(ranks[:, 1], of)
    top = int(np.argmax(ranks[:, 0]))
    fifth = np.minimum(((ranks[:, 0] - 1) * len(FIFTHS) / of).astype(int), len(FIFTHS) - 1)
    return RankChart(
        points="".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True)),
        winner=(round(float(x[top]), 1), round(float(SIZE - _place(of + 1 - winner["lateRank"], of)), 1)),
        fifths=[
            (name, int((fifth == number).sum()), float(of + 1 - ranks[fifth == number, 1].mean()))
            for number, name in enumerate(FIFTHS)
            if (fifth == number).any()
        ],
    )


def _place(rank: Any, of: int) -> Any:
    return EDGE + (SIZE - 2 * EDGE) * (rank - 1) / max(1, of - 1)
