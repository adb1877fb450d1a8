"""From the cells of a column to numbers; cells that cannot be read are reported with their place."""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batches.prices.problems import RowProblems
from batches.prices.shapes import BLANKS, EMPTY, SIGNS
from batches.prices.tables import BadPriceFile, Table, coded, is_text

Floats = npt.NDArray[np.float64]

SAMPLED_ROWS = 1_000
MULTIPLES = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12, "tn": 1e12} | {
    "万": 1e4,
    "亿": 1e8,
    "億": 1e8,
}
CURRENCIES = "USD|EUR|GBP|CHF|JPY|CNY|INR|BRL|PLN"
UNIT = rf"[{SIGNS}%]|(?:^|[+-])(?:[A-Z]{{1,3}}[$]|{CURRENCIES}|Rs\.?)|(?:{CURRENCIES}|zł|kr|元|円)$"
# A comma (or a point) that groups thousands stands before groups of three digits, in India of two and at last three.
GROUPED = {
    ".": r"^[+-]?\d{1,3}(?:(?:,\d{2,3})*,\d{3})(?:\.\d*)?$",
    ",": r"^[+-]?\d{1,3}(?:(?:\.\d{2,3})*\.\d{3})(?:,\d*)?$",
}
PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$|^(?i:[+-]?inf(?:inity)?)$"


def numbers(table: Table, column: str, decimal: str, problems: RowProblems) -> Floats:
    """Return the column as float64; an empty cell is NaN, and so is one that is reported as a problem."""
    cells = table.columns[column]
    if not is_text(cells):
        if pa.types.is_date(cells.type) or pa.types.is_timestamp(cells.type):
            raise BadPriceFile(table.name, (f"column {column[:40]}", "it must contain numbers, got dates"))
        return np.asarray(cells.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    if decimal == ".":
        try:
            return np.asarray(pc.utf8_trim_whitespace(cells.cast(pa.string())).cast(pa.float64()).to_numpy())
        except pa.ArrowInvalid:
            pass  # an empty cell, or a number with separators or a unit
    return _written_numbers(cells, column, decimal, problems)


def _written_numbers(cells: pa.ChunkedArray, column: str, decimal: str, problems: RowProblems) -> Floats:
    words, codes = coded(cells)
    values = np.append(_parsed(words, decimal), np.nan)[codes]
    empty = np.append(pc.is_in(pc.utf8_lower(words), pa.array(EMPTY)).to_numpy(zero_copy_only=False), True)[codes]
    bad = np.isnan(values) & ~empty
    problems.add(bad, lambda row: f"{column[:40]} must be a number, got {cells[row].as_py().strip()[:40]!r}")
    return values


def _parsed(words: pa.Array, decimal: str) -> Floats:
    """Return the distinct texts as numbers, NaN where they are none."""
    import pandas as pd  # here: it takes half a second, for which the server's start would have to wait

    plain = without_decoration(words)
    parts = pc.extract_regex(plain, r"^(?P<number>.*?)(?P<unit>(?i:k|mn?|bn?|tn?|万|亿|億))?$")
    text = parts.field("number")
    grouping = "," if decimal == "." else "."
    grouped = pc.match_substring_regex(text, GROUPED[decimal])
    text = pc.if_else(grouped, pc.replace_substring(text, grouping, ""), text)
    if decimal == ",":  # a point that does not group is a mistake: make it unreadable
        text = pc.replace_substring(pc.replace_substring(text, ".", "?"), ",", ".")
    readable = pc.match_substring_regex(text, PLAIN)
    texts = pc.if_else(readable, text, None).to_pandas()
    values = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    units = pc.utf8_lower(parts.field("unit")).to_pylist()
    multiples = np.array([MULTIPLES.get(unit or "", 1.0) for unit in units])
    return np.asarray(values * multiples, dtype=np.float64)


def without_decoration(words: pa.Array) -> pa.Array:
    """Return the numbers without blanks, currency and percent; `(1.5)` and `−1.5` are -1.5."""
    text = pc.replace_substring_regex(words, rf"[{BLANKS}'’]", "")
    text = pc.replace_substring_regex(text, "^[−–]", "-")
    text = pc.replace_substring_regex(text, r"^\((.*)\)$", r"-\1")
    return pc.replace_substring_regex(text, UNIT, "")


def has_only_thousandths(samples: list[pa.ChunkedArray]) -> bool:
    """Return whether all numbers have one point, before three digits: `12.345` may be twelve or twelve thousand."""
    words = [
        word for column in samples if is_text(column) for word in pc.unique(column.slice(0, SAMPLED_ROWS)).to_pylist()
    ]
    numbers = [word.strip() for word in words if word and word.strip().lower() not in EMPTY]
    return bool(numbers) and all(re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", number) for number in numbers)


def guess_decimal(samples: list[pa.ChunkedArray], *, delimiter: str) -> str:
    """Return the decimal sign that the numbers of these columns have.

    A sign before anything but three digits is decimal; of two signs in a number the last one is. `1,234` alone may be
    either: beside a number with a decimal point, or in a file separated by commas, the comma groups thousands.
    """
    commas = points = grouped_commas = grouped_points = False
    for column in samples:
        if is_text(column):
            words = without_decoration(pc.unique(column.slice(0, SAMPLED_ROWS).cast(pa.string())))
            for word in filter(None, words.to_pylist()):
                match = re.fullmatch(r"[+-]?([\d.,]*?)([.,])(\d*)[kKmMbBtT]?", word)
                if match is None:
                    continue
                head, sign, tail = match.groups()
                other = "," if sign == "." else "."
                repeated, both = sign in head, other in head
                is_decimal = not repeated and (both or len(tail) != 3 or head.lstrip("0") == "" or len(head) > 3)
                commas |= sign == "," and is_decimal
                points |= sign == "." and is_decimal
                grouped_commas |= sign == "," and not is_decimal
                grouped_points |= sign == "." and repeated
    if points or (grouped_commas and not commas and delimiter == ","):
        return "."
    return "," if commas or grouped_points or grouped_commas else "."
