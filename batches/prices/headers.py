"""The header of a table: its line, its names, and what they mean when there are two lines of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from batches.prices.column_names import candidates, is_known, is_unnamed, is_value, roles_of
from batches.prices.options import NO_HEADER
from batches.prices.shapes import is_empty, is_moment, is_number

SYMBOL_LABELS = ("ticker", "tickers", "symbol", "symbols")
CURRENCIES = ("USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "AUD", "CAD", "HKD")
Line = tuple[int, list[str]]  # its number in the file, and its cells


@dataclass(frozen=True)
class Header:
    """names : of each column; line : None if there is none; last_line : after which the rows start

    symbols : of each column, if a second line of the header has them; skipped : lines above that are no table
    """

    names: list[str]
    line: int | None
    last_line: int
    symbols: list[str] | None = None
    skipped: tuple[int, ...] = ()


def find_header(lines: Sequence[Line], chosen: str) -> Header:
    """lines : the first that are not blank; chosen : the line number, `none`, or empty to detect it"""
    width = body_width(lines)
    if chosen == NO_HEADER:
        first = next((index for index, (_, cells) in enumerate(lines) if len(cells) == width), 0)
        return _without(lines, first, width)
    if chosen:
        index = next((index for index, (number, _) in enumerate(lines) if number == int(chosen)), 0)
        return _single(lines, index, width)
    first_bar = next((index for index, (_, cells) in enumerate(lines) if _is_bar(cells)), None)
    if first_bar is None:
        best = max(range(len(lines)), key=lambda index: (_n_known(lines[index][1]), -index))
        return _single(lines, best if _n_known(lines[best][1]) else 0, width)
    if first_bar == 0:
        return _without(lines, 0, width)
    return _above(lines, first_bar, width)


def body_width(lines: Sequence[Line]) -> int:
    """Return the most frequent number of cells; of two equally frequent ones, the larger."""
    counts = Counter(len(cells) for _, cells in lines)
    return max(counts, key=lambda width: (counts[width], width))


def _is_bar(cells: list[str]) -> bool:
    """Return whether the row has a moment and, in another column, a number. One cell may be a symbol such as LOW."""
    moments = [is_moment(cell) for cell in cells[:12]]
    if not any(moments) or _n_known(cells) > 1:
        return False
    first = moments.index(True)
    return any(is_number(cell) for index, cell in enumerate(cells[:50]) if index != first)


def _n_known(cells: list[str]) -> int:
    return sum(is_known(cell) for cell in cells)


def _without(lines: Sequence[Line], first: int, width: int) -> Header:
    above = tuple(number for number, _ in lines[:first])
    return Header([""] * max(width, len(lines[first][1])), None, lines[first][0] - 1, skipped=above)


def _single(lines: Sequence[Line], index: int, width: int) -> Header:
    number, names = lines[index]
    body = lines[index + 1][1] if index + 1 < len(lines) else names
    return Header(_fitted(names, body, width), number, number, skipped=tuple(line for line, _ in lines[:index]))


def _above(lines: Sequence[Line], first_bar: int, width: int) -> Header:
    """The header is the block of lines as wide as the rows, directly above them."""
    n_cells = len(lines[first_bar][1])
    start = first_bar
    while start > 0 and len(lines[start - 1][1]) == n_cells and not _is_text_line(lines[start - 1][1]):
        start -= 1
    block = lines[start:first_bar]
    if not block:
        near = lines[first_bar - 1][1]
        if sum(not is_empty(cell) for cell in near) < 2 and not _n_known(near):
            return _without(lines, first_bar, width)
        return _single(lines, first_bar - 1, width)
    best = max(range(len(block)), key=lambda index: (*_fullness(block[index][1]), index))
    number, names = block[best]
    symbols, symbol_line = _symbols(block, best)
    last_line = lines[first_bar][0] - 1
    for line, cells in block[max(best, symbol_line) + 1 :]:
        if any(
            is_number(cell) or is_moment(cell) for cell in cells
        ):  # a row that cannot be read, and is reported later
            last_line = line - 1
            break
    skipped = tuple(line for line, _ in lines[:start])
    index_name = next((cells[0] for _, cells in block if _is_index_line(cells)), "")
    own = names[0] if candidates(names[:1], "date") else "Date"
    used = (number, block[symbol_line][0])
    others = tuple(
        line for line, cells in block if line not in used and line <= last_line and not _is_index_line(cells)
    )
    if symbols is None:
        names = [index_name, *names[1:]] if index_name and not candidates(names[:1], "date") else names
        return Header(_fitted(names, lines[first_bar][1], width), number, last_line, skipped=(*skipped, *others))
    return Header([index_name or own, *names[1:]], number, last_line, symbols, (*skipped, *others))


def _is_text_line(cells: list[str]) -> bool:
    """Return whether the line is a sentence that happens to have as many cells."""
    return max(map(len, cells), default=0) > 100


def _fullness(cells: list[str]) -> tuple[int, int, int]:
    """Rank the lines of a header: that of the prices' names goes before that of symbols, units or the index."""
    return _n_values(cells), sum(not is_unnamed(cell) for cell in cells), _n_known(cells)


def _n_values(cells: list[str]) -> int:
    return sum(is_value(cell) for cell in cells)


def _is_index_line(cells: list[str]) -> bool:
    """Return whether only the first cell is filled: the name of the index, as pandas writes it."""
    return bool(cells[0].strip()) and not any(cell.strip() for cell in cells[1:])


def _symbols(block: Sequence[Line], best: int) -> tuple[list[str] | None, int]:
    """Return the symbol of each column, if another line of the block has them, and its index in the block."""
    names = block[best][1]
    if _n_values(names) < 1:
        return None, best
    for index, (_, cells) in enumerate(block):
        rest = _filled_forward(cells[1:])
        if index == best or _is_index_line(cells) or any(is_number(cell) or is_moment(cell) for cell in cells):
            continue
        if len(candidates(names, "date")) > 1 and all(_filled_forward(cells)):  # tables beside each other
            return _filled_forward(cells), index
        if not rest or not all(rest):
            continue
        labeled = cells[0].strip().lower() in SYMBOL_LABELS or names[0].strip().lower() in SYMBOL_LABELS
        repeated = len({name.lower() for name in names[1:]}) < len(names) - 1
        same = len(set(rest)) == 1 and len(rest) > 1 and not roles_of(rest[0]) and rest[0].upper() not in CURRENCIES
        if labeled or repeated or same:
            return ["", *rest], index
    return None, best


def _filled_forward(cells: list[str]) -> list[str]:
    """Repeat a name over the empty cells behind it, which were one merged cell."""
    filled, last = list[str](), ""
    for cell in cells:
        last = last if is_unnamed(cell) else cell.strip()
        filled.append(last)
    return filled


def _fitted(names: list[str], body: list[str], width: int) -> list[str]:
    """Make the header as wide as the rows, if it lacks only a name: R leaves out that of the index."""
    n_cells = max(len(body), width) if len(body) != len(names) else len(names)
    if len(names) == n_cells:
        return names
    if len(names) > n_cells:
        extra = names[n_cells:]
        return names[:n_cells] if not any(name.strip() for name in extra) else names
    if len(names) == n_cells - 1 and body and is_moment(body[0]) and not candidates(names, "date"):
        return ["", *names]
    if not any(cell.strip() for cell in body[len(names) :]):
        return [*names, *[""] * (n_cells - len(names))]
    return names
