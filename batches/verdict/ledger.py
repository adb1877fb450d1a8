"""The ledger: every test that was ever finished on a series, also of batches that were deleted since.

A request that is sent again adds nothing, and values that an earlier request of the same kind had tried count once. A
batch is counted in the transaction that ends it, so it cannot be deleted before.
"""

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.utils import timezone

from backtester.engine import EngineError, Grid
from backtester.engine.statistics.luck import Tally
from backtester.engine.timeframes import seconds_of
from batches import permissions
from batches.errors import BatchError
from batches.models import TERMINAL, BatchSession, PriceSeries
from batches.results.columns import ResultColumns, columns_of
from batches.sweep.notes import Period
from batches.sweep.plan import Plan, TestedInstrument, plan_of
from batches.verdict.luck import tally_of
from batches.verdict.overlaps import Overlaps, Tests, axes_of
from batches.verdict_models import LedgerEntry, TriedGrid

AT_ONCE = 500  # rows of a query
DATE_LENGTH = len("2000-01-01")
ROUND = 20  # batches of older versions that are counted at a time
log = logging.getLogger(__name__)
# Of a request: what does not change a result; the same with what the grid or the instrument holds.
COSMETIC = frozenset({
    "sortBy", "includeComparison", "timeoutSeconds", "abortFailureShare", "abortMinimumTests", "title", "tags",
    "holdout",
})  # fmt: skip
WITHOUT = COSMETIC | {"symbols", "parameterRanges", "coefficients", "timeframes", "startDate", "endDate"}


@dataclass(frozen=True)
class Tried:
    """trials : on these prices so far; again : of them, those that this request would try again"""

    trials: int
    again: int


def count(session: BatchSession, columns: ResultColumns | None = None) -> None:
    """Enter the finished tests of an ended batch, in the caller's transaction. columns : if they are in memory

    A batch whose strategy or prices are gone can no longer be counted.
    """
    try:
        _count(session, columns)
    except (EngineError, BatchError) as error:
        log.warning("batch not counted: %s: %s", session.pk, error)
    BatchSession.objects.filter(pk=session.pk).update(counted=True)


def count_uncounted() -> int:
    """Count ended batches that are not in the ledger, the newest first, as after an upgrade. Return their number."""
    ended = BatchSession.objects.filter(status__in=TERMINAL, counted=False).order_by("-created_at")
    ids = list(ended.values_list("pk", flat=True)[:ROUND])
    for pk in ids:
        with transaction.atomic():
            session = BatchSession.objects.select_for_update().filter(pk=pk, counted=False).first()
            if session:
                count(session)
    return len(ids)


def _count(session: BatchSession, columns: ResultColumns | None) -> None:
    tallies = _tallies(session, columns)
    tests = _tests(session.tested_request, session.instruments, session.owner_id)
    finished = _finished([item.fingerprint for item in tests])
    counted = [
        (item, tally) for item, tally in zip(tests, tallies, strict=True) if tally.n > finished.get(item.fingerprint, 0)
    ]
    if counted:
        entries = _new_entries(session, counted)
        LedgerEntry.objects.bulk_create(
            entries,
            batch_size=AT_ONCE,
            update_conflicts=True,
            unique_fields=["fingerprint"],
            update_fields=["finished", "trials", "mean", "m2"],
        )


def _new_entries(session: BatchSession, counted: Sequence[tuple[Tests, Tally]]) -> list[LedgerEntry]:
    """Return what the ledger is to hold of tests, of which it may have entries with fewer."""
    grid = _stored_grid(plan_of(session).grid)
    relatives = _relatives({item.family for item, _ in counted})
    overlap, now = Overlaps(grid), timezone.now()  # one time for all symbols: that of the batch
    entries = []
    for item, tally in counted:
        others = relatives.get(item.family, [])
        before = next((entry.trials for entry in others if entry.fingerprint == item.fingerprint), 0)
        entry = LedgerEntry(
            owner_id=session.owner_id,
            symbol=item.symbol,
            fingerprint=item.fingerprint,
            family=item.family,
            grid=grid,
            finished=tally.n,
            trials=max(before, tally.n - overlap.largest(item, others)),
            mean=tally.mean,
            m2=tally.m2,
            first_date=item.first_date,
            last_date=item.last_date,
            created_at=now,
        )
        entries.append(entry)
    return entries


def tried(request: Mapping[str, Any], plan: Plan, instruments: list[TestedInstrument], owner: User | None) -> Tried:
    """Return what was tried on the prices of a request, over the symbols together."""
    tests = _tests(request, instruments, owner.pk if owner else None)
    periods = [Period(item.symbol, item.first_date, item.last_date) for item in tests]
    entries = _overlapping(periods, owner)
    trials = sum(some.aggregate(trials=Sum("trials"))["trials"] or 0 for some in entries)
    return Tried(trials, min(_tried_again(tests, plan.grid), trials))


def of_symbol(symbol: str, owner: User | None) -> dict[str, Any]:
    """Return what the ledger holds of one instrument, in the form of the wire."""
    entries = _visible(owner).filter(symbol=symbol)
    sums = entries.aggregate(
        trials=Sum("trials"),
        batches=Count("pk"),
        first=Min("first_date"),
        last=Max("last_date"),
        newest=Max("created_at"),
    )
    tally = sum((Tally(*row) for row in entries.values_list("finished", "mean", "m2")), Tally())
    return {
        "symbol": symbol,
        "trials": sums["trials"] or 0,
        "batches": sums["batches"],
        "meanSharpe": tally.mean if tally.n else None,
        "sharpeDeviation": tally.variance**0.5 if tally.n > 1 else None,
        "firstDate": sums["first"] and str(sums["first"]),
        "lastDate": sums["last"] and str(sums["last"]),
        "newestAt": sums["newest"] and sums["newest"].isoformat(),
    }


