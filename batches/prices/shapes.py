"""What a cell looks like: a moment, a time of day, a number, or nothing."""

import re

# pyarrow's RE2 and Python's `re` both read these patterns.
_MONTH = r"[A-Za-zÀ-ɏ]{3,11}\.?"
DAY = (
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{8}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:\d{4}|\d{2})|\d{4}年\d{1,2}月\d{1,2}日?"
    rf"|(?:[A-Za-zÀ-ɏ]{{2,11}}[.,]? )?(?:\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?[ -]?(?:de )?"
    rf"{_MONTH}[ ,-]*(?:de )?(?:\d{{4}}|\d{{2}})"
    rf"|{_MONTH}[ -]\d{{1,2}}(?:st|nd|rd|th)?[ ,-]+\d{{4}}|\d{{4}}[ -]{_MONTH}[ -]\d{{1,2}})"
)
CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,:]\d{1,9})?)?(?:\s?[AaPp]\.?[Mm]\.?)?|\d{6}|\d{4}|\d{1,2}[ -]?[AaPp][Mm]"
ZONE = r"(?:[A-Z]{1,5}|[A-Z][A-Za-z]+/[A-Za-z_/]+)?\s?(?:[+-]\d{1,2}(?::?\d{2})?)?(?:\s?[\[(][A-Za-z_/ ]+[\])])?"
MOMENT = rf"^(?P<day>{DAY})(?:(?:T|,? +|;|-| ?@ ?)(?P<clock>{CLOCK}))?\s?(?P<zone>{ZONE})$"
STAMPED = r"^(?P<stamp>(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)$"
# `2023-01`, `2023M01`, `2023-Q1`, `Q1 2023`, `2024-W01`, `Jan 2023`, and a week of pandas. A year alone is a number.
PERIOD = (
    r"^(?:(?:1[7-9]|2[01])\d{2}(?:[-/](?:0?[1-9]|1[0-2])|[-/ ]?(?:[Mm](?:0?[1-9]|1[0-2])|[Qq][1-4]|[SsHh][12]"
    r"|[Ww](?:0?[1-9]|[1-4]\d|5[0-3])))|[Qq][1-4][-/ ]?(?:1[7-9]|2[01])\d{2}|[Hh][12][-/ ]?(?:1[7-9]|2[01])\d{2}"
    rf"|{_MONTH}[ -](?:1[7-9]|2[01])\d{{2}}|\d{{4}}-\d{{2}}-\d{{2}}/\d{{4}}-\d{{2}}-\d{{2}})$"
)
EPOCH = r"^-?\d{9,19}(?:\.\d+)?$"
EMPTY = (
    "", "-", "--", "---", "—", "–", ".", "..", "...", "?", "null", "nan", "n/a", "na", "none", "nil", "n.a.", "n/d",
    "nd", "k.a.", "#n/a", "#n/a n/a", "#na", "#value!", "#ref!", "#div/0!", "<na>", "nat",
)  # fmt: skip
SIGNS = r"$€£¥₹₽₩₺₪฿₫₱₴₦¢₿"
BLANKS = r"\s\x{a0}\x{2000}-\x{200b}\x{202f}\x{205f}\x{2060}\x{3000}\x{feff}"

_moment = re.compile(f"{MOMENT}|{STAMPED}|{EPOCH}|{PERIOD}")
_clock = re.compile(r"^(?:\d{1,2}:\d{2}.*|\d{1,6}|\d{1,2}[ -]?[AaPp][Mm])$")
_number = re.compile(
    rf"^[(+−–-]?\s?(?:[{SIGNS}]|[A-Z]{{1,3}}[$]?)?\s?[+−–-]?\d[\d\s.,'’]*(?:[eE][+-]?\d+)?\s?"
    rf"(?:%|[KMBTkmbt]n?|万|亿|億|[{SIGNS}]|[A-Z]{{3}}|zł|kr)?\)?$"
)


def is_moment(text: str) -> bool:
    """Return whether the text may be a date, with a time of day or without, or an epoch."""
    return bool(_moment.match(text.strip()))


def is_clock(text: str) -> bool:
    return bool(_clock.match(text.strip()))


def is_number(text: str) -> bool:
    return bool(_number.match(text.strip()))


def is_empty(text: str) -> bool:
    return text.strip().casefold() in EMPTY
