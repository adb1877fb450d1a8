"""Numbers as people write them: `1,234.5`, `1.234,5`, `1 234,5`, `1'234.5`.

Which of two marks is the decimal one often follows from the text alone: `1000,50` is no grouping. Where it does not, as
in `1.000`, the field decides what it can hold; what then still has two readings is refused, never guessed.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from batches.formatting import MINUS

Number = int | float | str
DECIMAL_MARKS = {".": r"[,_'’\s]", ",": r"[._'’\s]"}  # and what may then stand between thousands
NUMBERS = {
    mark: re.compile(
        rf"[+-]?(?:[1-9]\d{{0,2}}(?P<group>{groups})\d{{3}}(?:(?P=group)\d{{3}})*|\d+)(?:{re.escape(mark)}\d+)?"
    )
    for mark, groups in DECIMAL_MARKS.items()
}


def anything(_value: Decimal) -> bool:
    return True


def number(text: str, *, percent: bool = False, fits: Callable[[Decimal], bool] = anything) -> Number:
    """Return the number, as a fraction if it is a percentage; return text that is none, or two numbers, as it is."""
    options = readings(text)
    if len(options) > 1:
        options = [option for option in options if fits(option)]
    if len(options) != 1 or not math.isfinite(float(options[0])):
        return text.strip()
    value = options[0] / 100 if percent else options[0]
    return int(value) if value == value.to_integral_value() and abs(value) < 10**15 else float(value)


def readings(text: str) -> list[Decimal]:
    """Return what the text may mean, the reading with a decimal point first."""
    bare = text.strip().removesuffix("%").strip().replace(MINUS, "-")
    values: dict[Decimal, None] = {}  # a set in the order of the readings
    for mark, pattern in NUMBERS.items():
        if pattern.fullmatch(bare):
            values[Decimal(re.sub(rf"[^\d{re.escape(mark)}+-]", "", bare).replace(mark, "."))] = None
    return list(values) or _scientific(bare)


def _scientific(text: str) -> list[Decimal]:
    """`1e5`, `.5`, `5.`"""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return []
    return [value] if value.is_finite() else []


def doubt(text: str) -> str:
    """Return why a number has two readings; "" when it has one, or none."""
    options = readings(text)
    if len(options) < 2:
        return ""
    return f" {text.strip()} may be {options[0]:f} or {options[1]:f}: leave out the separators between thousands."


def of_machine(text: str) -> str:
    """`1.125` -> `1.1250`, which has one reading only: a link has a decimal point, and nothing between thousands."""
    return f"{text}0" if re.fullmatch(r"-?[1-9]\d{0,2}\.\d{2}[1-9]", text) else text


def parts(text: str) -> list[str]:
    """Return the items of a list: between semicolons if there are any, else between commas or blanks."""
    items = text.split(";") if ";" in text else re.split(r"[,\s]+", text)
    return [item.strip() for item in items if item.strip()]
