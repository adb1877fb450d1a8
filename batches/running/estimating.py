"""What a batch would cost, and what luck alone would show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.contrib.auth.models import User

from batches.results.blocks import result_bytes
from batches.running.checking import checked_plan
from batches.sweep.notes import Period, common_days, period_notes, request_notes, tested_periods
from batches.sweep.rates import declared_rate, measured_rate, newest_rate, workers
from batches.sweep.start_request import StartRequest
from batches.sweep.wire_types import EstimatedLuck
from batches.validators import day_of
from batches.verdict import holdouts, ledger
from batches.verdict.jobs import UNFINISHED
from batches.verdict.luck import expected_luck
from batches.verdict.turns import SHORT_TURN_S, TURN_S
from batches.verdict_models import Verdict

DAYS_IN_A_YEAR = 365.25
OVERHEAD_S = 0.09  # queueing, claiming and the summary, independent of the size
STORING_S = 1e-6  # for each test


@dataclass(frozen=True)
class Estimate:
    """The cost of a batch. seconds : wall clock while no other batch runs; bytes : stored results

    is_measured : whether a similar batch was measured here; otherwise the seconds are a guess
    bars : of all symbols together, by timeframe; empty without timeframes
    betas : of each symbol over the tested dates, if the batch scales by beta; notes : what is allowed and rarely meant
    days : from the first tested day of any symbol to the last; common : those that all have, if they are others
    """

    total: int
    excluded: int
    seconds: float
    is_measured: bool
    bytes: int
    bars: dict[str, int]
    betas: dict[str, float]
    notes: list[str]
    luck: EstimatedLuck | None
    days: tuple[date, date] | None
    common: tuple[date, date] | None


def estimate(request: StartRequest, owner: User | None = None) -> Estimate:
    """Return the cost of a batch without storing it, and what luck alone would show for the owner's next one."""
    checked = checked_plan(request, owner)
    plan, tested = checked.plan, checked.tested
    measured = measured_rate(request, plan.bars)
    rate = measured or newest_rate(request.strategy) or declared_rate(request.strategy)
    work = plan.grid.size_per_series * sum(plan.bars)
    before = ledger.tried(tested.as_json(), plan, checked.instruments, owner)
    periods = tested_periods(tested.as_json(), checked.periods)
    return Estimate(
        total=plan.grid.size,
        excluded=plan.grid.excluded,
        seconds=round(OVERHEAD_S + STORING_S * plan.grid.size + shared_s(work / rate, _waits()), 3),
        is_measured=measured is not None,
        bytes=result_bytes(plan.grid.size),
        bars={name: sum(plan.bars[at :: len(tested.timeframes)]) for at, name in enumerate(tested.timeframes)},
        betas={row["symbol"]: row["beta"] for row in checked.instruments if row["beta"] is not None},
        notes=[
            *request_notes(request.as_json()),
            *period_notes(tested.as_json(), checked.periods),
            *holdouts.notes(checked.tail, checked.cut, owner),
        ],
        luck=expected_luck(plan.grid.size - before.again, before.trials, tested_years(checked.periods, tested)),
        days=(min(period.first for period in periods), max(period.last for period in periods)) if periods else None,
        common=common_days(tested.as_json(), checked.periods),
    )


def shared_s(work_s: float, waits: Sequence[float]) -> float:
    """Return when work is done that workers share, each from the moment on that it has time.

    work_s : seconds of one worker; waits : seconds until each worker has time, ascending
    """
    free = 1
    while free < len(waits) and work_s > sum(waits[free] - wait for wait in waits[:free]):
        free += 1
    return (work_s + sum(waits[:free])) / free


def _waits() -> list[float]:
    """Return how long it takes until each worker has time: while a verdict is computed, half a turn on average."""
    if not Verdict.objects.filter(status__in=UNFINISHED).exists():
        return [0.0] * workers()
    joined = [SHORT_TURN_S / 2] * (workers() - 1)  # a worker that joins another takes short turns
    return [*joined, TURN_S / 2]


def tested_years(periods: Sequence[Period], request: StartRequest) -> float:
    """Return the years that are tested of the symbol with the shortest history."""
    start, end = (limit and day_of(limit) for limit in (request.start_date, request.end_date))
    ranges = [(max(period.first, start or period.first), min(period.last, end or period.last)) for period in periods]
    return min((last - first).days for first, last in ranges) / DAYS_IN_A_YEAR
