"""Answers about the locked tail of a batch, and the body that spends it."""

from typing import Annotated, Literal

from typing_extensions import TypedDict

from batches.api.schemas.batches import Day, Moment, Success, object_schema, request_body
from batches.api.schemas.results import UndefinedReason
from batches.sweep.wire_types import Count, Identity, Metrics, SessionId, doc

Notes = Annotated[list[str], doc("Who had seen the locked days before: earlier sweeps, other requests.")]


LockedRange = TypedDict(
    "LockedRange",
    {
        "from": Annotated[str, doc("The first locked bar of the row's symbol; a day or a moment.")],
        "to": Annotated[str, doc("The last one.")],
        "bars": Annotated[Count, doc("How many.")],
    },
)


class TailCurve(TypedDict):
    """From the last tested close on, thinned for bars within a day."""

    dates: Annotated[list[str], doc("Days, or moments of bars within a day.")]
    equity: Annotated[list[float], doc("Of the row, in the currency of the prices.")]
    holding: Annotated[list[float], doc("Of buy and hold with the equity that the row has at the first point.")]


class TailHolding(TypedDict):
    """Buy and hold over the locked bars."""

    metrics: Metrics


class SpentRow(Identity):
    """What the row did on the locked days."""

    range: LockedRange
    metrics: Metrics
    undefined: Annotated[dict[str, UndefinedReason], doc("Why a metric is null.")]
    curve: TailCurve
    buyAndHold: TailHolding


class Spent(SpentRow):
    """The locked days were spent on this row."""

    success: Success
    sessionId: SessionId
    notes: Notes


class HoldoutState(TypedDict):
    """The locked days of a batch."""

    success: Success
    sessionId: SessionId
    status: Annotated[Literal["none", "locked", "spent"], doc("none: the request locks nothing.")]
    firstDate: Annotated[Day | None, doc("The first locked day.")]
    lastDate: Annotated[Day | None, doc("The last locked day.")]
    spentAt: Annotated[Moment | None, doc("When they were spent.")]
    notes: Notes
    result: Annotated[SpentRow | None, doc("The row that they were spent on; null also for days that were given up.")]


INDEX = {"type": "integer", "minimum": 0, "description": "The row to evaluate: its stable number."}
HOLDOUT_BODY = request_body(
    object_schema({"index": INDEX}, required=["index"]),
    examples={"row": {"summary": "The row 0", "value": {"index": 0}}},
)
