"""What the engine says when it is given something that it cannot use."""

from collections.abc import Iterable
from difflib import get_close_matches


class EngineError(Exception):
    """One clear sentence in `message`; `field` names the input that it is about, where there is one."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class BadPrices(EngineError):
    """Prices that no test can run on."""


class BadParameters(EngineError):
    """A parameter, an axis or a rule with an unusable value."""


class TooManyValues(BadParameters):
    """An axis with more values than `most`."""

    def __init__(self, field: str, most: int) -> None:
        super().__init__(f"{field} has more than {most:,} values.", field=field)


class BadGrid(EngineError):
    """A grid that holds no combination, or one that cannot be counted."""


class UnknownStrategy(EngineError):
    """A strategy name that is not in the catalogue."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the near name, or all names."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(names)}."
