"""Discard uploads that nobody reviewed. The watchdog does it daily, and so imports nothing here that reads a file."""

from datetime import datetime, timedelta

from batches.models import PriceImport

KEPT_FOR = timedelta(days=1)


def expire(now: datetime) -> int:
    """Discard the files that nobody reviewed; return their number."""
    abandoned = PriceImport.objects.filter(outcome=PriceImport.Outcome.WAITING, created_at__lt=now - KEPT_FOR)
    return abandoned.update(outcome=PriceImport.Outcome.DISCARDED, content=None)
