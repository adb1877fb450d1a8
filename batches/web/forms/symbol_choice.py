"""The symbols that a form or a link chooses.

`symbols=AAPL,MSFT` names them, `symbols=*` is every stored share, `group=Banks` those of a group. The last two are
looked up for each request: a link cannot hold thousands of symbols, and the members of a group change.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

from django.conf import settings
from django.db.models import Count
from django.http import QueryDict

from batches.errors import Detail, InvalidRequest
from batches.models import Instrument, InstrumentGroup
from batches.sweep.link import fits_a_link
from batches.validators import nearest

EVERY = "*"  # not a valid symbol
N_DEFAULT_SYMBOLS = 20
MAX_CHIPS = 200  # a page with more is slow to load and to read
MAX_UNKNOWN_GROUPS = 20


@dataclass(frozen=True)
class Chip:
    symbol: str
    checked: bool
    name: str = ""
    beta: float | None = None
    is_benchmark: bool = False
    unknown: bool = False


@dataclass(frozen=True)
class Group:
    """symbols : empty if the page does not need them"""

    name: str
    size: int
    checked: bool
    symbols: list[str] = field(default_factory=list)


class SymbolChoice:
    """The chosen symbols, and what the page shows of them. sent_by_form : if true, what is missing is switched off"""

    def __init__(self, data: QueryDict, *, sent_by_form: bool) -> None:
        parts = [part.upper() for text in data.getlist("symbols") for part in re.split(r"[,;\s]+", text) if part]
        self.every = EVERY in parts
        self.group_names = list(dict.fromkeys(name.replace("\0", "") for name in data.getlist("group") if name))
        self._named = [part for part in dict.fromkeys(parts) if part != EVERY]
        self._has_choice = sent_by_form or "symbols" in data or bool(self.group_names)

    @cached_property
    def named(self) -> list[str]:
        """Return the symbols that are named one by one; by default the first shares."""
        return self._named if self._has_choice else self._shares[:N_DEFAULT_SYMBOLS]

    @cached_property
    def symbols(self) -> list[str]:
        """Return all chosen symbols, each once."""
        members = [symbol for group in self.groups if group.checked for symbol in group.symbols]
        return list(dict.fromkeys([*self.named, *members, *(self._shares if self.every else ())]))

    def check_groups(self) -> None:
        names = [group.name for group in self.groups]
        unknown = [name for name in self.group_names if name not in names][:MAX_UNKNOWN_GROUPS]
        if unknown:
            messages = (f"There is no group {name[:40]!r} with prices.{nearest(name, names)}" for name in unknown)
            raise InvalidRequest(*(Detail("symbols", message) for message in messages))

    @property
    def fits_the_link(self) -> bool:
        return fits_a_link(self.named)

    def linked(self) -> dict[str, list[str]]:
        """Return the part of the link; without the named symbols if they do not fit."""
        named = self.named if self.fits_the_link else []
        return {"symbols": [*([EVERY] if self.every else []), *named], "groups": self.group_names}

    @cached_property
    def n_instruments(self) -> int:
        return Instrument.objects.count()

    @property
    def n_shares(self) -> int:
        return len(self._shares)

    @property
    def are_few(self) -> bool:
        """Return whether each instrument is a chip; otherwise a search finds those that are not chosen."""
        return self.n_instruments <= MAX_CHIPS

    @property
    def chips(self) -> list[Chip]:
        """Return those of all or of the chosen instruments, then those of named symbols that are not stored."""
        named, chosen = self.named[:MAX_CHIPS], set(self.symbols)
        instruments = Instrument.objects.all() if self.are_few else Instrument.objects.filter(symbol__in=named)
        chips = [instrument_chip(instrument, checked=instrument.symbol in chosen) for instrument in instruments]
        stored = {chip.symbol for chip in chips}
        return chips + [Chip(symbol, checked=True, unknown=True) for symbol in named if symbol not in stored]

    @property
    def without_chips(self) -> list[str]:
        return self.named[MAX_CHIPS:]

    @cached_property
    def groups(self) -> list[Group]:
        """Return the groups that have instruments; with their symbols if chosen, or if each instrument is a chip."""
        rows = InstrumentGroup.objects.annotate(size=Count("instruments")).filter(size__gt=0).order_by("name")
        groups = [Group(row.name, row.size, checked=row.name in self.group_names) for row in rows]
        members = {group.name: group.symbols for group in groups if group.checked or self.are_few}
        instruments = Instrument.objects.filter(groups__name__in=members).order_by("symbol")
        for name, symbol in instruments.values_list("groups__name", "symbol"):
            members[name].append(symbol)
        return groups

    @cached_property
    def _shares(self) -> list[str]:
        """Return all symbols but the benchmark."""
        shares = Instrument.objects.exclude(symbol=settings.BENCHMARK_SYMBOL).order_by("symbol")
        return list(shares.values_list("symbol", flat=True))


def instrument_chip(instrument: Instrument, *, checked: bool) -> Chip:
    return Chip(
        symbol=instrument.symbol,
        checked=checked,
        name=instrument.name,
        beta=instrument.beta if instrument.manual_beta is None else instrument.manual_beta,
        is_benchmark=instrument.symbol == settings.BENCHMARK_SYMBOL,
    )
