"""Errors for input that the engine cannot use."""

from collections.abc import Iterable
from difflib import get_close_matches


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


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the closest name, or all names."""
    names = sorted(names)
    matches = get_close_matches(name, names, n=1)
    return f"Did you mean '{matches[0]}'?" if matches else f"Known: {', '.join(names)}."
