"""Which symbols a form or a link asks for.

`symbols=AAPL,MSFT` names them, `symbols=*` means every share that is stored, `group=Banks` those of a group. The
last two are looked up anew each time: a link cannot hold thousands of symbols, and a group is what is in it today.
"""

import re
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.http import QueryDict

from batches.errors import Detail, InvalidRequest
from batches.models import Instrument, InstrumentGroup
from batches.sweep.link import fits_a_link
from batches.validators import nearest

EVERY = "*"  # no symbol can be called this
DEFAULT_SYMBOLS = 20  # of those stored, when nothing was chosen
MOST_CHIPS = 200  # a page with more of them is slow to load and to look through


class SymbolChoice:
    """What is chosen, and what the page shows of it. sent_by_form : then what is missing was switched off."""

    def __init__(self, data: QueryDict, *, sent_by_form: bool) -> None:
        parts = [part.upper() for text in data.getlist("symbols") for part in re.split(r"[,;\s]+", text) if part]
        self.every = EVERY in parts
        self.group_names = list(dict.fromkeys(name.replace("\0", "") for name in data.getlist("group") if name))
        self._named = [part for part in dict.fromkeys(parts) if part != EVERY]
        self._is_asked = sent_by_form or "symbols" in data or bool(self.group_names)

    @cached_property
    def named(self) -> list[str]:
        """Symbols one by one: as asked, else the first shares, without the index that betas are measured against."""
        return self._named if self._is_asked else self._shares[:DEFAULT_SYMBOLS]

    @cached_property
    def symbols(self) -> list[str]:
        """All that is chosen, each once."""
        members = [symbol for group in self.groups if group["checked"] for symbol in group["symbols"]]
        return list(dict.fromkeys([*self.named, *members, *(self._shares if self.every else ())]))

    def refuse_unknown_groups(self) -> None:
        """In words, like an unknown symbol."""
        known = [group["name"] for group in self.groups]
        unknown = [name for name in self.group_names if name not in known]
        if unknown:
            words = (f"There is no group {name[:40]!r} with prices.{nearest(name, known)}" for name in unknown[:20])
            raise InvalidRequest(*(Detail("symbols", each) for each in words))

    # ---- the link --------------------------------------------------------------------------------------------------

    @property
    def fits_the_link(self) -> bool:
        """Whether an address can hold it."""
        return fits_a_link(self.named)

    def linked(self) -> dict[str, Any]:
        """The part of a sweep that its link says of the symbols; none of them where they would not fit."""
        named = self.named if self.fits_the_link else []
        return {"symbols": [*([EVERY] if self.every else []), *named], "groups": self.group_names}

    # ---- the page --------------------------------------------------------------------------------------------------

    @cached_property
    def stored(self) -> int:
        """How many instruments there are."""
        return Instrument.objects.count()

    @property
    def are_few(self) -> bool:
        """Then each instrument is a chip; else only the chosen ones, and a search offers the others."""
        return self.stored <= MOST_CHIPS

    @property
    def shares(self) -> int:
        """How many `*` means."""
        return len(self._shares)

    @property
    def chips(self) -> list[dict[str, Any]]:
        """One for each instrument, or for the chosen ones; and for each symbol that was named but is not stored."""
        shown, chosen = self.named[:MOST_CHIPS], set(self.symbols)
        offered = Instrument.objects.all() if self.are_few else Instrument.objects.filter(symbol__in=shown)
        found = [chip(each, checked=each.symbol in chosen) for each in offered]
        known = {each["symbol"] for each in found}
        return found + [{"symbol": s, "checked": True, "unknown": True} for s in shown if s not in known]

    @property
    def without_chips(self) -> list[str]:
        """What was named beyond what the page shows one by one."""
        return self.named[MOST_CHIPS:]

    @cached_property
    def groups(self) -> list[dict[str, Any]]:
        """Those that have instruments; their symbols where each is a chip, or where the group is chosen."""
        counted = InstrumentGroup.objects.annotate(size=Count("instruments")).filter(size__gt=0).order_by("name")
        found: list[dict[str, Any]] = [
            {"name": each.name, "size": each.size, "checked": each.name in self.group_names, "symbols": []}
            for each in counted
        ]
        wanted = {each["name"]: each for each in found if each["checked"] or self.are_few}
        rows = Instrument.objects.filter(groups__name__in=wanted).order_by("symbol")
        for name, symbol in rows.values_list("groups__name", "symbol"):
            wanted[name]["symbols"].append(symbol)
        return found

    @cached_property
    def _shares(self) -> list[str]:
        shares = Instrument.objects.exclude(symbol=settings.BENCHMARK_SYMBOL).order_by("symbol")
        return list(shares.values_list("symbol", flat=True))


def chip(instrument: Instrument, *, checked: bool) -> dict[str, Any]:
    """What one instrument shows."""
    return {
        "symbol": instrument.symbol,
        "name": instrument.name,
        "beta": instrument.beta if instrument.manual_beta is None else instrument.manual_beta,
        "checked": checked,
        "benchmark": instrument.symbol == settings.BENCHMARK_SYMBOL,
    }
