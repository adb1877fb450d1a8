"""From the name of a column to the role that it stands for."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from batches.prices.synonyms import COLUMNS

INDEX = re.compile(r"unnamed: \d+|__index_level_\d+__", re.IGNORECASE)
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# `1. open`, `<CLOSE>`, `Close (USD)`, `Open [€]`, `Close*`, `Volume, shares`
DECORATION = re.compile(r"^\d{1,2}[ab]?\. |[<>*#\"']|\([^()]*\)|\[[^\[\]]*\]")
VOLUME_OF = re.compile(r"vol(ume)? [^ ]+")  # `Volume BTC`
LETTERS = {"t": "date", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}


def plain(name: str) -> str:
    """Return the name without case, decoration and punctuation: `adj close` of `Adj_Close**`."""
    text = CAMEL.sub(" ", unicodedata.normalize("NFKC", name).strip())
    text = DECORATION.sub(" ", text).casefold()
    return " ".join(re.sub(r"[\s_.:/|$-]+", " ", text).split())


def _table() -> dict[str, list[tuple[str, bool]]]:
    """Return (role, whether the name is weak) of each name."""
    table: dict[str, list[tuple[str, bool]]] = {}
    for role, languages in COLUMNS.items():
        for language, names in languages.items():
            for name in names.split(", "):
                meanings = table.setdefault(plain(name), [])
                if role not in dict(meanings):
                    meanings.append((role, language == "weak"))
    return table


TABLE = _table()
RANK = {name: number for number, name in enumerate(TABLE)}


def is_unnamed(name: str) -> bool:
    """Return whether the name is empty, or what pandas writes for an index without a name."""
    return not name.strip() or bool(INDEX.fullmatch(name.strip()))


@lru_cache(maxsize=8192)
def roles_of(name: str) -> tuple[tuple[str, bool], ...]:
    """Return the roles that a name may stand for, each with whether it is weak. Single letters stand for none."""
    key = plain(name)
    if len(key) == 1 and key.isascii():
        return ()
    if key not in TABLE and VOLUME_OF.fullmatch(key):
        return (("volume", False),)
    return tuple(TABLE.get(key, ()))


def is_listed(name: str) -> bool:
    """Return whether the whole name is one of the known names."""
    return plain(name) in TABLE


def is_known(name: str) -> bool:
    return bool(roles_of(name))


def is_value(name: str) -> bool:
    """Return whether the name stands for a price or a volume."""
    return any(role in ("close", "open", "high", "low", "volume", "adj_close") for role, _ in roles_of(name))


def candidates(names: Iterable[str], role: str, *, weak: bool = False) -> list[str]:
    """Return the columns that may have the role, the surest first. Letters count where there are o, h, l and c."""
    columns = list(names)
    fitting = [name for name in columns if (role, weak) in roles_of(name)]
    fitting.sort(key=lambda name: RANK.get(plain(name), len(RANK)))
    letters = {plain(name): name for name in columns if len(name) == 1}
    if not weak and {"o", "h", "l", "c"} <= letters.keys():
        fitting += [name for letter, name in letters.items() if LETTERS.get(letter) == role]
    return fitting
