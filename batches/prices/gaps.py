"""The days that the series of a file lack, told before they are stored: with the line after which they are missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from batches.models import Instrument
from batches.prices.bars import ParsedFile, ParsedSeries
from batches.prices.beta import Days, gaps
from batches.prices.series import load_series


@dataclass(frozen=True)
class Gap:
    """The missing days of one series. after : where the last bar before the first of them stood"""

    symbol: str
    n_days: int
    first: date
    after: str


def market_days(parsed: ParsedFile) -> Days | None:
    """The days of the benchmark: of the file's own one, else of the stored one, else none."""
    for each in parsed.series:
        if each.symbol == settings.BENCHMARK_SYMBOL:
            return each.days
    stored = Instrument.objects.filter(symbol=settings.BENCHMARK_SYMBOL).first()
    return load_series(stored.series_id).dates if stored else None


def find_gaps(parsed: ParsedFile, series: Sequence[ParsedSeries]) -> dict[str, Gap]:
    """Of those series that have some, by symbol."""
    market = market_days(parsed)
    found = {}
    for each in series:
        missing = gaps(each.days, market)
        if missing.size:
            before = each.places[each.days.searchsorted(missing[0]) - 1]
            found[each.symbol] = Gap(each.symbol, len(missing), missing[0].item(), f"{parsed.place_word} {before}")
    return found


def gap_notes(found: dict[str, Gap]) -> tuple[str, ...]:
    """In one sentence, or none."""
    if not found:
        return ()
    first = next(iter(found.values()))
    days = sum(gap.n_days for gap in found.values())
    words = "1 day is" if days == 1 else f"{days:,} days are"
    more = f" (in {len(found):,} symbols)" if len(found) > 1 else ""
    return (f"{words} missing{more}: the first of {first.symbol}, {first.first}, after {first.after}.",)
