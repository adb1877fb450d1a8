"""The luck line of a running batch: three sums over its Sharpe ratios, added up in the recording transaction."""

import math
from collections.abc import Iterable

from backtester.engine import METRIC_NAMES
from backtester.engine.arrays import Floats
from backtester.engine.statistics.luck import Tally, deflated_sharpe, expected_maximum, luck_line
from backtester.engine.statistics.sharpe import Moments
from batches.models import BatchSession
from batches.sweep.wire_types import EstimatedLuck, Luck

SHARPE = METRIC_NAMES.index("sharpe")
NORMAL_SKEW, NORMAL_KURTOSIS = 0.0, 3.0  # of the leader until the verdict replays it


def add_sharpes(session: BatchSession, blocks: Iterable[Floats]) -> None:
    """Add the Sharpe ratios of finished tests to the sums of the session. blocks : float64[n_metrics, n] each"""
    tally = sum((Tally.of(block[SHARPE]) for block in blocks), tally_of(session))
    session.sharpes = [tally.n, tally.mean, tally.m2]


def tally_of(session: BatchSession) -> Tally:
    return Tally(*session.sharpes) if session.sharpes else Tally()


def set_luck(session: BatchSession, bars: int, periods_per_year: float) -> None:
    """Set what the events show: the Sharpe ratio that luck alone would show, beside the leader's. All are annual.

    bars, periods_per_year : of the leader's symbol. Null while fewer than two tests have a Sharpe ratio.
    """
    tally = tally_of(session)
    if tally.n < 2:
        session.luck = None
        return
    best = session.leaders[0]["sharpe"] if session.leaders else None
    session.luck = Luck(
        trials=tally.n,
        trialsEver=trials_ever(session, tally.n),
        sharpe=luck_line(tally.variance, trials_ever(session, tally.n)),
        bestSharpe=best,
        deflatedSharpe=_deflated(session, tally, best, bars, periods_per_year),
    )


def trials_ever(session: BatchSession, trials: int) -> int:
    """Return the trials on these prices, earlier batches included; those that are tried again count once."""
    return max(session.tried_before, session.tried_before - session.tried_again + trials)


def _deflated(
    session: BatchSession, tally: Tally, best: float | None, bars: int, periods_per_year: float
) -> float | None:
    if best is None:
        return None
    moments = Moments(bars - 1, best / math.sqrt(periods_per_year), NORMAL_SKEW, NORMAL_KURTOSIS)
    value = deflated_sharpe(moments, tally.variance / periods_per_year, trials_ever(session, tally.n))
    return None if math.isnan(value) else value


def expected_luck(trials: int, tried_before: int, years: float) -> EstimatedLuck | None:
    """Return what luck alone would show for so many tries on so many years, before any of them has run.

    trials : new ones. The tries are taken as independent, so it is the most that luck is likely to show.
    """
    tries = tried_before + trials
    if tries < 2 or years <= 0.0:
        return None
    sharpe = expected_maximum(tries) / math.sqrt(years)
    before = f", after {tried_before:,} earlier ones on these prices" if tried_before else ""
    return EstimatedLuck(
        trials=trials,
        trialsEver=tries,
        years=years,
        sharpe=sharpe,
        sentence=f"{f'{trials:,}' if trials else 'No new'} {'try' if trials == 1 else 'tries'} on"
        f" {years_text(years)}{before}:"
        f" a Sharpe ratio up to {sharpe:.2f} is expected from luck alone.",
    )


def years_text(years: float) -> str:
    """`33 years`, `1.4 years`, `7 months`."""
    if years < 1.0:
        months = max(1, round(12 * years))
        return f"{months} month{'' if months == 1 else 's'}"
    text = f"{years:.0f}" if years >= 10 else f"{years:.1f}".removesuffix(".0")
    return f"{text} year{'' if text == '1' else 's'}"
