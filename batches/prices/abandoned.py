"""Discard uploads that were not reviewed. The watchdog imports this module, so it loads nothing that reads files."""

from datetime import datetime, timedelta

from batches.models import PriceImport

KEPT_FOR = timedelta(days=1)


def expire(now: datetime) -> int:
    """Discard the uploads older than KEPT_FOR; return their number."""
    abandoned = PriceImport.objects.filter(outcome=PriceImport.Outcome.WAITING, created_at__lt=now - KEPT_FOR)
    return abandoned.update(outcome=PriceImport.Outcome.DISCARDED, content=None)