def sweeps_on(days: Sequence[Period], owner: User | None, before: datetime | None = None) -> int:
    """Return how many requests have finished tests on any of these days. before : only those counted before it"""
    counted: set[datetime] = set()  # all symbols of a request are counted at one time
    for entries in _overlapping(days, owner):
        entries = entries.filter(created_at__lt=before) if before else entries
        counted.update(entries.values_list("created_at", flat=True).distinct())
    return len(counted)


def _overlapping(days: Sequence[Period], owner: User | None) -> Iterator["QuerySet[LedgerEntry]"]:
    """Yield the entries of tests on some of these days. Symbols that share their days share a condition."""
    for some in _parts(days):
        symbols: dict[tuple[date, date], list[str]] = defaultdict(list)
        for period in some:
            symbols[period.first, period.last].append(period.symbol)
        overlapping = Q()
        for (first, last), sharing in symbols.items():
            overlapping |= Q(symbol__in=sharing, first_date__lte=last, last_date__gte=first)
        yield _visible(owner).filter(overlapping)


def periods_of(session: BatchSession) -> list[Period]:
    """Return the days of each symbol that a batch is tested on."""
    tests = _tests(session.tested_request, session.instruments, session.owner_id)
    return [Period(item.symbol, item.first_date, item.last_date) for item in tests]


def _visible(owner: User | None) -> "QuerySet[LedgerEntry]":
    """Return the entries that count for a user: in personal mode all."""
    entries = LedgerEntry.objects.all()
    return entries if permissions.is_personal() else entries.filter(owner=owner)


def _tallies(session: BatchSession, columns: ResultColumns | None) -> list[Tally]:
    """Return the tally of each symbol."""
    if len(session.instruments) == 1 and session.sharpes:  # batches of older versions lack them
        return [tally_of(session)]
    columns = columns or columns_of(session, keep=False)
    sharpes = columns.metric("sharpe")
    spans = [columns.span(number) for number in range(len(session.instruments))]
    return [Tally.of(sharpes[first:last]) for first, last in spans]


def _tests(request: Mapping[str, Any], instruments: Iterable[TestedInstrument], owner_id: int | None) -> list[Tests]:
    instruments = list(instruments)
    series: dict[int, tuple[str, date, date]] = {}
    for ids in _parts([instrument["seriesId"] for instrument in instruments]):
        rows = PriceSeries.objects.filter(pk__in=ids).values_list("pk", "sha256", "first_date", "last_date")
        series |= {pk: (sha256, first, last) for pk, sha256, first, last in rows}
    rules = {name: value for name, value in request.items() if name not in WITHOUT}
    axes = {
        "ranges": request["parameterRanges"],
        "coefficients": request["coefficients"] if request["enableBetaScaling"] else None,
        "timeframes": request.get("timeframes"),
    }
    limits = [request[name] for name in ("startDate", "endDate")]
    moments = [limit for limit in limits if limit and len(limit) > DATE_LENGTH]
    start, end = (request[name] and date.fromisoformat(request[name][:10]) for name in ("startDate", "endDate"))
    tests = []
    for instrument in instruments:
        content, first, last = series.get(instrument["seriesId"], (str(instrument["seriesId"]), date.min, date.max))
        first, last = max(first, start or first), min(last, end or last)
        family = _digest(
            [owner_id, instrument["symbol"], content, instrument["beta"], str(first), str(last), *moments, rules]
        )
        stored = instrument.get("timeframe")
        seconds = float(seconds_of(stored)) if stored else None
        tests.append(Tests(instrument["symbol"], seconds, _digest([family, axes]), family, first, last))
    return tests


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _stored_grid(grid: Grid) -> TriedGrid:
    axes = axes_of(grid)
    digest = _digest([grid.strategy.name, axes])
    return TriedGrid.objects.get_or_create(digest=digest, defaults={"strategy": grid.strategy.name, "axes": axes})[0]


def _finished(fingerprints: Sequence[str]) -> dict[str, int]:
    """Return how many tests each entry holds already."""
    rows = (LedgerEntry.objects.filter(fingerprint__in=some) for some in _parts(fingerprints))
    return {fingerprint: n for entries in rows for fingerprint, n in entries.values_list("fingerprint", "finished")}


def _relatives(families: Collection[str]) -> dict[str, list[LedgerEntry]]:
    """Return the entries of each family: the same prices and rules, perhaps other values of the parameters."""
    relatives: dict[str, list[LedgerEntry]] = defaultdict(list)
    for some in _parts(sorted(families)):
        for entry in LedgerEntry.objects.filter(family__in=some).select_related("grid"):
            relatives[entry.family].append(entry)
    return relatives


def _tried_again(tests: Sequence[Tests], grid: Grid) -> int:
    relatives = _relatives({item.family for item in tests})
    if not relatives:
        return 0
    overlap = Overlaps(TriedGrid(strategy=grid.strategy.name, axes=axes_of(grid)))
    return sum(overlap.largest(item, relatives.get(item.family, ()), itself=True) for item in tests)


def _parts(items: Collection[Any]) -> list[list[Any]]:
    items = list(items)
    return [items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE)]
