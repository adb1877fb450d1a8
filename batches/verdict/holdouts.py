"""The locked tail of a batch: which days are locked, and for which sweeps.

A request locks the last part of its days. Nothing is computed on them until one row is evaluated on them, once
(`spending`). Other sweeps of the owner over the same symbols end before the locked days, or are refused.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from batches import permissions
from batches.errors import BatchError, Conflict, Detail, InvalidRequest
from batches.formatting import shortened
from batches.models import BatchSession, Holdout, LockedDays
from batches.sweep.notes import Period
from batches.sweep.start_request import StartRequest
from batches.validators import day_of
from batches.verdict import ledger

AT_ONCE = 250  # symbols of a query
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Tail:
    """first, last : the locked days, both included; days : of each symbol that has any"""

    first: date
    last: date
    days: tuple[Period, ...]


@dataclass(frozen=True)
class Cut:
    """Days that earlier batches have locked. first : the first of them; symbols : whose they are"""

    first: date
    symbols: tuple[str, ...]


def tail_of(request: StartRequest, periods: Sequence[Period]) -> Tail | None:
    """Return the days that a request locks. periods : of each symbol's bars

    A fraction is one of the calendar days from the first to the last that any of the symbols is tested on.
    """
    if request.holdout is None:
        return None
    tested = _tested(request, periods)
    if not tested:
        return None  # no symbol has a bar between the dates, which is refused in other words
    start, last = min(period.first for period in tested), max(period.last for period in tested)
    first = request.holdout
    if not isinstance(first, date):
        first = last - round(first * ((last - start).days + 1)) * ONE_DAY + ONE_DAY
    if not start < first <= last:
        message = f"holdout must lock a part of the days from {start} to {last}, got {request.holdout}."
        raise InvalidRequest(Detail("holdout", message))
    days = [Period(period.symbol, max(period.first, first), period.last) for period in tested if period.last >= first]
    return Tail(first, last, tuple(days))


def cut_of(request: StartRequest, tail: Tail | None, periods: Sequence[Period], owner: User | None) -> Cut | None:
    """Return what earlier batches have locked of the days that a request would be tested on.

    A request without a last day ends before them. One that names a later day, or starts among them, is refused.
    """
    tested = _tested(request.until(last_tested(tail, None)), periods)
    locked = list(_locked(tested, owner))
    if not locked:
        return None
    cut = Cut(min(period.first for period in locked), tuple(dict.fromkeys(period.symbol for period in locked)))
    starts_before = min(period.first for period in tested) < cut.first
    if request.end_date is None and starts_before:
        return cut
    raise _refusal(locked, "endDate" if starts_before else "startDate", f"{cut.first}")


def require_unlocked(session: BatchSession, owner: User | None) -> None:
    """Refuse to run a batch again whose days have been locked since."""
    if locked := list(_locked(ledger.periods_of(session), owner)):
        raise _refusal(locked, "", f"{min(period.first for period in locked)}")


def last_tested(tail: Tail | None, cut: Cut | None) -> date | None:
    """Return the last day that is tested, None if no day is locked."""
    firsts = [part.first for part in (tail, cut) if part]
    return min(firsts) - ONE_DAY if firsts else None


def lock(request: Mapping[str, Any], tail: Tail, owner: User | None, now: datetime) -> Holdout:
    """Store the locked days, in the caller's transaction. The same request sent again has those of the first one."""
    rules = {name: value for name, value in request.items() if name not in ledger.COSMETIC}
    content = [owner and owner.pk, rules, str(tail.first), str(tail.last)]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    defaults = {"owner": owner, "first_date": tail.first, "last_date": tail.last, "created_at": now}
    holdout, is_new = Holdout.objects.get_or_create(digest=digest, defaults=defaults)
    if is_new:
        days = [
            LockedDays(holdout=holdout, symbol=period.symbol, first_date=period.first, last_date=period.last)
            for period in tail.days
        ]
        LockedDays.objects.bulk_create(days, batch_size=500)
    return holdout


