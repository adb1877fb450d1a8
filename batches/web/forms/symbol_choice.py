"""The symbols that a form or a link chooses.

`symbols=AAPL,MSFT` names them, `symbols=*` is every stored share, `group=Banks` those of a group. The last two are
looked up for each request: a link cannot hold thousands of symbols, and the members of a group change. Archived
instruments are chosen only by name.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict

from batches.errors import Detail, InvalidRequest
from batches.formatting import as_json
from batches.models import BatchSession, Instrument, InstrumentGroup
from batches.sweep.link import fits_a_link
from batches.symbols import EVERY, MAX_LENGTH, joined, listed, quoted
from batches.validators import nearest

DEFAULT_GROUP = "Sample"  # `make run` puts the sample prices into it
N_DEFAULT_SYMBOLS = 20
MAX_CHIPS = 200  # a page with more is slow to load and to read
MAX_UNKNOWN_GROUPS = 20
OFFERED = Instrument.objects.filter(is_archived=False)


@dataclass(frozen=True)
class Chip:
    symbol: str
    checked: bool
    name: str = ""
    beta: float | None = None
    is_benchmark: bool = False
    unknown: bool = False

    @property
    def value(self) -> str:
        """The symbol in a list of symbols."""
        return quoted(self.symbol)


@dataclass(frozen=True)
class Group:
    """symbols : empty if the page does not need them"""

    name: str
    size: int
    checked: bool
    symbols: list[str] = field(default_factory=list)

    @property
    def values(self) -> str:
        """The values of the chips of its symbols, as JSON."""
        return as_json([quoted(symbol) for symbol in self.symbols])


class SymbolChoice:
    """The chosen symbols, and what the page shows of them.

    sent_by_form : if true, what is missing is switched off; batches : of the user, newest first
    """

    def __init__(self, data: QueryDict, *, sent_by_form: bool, batches: QuerySet[BatchSession] | None = None) -> None:
        self._batches = batches
        parts = _symbols_of(data.getlist("symbols"))
        self.every = EVERY in parts
        self.group_names = list(dict.fromkeys(name.replace("\0", "") for name in data.getlist("group") if name))
        self._named = [part for part in dict.fromkeys(parts) if part != EVERY]
        self._has_choice = sent_by_form or "symbols" in data or bool(self.group_names)

    @cached_property
    def named(self) -> list[str]:
        """Return the symbols that are named one by one."""
        return self._named if self._has_choice else self._default()[:N_DEFAULT_SYMBOLS]

    def _default(self) -> list[str]:
        """Return the sample, else what was tested last, else all shares, so that an import changes nothing."""
        sample = _share_symbols(OFFERED.filter(groups__name=DEFAULT_GROUP))
        if sample:
            return sample
        last = self._batches.only("request").first() if self._batches is not None else None
        stored = set(self._shares)
        return [symbol for symbol in (last.request["symbols"] if last else ()) if symbol in stored] or self._shares

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
        return OFFERED.count()

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
        instruments = Instrument.objects.filter(symbol__in=filter(_may_be_stored, named))
        if self.are_few:
            instruments |= OFFERED.all()
        chips = [instrument_chip(instrument, checked=instrument.symbol in chosen) for instrument in instruments]
        stored = {chip.symbol for chip in chips}
        return chips + [Chip(symbol, checked=True, unknown=True) for symbol in named if symbol not in stored]

    @property
    def without_chips(self) -> list[str]:
        return self.named[MAX_CHIPS:]

    @property
    def without_chips_value(self) -> str:
        return joined(self.without_chips)

    @cached_property
    def groups(self) -> list[Group]:
        """Return the groups that have instruments; with their symbols if chosen, or if each instrument is a chip."""
        size = Count("instruments", filter=Q(instruments__is_archived=False))
        rows = InstrumentGroup.objects.annotate(size=size).filter(size__gt=0).order_by("name")
        groups = [Group(row.name, row.size, checked=row.name in self.group_names) for row in rows]
        members = {group.name: group.symbols for group in groups if group.checked or self.are_few}
        instruments = OFFERED.filter(groups__name__in=members).order_by("symbol")
        for name, symbol in instruments.values_list("groups__name", "symbol"):
            members[name].append(symbol)
        return groups

    @cached_property
    def _shares(self) -> list[str]:
        """Return all symbols but the benchmark."""
        return _share_symbols(OFFERED.all())


def _share_symbols(instruments: QuerySet[Instrument]) -> list[str]:
    shares = instruments.exclude(symbol=settings.BENCHMARK_SYMBOL).order_by("symbol")
    return list(shares.values_list("symbol", flat=True))


def _symbols_of(texts: Iterable[str]) -> list[str]:
    """Split lists of symbols. One with blanks is a symbol if it is quoted or stored, else a list too."""
    parts = [part for text in texts for part in listed(text)]
    blanks = {name for name, is_quoted in parts if not is_quoted and " " in name and _may_be_stored(name)}
    stored = set(Instrument.objects.filter(symbol__in=blanks).values_list("symbol", flat=True)) if blanks else set()
    return [name for text, is_quoted in parts for name in ([text] if is_quoted or text in stored else text.split(" "))]


def _may_be_stored(name: str) -> bool:
    return len(name) <= MAX_LENGTH and name.isprintable()


def instrument_chip(instrument: Instrument, *, checked: bool) -> Chip:
    return Chip(
        symbol=instrument.symbol,
        checked=checked,
        name=instrument.name,
        beta=instrument.beta if instrument.manual_beta is None else instrument.manual_beta,
        is_benchmark=instrument.symbol == settings.BENCHMARK_SYMBOL,
    )
