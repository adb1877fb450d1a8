"""Errors for input that the engine cannot use."""

from collections.abc import Iterable
from difflib import get_close_matches

FOREIGN_TEXT = 500  # characters
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class EngineError(Exception):
    """message : one sentence for the user; field : the name of the input, where there is one"""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class BadPrices(EngineError):
    """Prices that cannot be tested."""


class BadParameters(EngineError):
    """A parameter, an axis or a rule with an unusable value."""


class TooManyValues(BadParameters):
    """An axis with more than `most` values."""

    def __init__(self, field: str, most: int) -> None:
        super().__init__(f"{field} has more than {most:,} values.", field=field)


class BadGrid(EngineError):
    """A grid without a combination, with too many to count, or an index outside it."""


class UnknownStrategy(EngineError):
    """A strategy name that is not in the catalog."""


class StrategyFailure(Exception):
    """What went wrong in a strategy's own function, as a sentence."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the closest name, or all names."""
    names = sorted(names)
    matches = get_close_matches(name, names, n=1)
    return f"Did you mean '{matches[0]}'?" if matches else f"Known: {', '.join(names)}."


def foreign_text(text: object, most: int = FOREIGN_TEXT) -> str:
    """Return a text of foreign code as one line that every database, client and terminal can take.

    It is valid UTF-8, without control characters, and at most `most` characters long.
    """
    try:
        start = str.__getitem__(str(text), slice(2 * most))
    except BaseException:  # noqa: BLE001 - `__str__` is foreign code, too
        start = "a text that cannot be read"
    characters = (c if c.isprintable() else " " if c.isspace() else REPLACEMENT for c in start)
    line = "".join(characters).strip()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def error_text(error: BaseException, most: int = FOREIGN_TEXT) -> str:
    """Return the kind of an error of foreign code and its message, as `foreign_text`."""
    text = foreign_text(error, most)
    if isinstance(error, StrategyFailure):
        return text
    kind = foreign_text(type(error).__name__, 60)
    return foreign_text(f"{kind}: {text}" if text else kind, most)
