"""From text to a table: the delimiter, the header, and all cells as text."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from batches.prices.column_names import is_known
from batches.prices.headers import Header, Line, body_width, find_header
from batches.prices.named_columns import named_table
from batches.prices.options import DELIMITERS
from batches.prices.shapes import is_empty, is_moment, is_number
from batches.prices.tables import KEPT_PROBLEMS, BadPriceFile, BadRows, FileFormat, Table, check_size

MAX_HEADER_BYTES = 1024 * 1024
SAMPLED_LINES, SAMPLED_CELLS = 60, 40
CANDIDATES = ",;\t|"
BLANKS = " "
SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?\r?$')


def read_text(data: bytes, name: str, options: Mapping[str, str], form: FileFormat, place_word: str = "line") -> Table:
    """data : UTF-8; form : what is known of the file so far"""
    first = 0
    if match := SEPARATOR_LINE.match(data[: data.find(b"\n") + 1 or len(data)].rstrip(b"\n")):
        options = {"delimiter": match[1].decode(errors="replace")} | dict(options)
        first = data.find(b"\n") + 1
    names = {word: sign for sign, word in DELIMITERS.items()}
    delimiter = options.get("delimiter") or ""
    delimiter = names.get(delimiter, delimiter) or find_delimiter(data[first:], name)
    if delimiter == BLANKS:
        data, delimiter = _tabbed(data), "\t"
    chosen = options.get("header", "")
    n_lines = SAMPLED_LINES + int(chosen) if chosen.isdigit() else SAMPLED_LINES
    first_lines = _split(_first_lines(data, name, 2 if first else 1, first, n_lines), delimiter, name)
    lines = [(number, cells) for number, cells in first_lines if any(cells)]
    if chosen.isdigit() and int(chosen) not in dict(lines):
        raise BadPriceFile(name, ("", f"header is line {chosen}, which does not exist or is blank"))
    if not lines:
        raise BadPriceFile(name, ("", "the file is empty"))
    if len(lines) == len(lines[0][1]) == 1:
        raise BadPriceFile(name, ("", f"the file has no table, only {lines[0][1][0][:100]!r}"))
    header = find_header(lines, chosen)
    form = FileFormat(form.kind, form.encoding, delimiter, header.line, form.parts, form.part)
    body, columns = _body(data, header, delimiter, name)
    notes = _header_notes(header, place_word)
    table = Table(name, {}, body.places, place_word, form, (*notes, *body.notes), ragged=body.ragged)
    return named_table(table, header.names, columns, header.symbols)


def find_delimiter(data: bytes, name: str) -> str:
    """Return the delimiter that makes columns of the same number, whose cells can be read."""
    lines = [text for _, text in _first_lines(data, name, 1, 0, SAMPLED_LINES)]
    best = max(CANDIDATES, key=lambda delimiter: _score(lines, delimiter))
    if _score(lines, best):
        return best
    split = [line.replace('"', "").split() for line in lines]
    width = body_width([(0, cells) for cells in split]) if split else 1
    matching = [cells for cells in split if len(cells) == width]
    return BLANKS if width > 2 and all(is_moment(cells[0]) or is_known(cells[0]) for cells in matching) else ","


def _score(lines: list[str], delimiter: str) -> float:
    """Return the share of cells, in lines of the most frequent width, that are a date, number, name or nothing."""
    try:
        rows = [next(csv.reader([line], delimiter=delimiter), [""]) for line in lines]
    except csv.Error:
        rows = [line.split(delimiter) for line in lines]
    wide = [(0, cells) for cells in rows if len(cells) > 1]
    if not wide:
        return 0.0
    width = body_width(wide)
    cells = [cell for _, row in wide if len(row) == width for cell in row[:SAMPLED_CELLS]]
    understood = sum(is_empty(cell) or is_number(cell) or is_moment(cell) or is_known(cell) for cell in cells)
    share = sum(len(row) == width for _, row in wide) / len(rows)
    return share * (0.1 + understood / len(cells)) * (1 + min(width, 10) / 100)


def _first_lines(data: bytes, name: str, number: int, start: int, most: int) -> Iterator[tuple[int, str]]:
    """Yield the first lines that are not blank, with their numbers."""
    end_of_sample, n_lines = start + 2 * MAX_HEADER_BYTES, 0
    while start < min(len(data), end_of_sample) and n_lines < most:
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        if end - start > MAX_HEADER_BYTES:
            if n_lines:
                return
            message = f"the header must have at most {MAX_HEADER_BYTES:,} characters"
            raise BadPriceFile(name, (f"line {number}", message))
        text = data[start:end].decode(errors="replace").rstrip("\r")
        if text.strip():
            n_lines += 1
            yield number, text
        start, number = end + 1, number + 1


def _split(lines: Iterator[tuple[int, str]], delimiter: str, name: str) -> Iterator[Line]:
    for number, text in lines:
        try:
            yield number, [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter), [])]
        except csv.Error as error:
            raise BadPriceFile(name, (f"line {number}", f"invalid CSV header ({error})")) from None


def _tabbed(data: bytes) -> bytes:
    """Return the text with one tab for any number of blanks between two cells."""
    return re.sub(rb"[ \t]+", b"\t", re.sub(rb"(?m)^[ \t]+|[ \t\r]+$", b"", data))


def _header_notes(header: Header, place_word: str) -> tuple[str, ...]:
    notes = list[str]()
    if header.skipped:
        word = f"{place_word.capitalize()}s" if len(header.skipped) > 1 else place_word.capitalize()
        numbers = f"{header.skipped[0]} to {header.skipped[-1]}" if len(header.skipped) > 1 else f"{header.skipped[0]}"
        notes.append(f"{word} {numbers} {'are' if len(header.skipped) > 1 else 'is'} above the table and left out.")
    return tuple(notes)


# ---- The rows --------------------------------------------------------------------------------------------------------


@dataclass
class Body:
    """The rows under the header. places : line numbers of the good ones"""

    places: npt.NDArray[np.int64]
    ragged: BadRows
    notes: tuple[str, ...] = ()


@dataclass
class _BadLines:
    """Lines that pyarrow cannot use: blank ones, and those with too many or too few cells."""

    n_columns: int
    delimiter: str
    last_line: int
    blank: list[int] = field(default_factory=list)
    ragged: list[int] = field(default_factory=list)
    texts: list[tuple[str, int]] = field(default_factory=list)  # of the first ragged lines, with their cells

    def skip(self, row: pa_csv.InvalidRow) -> str:
        if not row.text.strip(self.delimiter + " \r"):
            self.blank.append(row.number + self.last_line)
        else:
            self.ragged.append(row.number + self.last_line)
            if len(self.texts) < KEPT_PROBLEMS:
                self.texts.append((row.text, row.actual_columns))
        return "skip"

    def n_footers(self, last_good: int) -> int:
        """Return how many of the ragged lines are sentences below the table, such as its source."""
        count = 0
        if len(self.texts) == len(self.ragged):
            for line, (text, _) in zip(reversed(self.ragged), reversed(self.texts), strict=True):
                filled = [cell for cell in text.split(self.delimiter) if cell.strip('" \r')]
                if line < last_good or len(filled) != 1 or filled[0].strip('" ')[:1].isdigit():
                    break
                count += 1
        return count


def _body(data: bytes, header: Header, delimiter: str, name: str) -> tuple[Body, list[pa.ChunkedArray]]:
    """Return the columns as text, without blank rows and without rows of another number of cells."""
    start = _position_after(data, header.last_line)
    body = pa.py_buffer(data).slice(start)
    if not data[start : start + MAX_HEADER_BYTES].strip():
        raise BadPriceFile(name, ("", "the file has a header but no rows"))
    check_size(data.count(b"\n", start), len(header.names), name)
    bad = _BadLines(len(header.names), delimiter, header.last_line)
    columns = _parsed(body, bad, name)
    n_lines = len(columns[0]) + len(bad.blank) + len(bad.ragged)
    places = np.arange(header.last_line + 1, header.last_line + 1 + n_lines, dtype=np.int64)
    if bad.blank or bad.ragged:
        places = places[~np.isin(places, [*bad.blank, *bad.ragged])]
    columns, places, repeated = _without_headers(columns, places, header)
    filled = _filled(columns)
    if filled is not None:
        columns, places = [column.filter(pa.array(filled)) for column in columns], places[filled]
    n_footers = bad.n_footers(int(places[-1]) if places.size else 0)
    ragged = _ragged(bad, len(bad.ragged) - n_footers)
    if not places.size:
        raise BadPriceFile(
            name, *(ragged.kept or (("", "the file has a header but no rows"),)), count=ragged.count or 1
        )
    below = f"Below the table, from line {bad.ragged[-n_footers]} on, text is left out." if n_footers else ""
    return Body(places, ragged, tuple(filter(None, [repeated, below]))), columns


def _without_headers(
    columns: list[pa.ChunkedArray], places: npt.NDArray[np.int64], header: Header
) -> tuple[list[pa.ChunkedArray], npt.NDArray[np.int64], str]:
    """Leave out the header where it stands again, between files that were joined; return a note on it too."""
    named = [index for index, name in enumerate(header.names) if name]
    if header.line is None or len(named) < 2 or len(columns[0]) == 0:
        return columns, places, ""
    again = pc.equal(columns[named[0]], header.names[named[0]])
    if not pc.any(again).as_py():
        return columns, places, ""
    for index in named[1:]:
        again = pc.and_(again, pc.equal(columns[index], header.names[index]))
    rows = np.asarray(again.to_numpy(), dtype=bool)
    if not rows.any():
        return columns, places, ""
    more = f" and {rows.sum() - 1:,} more" if rows.sum() > 1 else ""
    note = f"The header stands again on line {places[rows][0]}{more}, and is left out there."
    kept = pa.array(~rows)
    return [column.filter(kept) for column in columns], places[~rows], note


def _ragged(bad: _BadLines, count: int) -> BadRows:
    kept = tuple(
        (f"line {line}", f"expected {bad.n_columns} cells, got {n_cells}")
        for line, (_, n_cells) in zip(bad.ragged[:count], bad.texts, strict=False)
    )
    return BadRows(kept, count)


def _position_after(data: bytes, line: int) -> int:
    position = 0
    for _ in range(line):
        end = data.find(b"\n", position)
        position = len(data) if end < 0 else end + 1
    return position


def _parsed(body: pa.Buffer, bad: _BadLines, name: str) -> list[pa.ChunkedArray]:
    names = [str(number) for number in range(bad.n_columns)]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(body),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=bad.delimiter, ignore_empty_lines=False, invalid_row_handler=bad.skip
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        raise BadPriceFile(name, ("", f"invalid CSV ({str(error)[:200]})")) from None
    return list(table.columns)


def _filled(columns: list[pa.ChunkedArray]) -> npt.NDArray[np.bool_] | None:
    """Return which rows have a cell that is not empty; None if all have. The first column usually decides."""
    filled = None
    for column in columns:
        present = np.asarray(pc.not_equal(pc.utf8_trim_whitespace(column), "").to_numpy(), dtype=bool)
        filled = present if filled is None else filled | present
        if filled.all():
            return None
    return filled
