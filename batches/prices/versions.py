"""Which version of the prices a batch ran on, and whether there are newer ones."""

from django.db.models import Max

from batches.models import BatchSession, Instrument, PriceSeries

NAMED = 3


def prices_used(session: BatchSession) -> str:
    """`as imported by 2026-11-24 09:30 UTC; newer ones have come since for AAPL`. A replay takes those it ran on."""
    used = {each["symbol"]: each["seriesId"] for each in session.instruments}
    newest = PriceSeries.objects.filter(pk__in=used.values()).aggregate(newest=Max("created_at"))["newest"]
    present = Instrument.objects.filter(symbol__in=used).order_by("symbol").values_list("symbol", "series_id")
    outdated = [symbol for symbol, series_id in present if series_id != used[symbol]]
    words = f"as imported by {newest:%Y-%m-%d %H:%M} UTC"
    if not outdated:
        return words
    more = f" and {len(outdated) - NAMED:,} more" if len(outdated) > NAMED else ""
    return f"{words}; newer ones have come since for {', '.join(outdated[:NAMED])}{more}"
