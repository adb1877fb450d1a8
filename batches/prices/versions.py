"""The version of the prices that a batch ran on, and whether there are newer ones."""

from django.db.models import Max

from batches.models import BatchSession, Instrument, PriceSeries

MAX_NAMED = 3


def prices_used(session: BatchSession) -> str:
    """`as imported by 2026-11-24 09:30 UTC; newer prices are available for AAPL`."""
    used = {fact["symbol"]: fact["seriesId"] for fact in session.instruments}
    newest = PriceSeries.objects.filter(pk__in=used.values()).aggregate(newest=Max("created_at"))["newest"]
    current = Instrument.objects.filter(symbol__in=used).order_by("symbol").values_list("symbol", "series_id")
    outdated = [symbol for symbol, series_id in current if series_id != used[symbol]]
    imported = f"as imported by {newest:%Y-%m-%d %H:%M} UTC"
    if not outdated:
        return imported
    more = f" and {len(outdated) - MAX_NAMED:,} more" if len(outdated) > MAX_NAMED else ""
    return f"{imported}; newer prices are available for {', '.join(outdated[:MAX_NAMED])}{more}"
