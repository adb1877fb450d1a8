"""The options of reading a file, as fields of a form: what they may be, and one check for all of them."""

import codecs
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Literal
from zoneinfo import available_timezones

from typing_extensions import TypedDict

from batches.errors import Detail, InvalidRequest
from batches.symbols import normalized
from batches.validators import nearest, shown

VALUES = ("close", "open", "high", "low", "volume", "adj_close")
ROLES = ("date", "time", "symbol", *VALUES)
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})
NO_HEADER = "none"
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blanks"}
ENCODINGS = (
    "utf-8", "utf-16", "windows-1252", "windows-1250", "windows-1251", "gb18030", "big5", "shift_jis", "euc-kr",
)  # fmt: skip
# Latin 1 is read as windows-1252, as browsers do.
CODECS = {codecs.lookup(name).name: name for name in ENCODINGS} | {
    "ascii": "utf-8", "utf-8-sig": "utf-8", "iso8859-1": "windows-1252", "gb2312": "gb18030", "gbk": "gb18030",
}  # fmt: skip


class Layout(StrEnum):
    LONG = "long"  # a bar; a column holds the symbol
    SINGLE = "single"  # a bar; the file holds one symbol
    WIDE = "wide"  # a day, with a close in the column of each symbol


class BadRow(StrEnum):
    REFUSE = "refuse"  # one bad row refuses the file
    SKIP = "skip"  # bad rows are left out, counted and listed


class ReadOptions(TypedDict, total=False):
    """What may be chosen; anything that is left out, or empty, is detected.

    There are also two families of fields: `column.<role>` names the column of a role (empty: the file has none), for
    each of ROLES; `rename.<SYMBOL>` is the new name of a symbol of the file (empty: leave the symbol out).
    """

    part: str  # the sheet of a workbook, or the file of an archive; the others are left out
    encoding: str  # one of ENCODINGS, or another name of it
    delimiter: str  # one of DELIMITERS, or its name
    header: str  # the line number of the header, or NO_HEADER
    layout: Literal["long", "single", "wide"]
    symbol: str  # of a file of one symbol
    decimal: Literal[".", ","]
    dateOrder: Literal["ymd", "dmy", "mdy"]
    timeZone: str  # convert times to it
    onBadRow: Literal["refuse", "skip"]


def encoding_of(label: str) -> str:
    """Return the one of ENCODINGS that a label stands for, as `UTF8`, `latin-1` and `cp1252` do; else the label."""
    try:
        return CODECS.get(codecs.lookup(label).name, label)
    except (LookupError, ValueError):  # a NUL is a ValueError
        return label


def check_options(options: Mapping[str, str]) -> None:
    """Check all that can be checked without the file; InvalidRequest lists every problem."""
    allowed: dict[str, Iterable[str]] = {
        "layout": tuple(Layout), "decimal": (".", ","), "dateOrder": ("ymd", "dmy", "mdy"), "onBadRow": tuple(BadRow),
        "encoding": ENCODINGS, "delimiter": (*DELIMITERS, *DELIMITERS.values()),
    }  # fmt: skip
    read_as = dict(options) | {"encoding": encoding_of(options.get("encoding", ""))}
    problems = [
        Detail(name, f"{name} must be {' or '.join(repr(str(value)) for value in values)}, got {shown(options[name])}.")
        for name, values in allowed.items()
        if options.get(name) and read_as[name] not in values
    ]
    header = options.get("header", "")
    if header and header != NO_HEADER and not (header.isascii() and header.isdigit() and 1 <= int(header[:9]) <= 1000):
        problems.append(Detail("header", f"header must be 'none' or a line between 1 and 1000, got {shown(header)}."))
    zone = options.get("timeZone")
    if zone and zone not in available_timezones():
        hint = nearest(zone, available_timezones())
        message = f"timeZone must be a time zone such as America/New_York, got {shown(zone)}.{hint}"
        problems.append(Detail("timeZone", message))
    if problems:
        raise InvalidRequest(*problems)


def chosen_columns(options: Mapping[str, str]) -> dict[str, str]:
    """Return role to column name, of `column.<role>`; the contract also writes `columns.<role>`."""
    spellings = ((role, f"{prefix}.{role}") for role in ROLES for prefix in ("columns", "column"))
    return {role: options[field] for role, field in spellings if field in options}


def renames(options: Mapping[str, str]) -> dict[str, str]:
    """Return the new name of each renamed symbol; an empty one leaves the symbol out."""
    prefix = "rename."
    return {
        normalized(field.removeprefix(prefix)): normalized(name)
        for field, name in options.items()
        if field.startswith(prefix)
    }
