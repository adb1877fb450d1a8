"""Announce the prices that a worker decodes before it can test them: of millions of bars that takes a second."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from batches.models import BatchSession, Phase, Status
from batches.prices.parts import LONG
from batches.running.events import publish


def announce_loading(session: BatchSession, symbol_number: int, now: datetime) -> None:
    """Publish which symbol is loaded, unless it is soon done or an event has just been sent."""
    instrument = session.instruments[symbol_number]
    if instrument.get("bars", 0) <= LONG:
        return
    # Filtered, so that of several workers one announces, and none after the end of the batch.
    since = now - timedelta(seconds=settings.EVENT_INTERVAL_S)
    rows = BatchSession.objects.filter(pk=session.pk, status=Status.RUNNING)
    changed = rows.exclude(published_at__range=(since, now)).update(
        phase=Phase.LOADING,
        loading={"symbol": instrument["symbol"], "number": symbol_number + 1, "total": len(session.instruments)},
        sequence=F("sequence") + 1,
        published_at=now,
    )
    if changed:
        publish(BatchSession.objects.get(pk=session.pk))
