"""A table of columns as they stand in a file, its refusals, and the limits of its size."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings

from batches.errors import BatchError, Detail

log = logging.getLogger(__name__)
MAX_CELL_BYTES, SAMPLED_ROWS = 64, 10_000
SHOWN_PROBLEMS, KEPT_PROBLEMS = 5, 100
HINT = "Set onBadRow to 'skip' to leave out such rows"
Problem = tuple[str, str]  # place and message


class BadPriceFile(BatchError):
    """Refuse the whole file. The message shows the first problems, `count` counts all; hint : a way out"""

    def __init__(self, name: str, *problems: Problem, count: int | None = None, hint: str = "") -> None:
        self.n_problems = len(problems) if count is None else count
        messages = [f"{place}: {message}" if place else message for place, message in problems[:SHOWN_PROBLEMS]]
        if self.n_problems > SHOWN_PROBLEMS:
            messages.append(f"and {self.n_problems - SHOWN_PROBLEMS:,} more")
        details = tuple(Detail(place or "file", message) for place, message in problems[:KEPT_PROBLEMS])
        message = f"{name}: {'; '.join(messages)}." + (f" {hint}." if hint else "")
        super().__init__(message, code="BAD_PRICE_FILE", status=422, details=details)


@contextmanager
def damage_refused(name: str) -> Iterator[None]:
    """Raise BadPriceFile for an error that no check foresaw: a hostile file must not be an internal error."""
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError, pa.ArrowException) as error:
        log.exception("price file not readable: %s", name)
        raise BadPriceFile(name, ("", f"it is damaged ({' '.join(str(error).split())[:200]})")) from error


@dataclass(frozen=True)
class FileFormat:
    """How the bytes were read, for the preview to show and `ReadOptions` to change.

    kind : such as "CSV" or "Excel workbook"; parts : sheets or files that could be chosen; part : the chosen one, or
    empty if all are read together; header : its line, None if there is none
    """

    kind: str = ""
    encoding: str = ""
    delimiter: str = ""
    header: int | None = 1
    parts: tuple[str, ...] = ()
    part: str = ""


@dataclass(frozen=True)
class BadRows:
    """Rows that cannot be read. kept : the first of them, as (place, message); count : all of them"""

    kept: tuple[Problem, ...] = ()
    count: int = 0


@dataclass(frozen=True)
class Table:
    """Columns as they stand in the file (text, in a CSV), and the line or row number of each row.

    notes : what was done before there was a table, such as lines above the header that were left out
    unnamed : the columns that have no name in the file; duplicates : those whose name another one has, with that name
    symbol : of all rows, if the file has it outside its columns; symbol_column : made of the names of parts
    part_starts, part_names : the first row and the name of each part, in a table of several
    """

    name: str
    columns: dict[str, pa.ChunkedArray]
    places: npt.NDArray[np.int64]
    place_word: str  # "line" or "row"
    format: FileFormat = FileFormat()
    notes: tuple[str, ...] = ()
    unnamed: frozenset[str] = frozenset()
    duplicates: Mapping[str, str] = field(default_factory=dict)
    symbol: str = ""
    symbol_column: str = ""
    ragged: BadRows = BadRows()
    part_starts: tuple[int, ...] = ()
    part_names: tuple[str, ...] = ()

    @property
    def header_place(self) -> str:
        """`line 1`; empty if there is no header."""
        return "" if self.format.header is None else f"line {self.format.header}"

    def place(self, row: int | np.integer) -> str:
        """`line 7`, or `b.csv line 7` in a table of several parts."""
        place = f"{self.place_word} {self.places[row]}"
        if not self.part_starts:
            return place
        part = int(np.searchsorted(self.part_starts, row, side="right")) - 1
        return f"{self.part_names[part]} {place}"


def check_bytes(size: int, name: str) -> None:
    """Limit the unpacked size: a small compressed file can grow to any size."""
    limit = settings.PRICES_MAX_UNPACKED_BYTES
    if size > limit:
        raise BadPriceFile(
            name, ("", f"the unpacked file must have at most {limit:,} bytes (PRICES_MAX_UNPACKED_BYTES)")
        )


def check_size(rows: int, columns: int, name: str) -> None:
    max_symbols, max_cells = settings.PRICES_MAX_SYMBOLS, settings.PRICES_MAX_CELLS
    if columns > max_symbols + 1:  # a wide file has a column for each symbol, and one for the date
        message = f"the file must have at most {max_symbols:,} symbols (PRICES_MAX_SYMBOLS), got {columns:,} columns"
        raise BadPriceFile(name, ("", message))
    if rows * columns > max_cells:
        size = f"{rows:,} rows of {columns:,} columns"
        raise BadPriceFile(name, ("", f"the file must have at most {max_cells:,} cells (PRICES_MAX_CELLS), got {size}"))


def is_text(column: pa.ChunkedArray) -> bool:
    """Return whether the cells are text, plain or dictionary encoded."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def coded(column: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Return cells as trimmed text, and the index of each row's; null is one past the last.

    Equal cells are one where many are equal: a long file repeats its dates for each symbol. Else all are returned.
    """
    cells = column if is_text(column) else column.cast(pa.string())
    sample = cells.slice(0, SAMPLED_ROWS)
    if pa.types.is_dictionary(cells.type) or len(pc.unique(sample)) < 0.5 * len(sample) or cells.null_count:
        combined = cells.combine_chunks().dictionary_encode()
        array = combined.combine_chunks() if isinstance(combined, pa.ChunkedArray) else combined
        words = pc.utf8_trim_whitespace(array.dictionary.cast(pa.string()))
        return words, array.indices.fill_null(len(words)).to_numpy().astype(np.int64)
    words = pc.utf8_trim_whitespace(cells).combine_chunks()
    words = words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words
    return words, np.arange(len(words))
