"""The rows of a table that cannot be read: the file is refused for them, or they are left out."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from batches.errors import Detail
from batches.prices.options import BadRow
from batches.prices.tables import HINT, KEPT_PROBLEMS, BadPriceFile, Problem, Table


class RowProblems:
    """Collects bad rows with their messages; of many, the first are kept and all are counted.

    whole_rows : whether a row is one bar, so that one problem of it is enough; else each cell is a bar
    """

    def __init__(self, table: Table, on_bad_row: BadRow, *, whole_rows: bool = True) -> None:
        self._table, self._on_bad_row, self._whole_rows = table, on_bad_row, whole_rows
        self._kept = list[tuple[int, str]]()
        self._count = 0
        self.bad = np.zeros(len(table.places), dtype=bool)  # rows of the table
        self.hint = HINT

    def add(self, bad: npt.NDArray[np.bool_], message: Callable[[int], str]) -> None:
        """bad : bool[n_rows]; a row that was bad before is not reported again"""
        if bad.any():
            rows = np.flatnonzero(bad & ~self.bad)
            self.add_rows(rows, lambda index: message(int(rows[index])))

    def add_rows(self, rows: npt.NDArray[np.integer], message: Callable[[int], str]) -> None:
        """rows : of the table; message : takes an index into `rows`"""
        self._count += len(rows)
        self._kept.extend((int(rows[index]), message(index)) for index in range(min(len(rows), KEPT_PROBLEMS)))
        if self._whole_rows:
            self.bad[rows] = True

    @property
    def problems(self) -> list[Problem]:
        """The first, in the order of the file, after them the rows with too many or too few cells."""
        own = [(self._table.place(row), message) for row, message in sorted(self._kept)]
        return [*own, *self._table.ragged.kept][:KEPT_PROBLEMS]

    @property
    def count(self) -> int:
        return self._count + self._table.ragged.count

    def refuse(self) -> None:
        """Raise BadPriceFile, unless bad rows are to be left out."""
        if self.count and self._on_bad_row is BadRow.REFUSE:
            raise self.refusal()

    def refusal(self) -> BadPriceFile:
        return BadPriceFile(self._table.name, *self.problems, count=self.count, hint=self.hint)

    def note(self) -> tuple[str, ...]:
        if not self.count:
            return ()
        place, message = self.problems[0]
        rows = "1 bad row is" if self.count == 1 else f"{self.count:,} bad rows are"
        return (f"{rows} left out, starting with {place}: {message}.",)

    def details(self) -> tuple[Detail, ...]:
        return tuple(Detail(place, message) for place, message in self.problems)
