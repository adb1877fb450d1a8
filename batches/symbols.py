"""Names of instruments: how they are normalized, which are allowed, and lists of them in one text."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

EVERY = "*"  # in a list: all symbols; it names none
MAX_LENGTH = 64
ALLOWED = f"1 to {MAX_LENGTH} printable characters"
SEPARATORS = re.compile(r"[,;\s\"]")
# A path segment of dots is resolved by the browser before the request, so such a name has no address.
DOT_SEGMENTS = re.compile(r"(^|/)\.{1,2}(/|$)")


def normalized(text: str) -> str:
    """Return the name in upper case, with single spaces, and with each accented letter as one character."""
    return " ".join(unicodedata.normalize("NFC", text).split()).upper()


def is_allowed(symbol: str) -> bool:
    """Return whether a normalized name can be stored."""
    has_address = not DOT_SEGMENTS.search(symbol)
    return 0 < len(symbol) <= MAX_LENGTH and symbol.isprintable() and has_address and symbol != EVERY


def joined(symbols: Iterable[str]) -> str:
    """Return `AAPL,"BRK B"`: a list that `listed` reads again."""
    return ",".join(quoted(symbol) for symbol in symbols)


def quoted(symbol: str) -> str:
    doubled = symbol.replace('"', '""')
    return f'"{doubled}"' if SEPARATORS.search(symbol) else symbol


def listed(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the normalized names of a list, and whether each was quoted: only others may be lists of words."""
    for match in re.finditer(r'\s*"((?:[^"]|"")*)"\s*(?=[,;\r\n]|$)|([^,;\r\n]+)', text):
        name = normalized((match[1] or "").replace('""', '"') if match[2] is None else match[2])
        if name:
            yield name, match[2] is None
