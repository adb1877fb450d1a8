"""Bars before they are split by symbol: one row for each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batches.prices.cells import Floats
from batches.prices.moments import Times
from batches.prices.tables import Table

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Bars:
    """One row for each bar, symbols mixed. rows : of the table; codes : index into `names`, which are sorted.

    is_within_day : whether bars are moments rather than days
    """

    table: Table
    rows: Indices
    names: list[str]
    codes: Indices
    times: Times
    values: dict[str, Floats]
    is_within_day: bool = False

    def take(self, indices: npt.NDArray[np.generic]) -> "Bars":
        values = {name: column[indices] for name, column in self.values.items()}
        codes, times = self.codes[indices], self.times.take(indices)
        return Bars(self.table, self.rows[indices], self.names, codes, times, values, self.is_within_day)

    def place(self, bar: int | np.integer) -> str:
        """`line 7`."""
        return self.table.place(self.rows[bar])

    def label(self, bar: int | np.integer) -> str:
        """`AAPL on 2020-01-02`; with the time of day if there is one."""
        time = self.times.wall[bar].astype("datetime64[s]")
        day = time.astype("datetime64[D]")
        return f"{self.names[self.codes[bar]]} on {day if day == time else str(time).replace('T', ' ')}"
