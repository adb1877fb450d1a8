"""What the verdict adds to the results: its sentence, and columns of the tests."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

import numpy as np

from backtester.engine.arrays import Floats, Ints
from batches.models import BatchSession, Verdict, VerdictStatus
from batches.results.array_cache import cache
from batches.sweep.wire_names import JUDGED
from batches.sweep.wire_types import Row

Key = tuple[uuid.UUID, datetime] | None


class ShortVerdict(TypedDict):
    """state : one of six"""

    state: str
    sentence: str


def short_verdicts(sessions: Iterable[BatchSession]) -> tuple[dict[uuid.UUID, ShortVerdict], bool]:
    """Return state and sentence of the batches whose verdict is ready, and whether another one is to come."""
    ids = [session.pk for session in sessions if session.state.is_terminal]
    rows = list(Verdict.objects.filter(pk__in=ids).values_list("pk", "status", "state", "sentence"))
    ready: dict[uuid.UUID, ShortVerdict] = {
        pk: {"state": state, "sentence": sentence}
        for pk, status, state, sentence in rows
        if status == VerdictStatus.READY
    }
    return ready, any(status in (VerdictStatus.WAITING, VerdictStatus.RUNNING) for _, status, _, _ in rows)


def short_verdict(session: BatchSession) -> ShortVerdict | None:
    return short_verdicts([session])[0].get(session.pk)


def key_of(session: BatchSession) -> Key:
    """Return what names the columns of the newest verdict; None before there is one."""
    return (session.pk, session.judged_at) if session.judged_at else None


def judged(key: Key, name: str, index: Ints) -> Floats:
    """Return one of the columns, float64[len(index)]; NaN where it is undefined, and everywhere before the verdict."""
    stored = _stored(key)
    if stored is None:
        return np.full(len(index), np.nan)
    values: Floats = stored[JUDGED.index(name), index]
    return values


def add_judged(key: Key, rows: Iterable[Row], index: Ints) -> None:
    """Fill the columns of rows in the order of the index."""
    if _stored(key) is None:
        return
    for name in JUDGED:
        for row, value in zip(rows, judged(key, name, index).tolist(), strict=True):
            row[name] = None if value != value else value  # type: ignore[literal-required]


def _stored(key: Key) -> Floats | None:
    """Return float64[len(JUDGED), total], which is 24 MB of a million tests; None before there are any."""
    if key is None:
        return None

    def read() -> Floats:
        block = Verdict.objects.filter(pk=key[0]).values_list("columns", flat=True).first()
        return np.frombuffer(bytes(block or b""), dtype=np.float64).reshape(len(JUDGED), -1)

    stored = cache.get(key, read)
    return stored if stored.size else None
