"""The symbol that the name of a file stands for."""

import re
from pathlib import PurePosixPath

from batches.prices.synonyms import ENDINGS, EXCHANGES, FILE_WORDS, INTERVALS, MINUTES
from batches.symbols import normalized

ENDING = re.compile(rf"\.({'|'.join(ENDINGS.split())})$", re.IGNORECASE)
MONTH, DAY = "(0[1-9]|1[0-2])", "([0-2]\\d|3[01])"
DATES = rf"\d{{4}}[-_]{MONTH}([-_]{DAY})?|(19|20)?\d{{2}}{MONTH}{DAY}|(19|20)\d{{2}}{MONTH}?|\d{{10,13}}"
# What follows a symbol: ` (1)`, ` - Copy`, `, 1D`, `_Daily`, `-2025-01`, ` Historical Data`; each is removed in turn.
SUFFIX = re.compile(
    rf" ?\(\d+\)$|( -)?[ _-]copy( \d+)?$|[ _,-]+({INTERVALS})$|_({MINUTES}|[dwhm])$|[ _-]+({DATES})$"
    rf"|[ _-]+({'|'.join(FILE_WORDS.split())})s?$|historicaldata(_\d+)?$|[ _,-]+$",
    re.IGNORECASE,
)
PREFIX = re.compile(
    rf"^(({'|'.join(EXCHANGES.split())}|{'|'.join(FILE_WORDS.split())})[ _:-]+)|^historicaldata[ _-]+", re.IGNORECASE
)


def symbol_of(file_name: str) -> tuple[str, str]:
    """Return the symbol, and a note if more than the ending of the name was left out."""
    stem = PurePosixPath(file_name.replace("\\", "/")).name.strip()
    while match := ENDING.search(stem):
        stem = stem[: match.start()]
    symbol = stem
    for pattern in (SUFFIX, PREFIX, SUFFIX):
        while (match := pattern.search(symbol)) and (rest := symbol[: match.start()] + symbol[match.end() :]).strip():
            symbol = rest
    symbol = symbol.strip(" ._,-") or stem
    note = f"The symbol {normalized(symbol)} is taken from the name of the file." if symbol != stem else ""
    return normalized(symbol), note
