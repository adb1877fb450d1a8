"""The instruments that a few typed letters mean: by symbol, name or group, the likeliest first."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When

from batches.models import Instrument
from batches.web.forms.symbol_choice import chip

MOST_HITS = 40
MOST_WORDS, LONGEST_SEARCH = 8, 100


@dataclass(frozen=True)
class Found:
    """The first hits as chips, and how many there are in all."""

    text: str
    chips: list[dict[str, Any]]
    total: int

    @property
    def are_more(self) -> bool:
        """Than a search offers."""
        return self.total > MOST_HITS


def search_symbols(text: str, chosen: Collection[str] = ()) -> Found:
    """Those that have every word in their symbol, their name or one of their groups; none without a word.

    What is chosen already has a chip elsewhere.
    """
    text = text.replace("\0", "").strip()[:LONGEST_SEARCH]
    words = text.split()[:MOST_WORDS]
    if not words:
        return Found(text, [], 0)
    found = Instrument.objects.all()
    for word in words:
        grouped = Instrument.objects.filter(groups__name__icontains=word)
        found = found.filter(Q(symbol__icontains=word) | Q(name__icontains=word) | Q(pk__in=grouped.values("pk")))
    likely = Case(
        When(symbol__iexact=words[0], then=Value(0)),
        When(symbol__istartswith=words[0], then=Value(1)),
        When(name__istartswith=text, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    hits = found.order_by(likely, "symbol")[:MOST_HITS]
    chips = [chip(each, checked=False) for each in hits if each.symbol not in chosen]
    return Found(text, chips, found.count())
