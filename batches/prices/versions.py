"""The version of the prices that a batch ran on, and whether there are newer ones."""

from batches.formatting import shortened
from batches.models import BatchSession, Instrument, PriceSeries

MAX_NAMED = 3


def prices_used(session: BatchSession) -> str:
    """`as imported by 2026-11-24 09:30 UTC; newer prices are available for AAPL`."""
    used = {fact["symbol"]: fact["seriesId"] for fact in session.instruments}
    series = dict(PriceSeries.objects.filter(pk__in=used.values()).values_list("pk", "created_at"))
    current = dict(Instrument.objects.filter(symbol__in=used).values_list("symbol", "series_id"))
    gone = [symbol for symbol in used if used[symbol] not in series]
    deleted = [symbol for symbol in used if symbol not in current and symbol not in gone]
    outdated = sorted(symbol for symbol in current if current[symbol] != used[symbol] and symbol not in gone)
    parts = [f"as imported by {max(series.values()):%Y-%m-%d %H:%M} UTC"] if series else []
    if outdated:
        parts.append(f"newer prices are available for {shortened(outdated, MAX_NAMED)}")
    if deleted:
        symbols = shortened(deleted, MAX_NAMED)
        parts.append(f"the prices of {symbols} are gone from the instruments, but kept for this batch")
    if gone:
        parts.append(f"the prices of {shortened(gone, MAX_NAMED)} are gone, and their tests cannot be computed again")
    return "; ".join(parts)