def notes(tail: Tail | None, cut: Cut | None, owner: User | None) -> list[str]:
    """Return what a request should know about locked days, before it starts."""
    sentences = seen_notes(tail.days, owner) if tail else []
    if cut:
        locked = f"an earlier batch has locked days of {shortened(cut.symbols)} from then on"
        sentences.insert(0, f"This sweep ends before {cut.first}: {locked}.")
    return sentences


def batch_notes(session: BatchSession) -> list[str]:
    """Return the same of a batch that was started."""
    until, holdout = session.tested_until, session.holdout
    is_cut = until is not None and (holdout is None or until < holdout.first_date - ONE_DAY)
    cut = f"This sweep ends on {until}: an earlier batch had locked the days after it." if is_cut else ""
    return [*([cut] if cut else []), *(seen_of(holdout) if holdout else [])]


def seen_of(holdout: Holdout) -> list[str]:
    """Return a note if others had seen the locked days before they were spent."""
    days = [Period(*row) for row in holdout.days.order_by("pk").values_list("symbol", "first_date", "last_date")]
    return seen_notes(days, holdout.owner, holdout)


def seen_notes(days: Sequence[Period], owner: User | None, holdout: Holdout | None = None) -> list[str]:
    """Return a note if earlier sweeps have seen locked days, or if they were spent. holdout : the row itself"""
    before = holdout.spent_at if holdout else None
    sweeps = ledger.sweeps_on(days, owner, before)
    spent = _spent(days, owner, holdout)
    sentences = []
    if sweeps:
        has = "An earlier sweep has" if sweeps == 1 else f"{sweeps:,} earlier sweeps have"
        sentences.append(f"{has} already seen the locked days: what a row earns on them is no fresh evidence.")
    if spent:
        times = "once" if spent == 1 else f"{spent:,} times"
        sentences.append(f"The locked days were already spent {times} by other requests.")
    return sentences


def _tested(request: StartRequest, periods: Sequence[Period]) -> list[Period]:
    start, end = (limit and day_of(limit) for limit in (request.start_date, request.end_date))
    cut = [period.between(start, end) for period in periods]
    return [period for period in cut if period.first <= period.last]


def _visible(owner: User | None) -> "QuerySet[LockedDays]":
    rows = LockedDays.objects.all()
    return rows if permissions.is_personal() else rows.filter(holdout__owner=owner)


def _overlapping(days: Sequence[Period], owner: User | None) -> "Iterator[QuerySet[LockedDays]]":
    for start in range(0, len(days), AT_ONCE):
        overlapping = Q()
        for period in days[start : start + AT_ONCE]:
            overlapping |= Q(symbol=period.symbol, first_date__lte=period.last, last_date__gte=period.first)
        yield _visible(owner).filter(overlapping)


def _locked(days: Sequence[Period], owner: User | None) -> Iterator[Period]:
    """Yield the days among these that are locked and not spent."""
    if not _visible(owner).filter(holdout__spent_at=None).exists():
        return  # as almost always; a batch may have thousands of symbols
    for rows in _overlapping(days, owner):
        unspent = rows.filter(holdout__spent_at=None).order_by("first_date", "symbol")
        yield from (Period(*row) for row in unspent.values_list("symbol", "first_date", "last_date"))


def _spent(days: Sequence[Period], owner: User | None, holdout: Holdout | None) -> int:
    ids: set[int] = set()
    for rows in _overlapping(days, owner):
        spent = rows.filter(holdout__spent_at__isnull=False).exclude(holdout=holdout)
        if holdout and holdout.spent_at:
            spent = spent.filter(holdout__spent_at__lt=holdout.spent_at)
        ids.update(spent.values_list("holdout", flat=True))
    return len(ids)


def _refusal(locked: Sequence[Period], field: str, first: str) -> BatchError:
    days = list(dict.fromkeys(str(row) for row in locked))  # several batches may have locked the same
    message = (
        f"These days are locked by an earlier batch until its holdout is spent: {shortened(days)}."
        f" End before {first}, or spend the holdout first."
    )
    if field:
        return BatchError(message, code="HOLDOUT_LOCKED", status=409, details=(Detail(field, message),))
    return Conflict(message, code="HOLDOUT_LOCKED")
