"""Answers about luck, in the names of the wire: dictionaries, perhaps with fields that a newer server added."""

from typing import Any, Literal, TypedDict

Part = dict[str, Any] | None
State = Literal["too_short", "no_better_than_holding", "likely_luck", "weak", "edge_not_choice", "holds_up"]


class Verdict(TypedDict):
    """Is the best of a batch luck? A part that cannot be computed is None, with a code under its name in `reasons`.

    All Sharpe ratios are annual; docs/verdict.md says what each number means.
    """

    sessionId: str
    status: Literal["waiting", "running", "ready", "unavailable"]
    progress: str | None
    estimatedSeconds: float | None
    options: Part
    state: State | None
    sentence: str | None
    trials: Part
    best: Part
    luck: Part
    holding: Part
    shuffle: Part
    pbo: Part
    walkForward: Part
    stability: Part
    plateau: Part
    minBacktestYears: float | None
    triesAllowed: float | None
    reasons: dict[str, str]


class SpentRow(TypedDict):
    """What one row did on the locked days. metrics : fractions; curve : dates, equity, holding"""

    index: int
    symbol: str
    parameters: dict[str, float]
    range: dict[str, Any]
    metrics: dict[str, float | None]
    undefined: dict[str, dict[str, str]]
    curve: dict[str, list[Any]]
    buyAndHold: dict[str, dict[str, float | None]]


class Spent(SpentRow):
    """The locked days were spent on this row. notes : who had seen them before"""

    notes: list[str]


class Holdout(TypedDict):
    """The locked days of a batch. result : the row that they were spent on"""

    status: Literal["none", "locked", "spent"]
    firstDate: str | None
    lastDate: str | None
    spentAt: str | None
    notes: list[str]
    result: SpentRow | None


class Ledger(TypedDict):
    """What was ever tried on one instrument."""

    symbol: str
    trials: int
    batches: int
    meanSharpe: float | None
    sharpeDeviation: float | None
    firstDate: str | None
    lastDate: str | None
    newestAt: str | None
