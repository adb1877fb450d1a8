"""Search instruments by symbol, name or group, the best matches first."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Case, IntegerField, Q, Value, When

from batches.models import Instrument
from batches.web.forms.symbol_choice import OFFERED, Chip, instrument_chip

MAX_MATCHES = 40
MAX_WORDS, MAX_LENGTH = 8, 100


@dataclass(frozen=True)
class Matches:
    text: str
    chips: list[Chip]
    total: int

    @property
    def has_more(self) -> bool:
        return self.total > MAX_MATCHES


def search_symbols(text: str, chosen: Collection[str] = ()) -> Matches:
    """Find instruments with every word in their symbol, name or groups. chosen : already have a chip elsewhere"""
    text = text.replace("\0", "").strip()[:MAX_LENGTH]
    words = text.split()[:MAX_WORDS]
    if not words:
        return Matches(text, [], 0)
    matches = OFFERED.all()
    for word in words:
        grouped = Instrument.objects.filter(groups__name__icontains=word)
        matches = matches.filter(Q(symbol__icontains=word) | Q(name__icontains=word) | Q(pk__in=grouped.values("pk")))
    rank = Case(
        When(symbol__iexact=words[0], then=Value(0)),
        When(symbol__istartswith=words[0], then=Value(1)),
        When(name__istartswith=text, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    first = matches.order_by(rank, "symbol")[:MAX_MATCHES]
    chips = [instrument_chip(row, checked=False) for row in first if row.symbol not in chosen]
    return Matches(text, chips, matches.count())
