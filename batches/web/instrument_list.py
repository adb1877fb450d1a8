"""The list of instruments as someone asks for it: searched, by group, sorted; and groups changed for many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from batches.errors import Detail, InvalidRequest
from batches.models import Instrument, InstrumentGroup

SORTS = {
    "symbol": ("Symbol", "symbol"),
    "firstDate": ("From", "series__first_date"),
    "lastDate": ("To", "series__last_date"),
    "bars": ("Bars", "series__n_bars"),
    "gaps": ("Gaps", "gaps"),
    "beta": ("Beta", "used_beta"),
    "updatedAt": ("Updated", "updated_at"),
}
MAX_GROUP_NAME = 40


@dataclass(frozen=True)
class InstrumentQuery:
    """What someone wants to see. What makes no sense is left out, as in any search."""

    words: str = ""
    group: str = ""
    sort: str = "symbol"
    descending: bool = False

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> "InstrumentQuery":
        """From a query string or a form."""
        sort = given.get("sort", "")
        return cls(
            words=given.get("q", "").replace("\0", "").strip()[:100],
            group=given.get("group", "").replace("\0", ""),
            sort=sort.lstrip("-") if sort.lstrip("-") in SORTS else "symbol",
            descending=sort.startswith("-"),
        )

    def found(self) -> QuerySet[Instrument]:
        """Without the bars."""
        rows = Instrument.objects.select_related("series").defer("series__data").prefetch_related("groups")
        rows = rows.annotate(used_beta=Coalesce("manual_beta", "beta"))
        if self.words:
            rows = rows.filter(Q(symbol__icontains=self.words) | Q(name__icontains=self.words))
        if self.group:
            rows = rows.filter(groups__name=self.group)
        return rows.order_by(("-" if self.descending else "") + SORTS[self.sort][1], "symbol")

    def query(self, **changes: str) -> str:
        """As a query string, with changes."""
        values = {"q": self.words, "group": self.group, "sort": ("-" if self.descending else "") + self.sort} | changes
        plain = {"q": "", "group": "", "sort": "symbol"}
        return urlencode({name: value for name, value in values.items() if value != plain[name]})

    def columns(self) -> list[dict[str, str]]:
        """The heads of the table, each with the link that sorts by it, or turns it round."""
        heads = []
        for name, (label, _) in SORTS.items():
            is_sorted = name == self.sort
            turned = name if self.descending or not is_sorted else f"-{name}"
            order = ("descending" if self.descending else "ascending") if is_sorted else ""
            heads.append({"name": name, "label": label, "query": self.query(sort=turned), "sorted": order})
        return heads


def group_names(text: str) -> list[str]:
    """`Technology, Banks` -> ["Technology", "Banks"]; ValueError says what is wanted."""
    names = list(dict.fromkeys(" ".join(part.split()) for part in text.split(",") if part.strip()))
    if any(len(name) > MAX_GROUP_NAME or not name.isprintable() for name in names):
        raise ValueError(f"names of at most {MAX_GROUP_NAME} characters, with commas between them,")
    return names


def regroup(symbols: Sequence[str], given: Mapping[str, str]) -> str:
    """Put the instruments into the groups that `name` names, or take them out (`intent` is remove); what was done."""
    try:
        names = group_names(given.get("name", ""))
    except ValueError as error:
        raise InvalidRequest(Detail("name", f"For groups, {error} are wanted.")) from None
    chosen = Instrument.objects.filter(symbol__in=[symbol for symbol in symbols if symbol.isprintable()])
    if not names or not chosen:
        raise InvalidRequest(Detail("name", "Tick some instruments and name a group."))
    removes = given.get("intent") == "remove"
    with transaction.atomic():
        for name in names:
            if removes:
                for group in InstrumentGroup.objects.filter(name=name):
                    group.instruments.remove(*chosen)
            else:
                InstrumentGroup.objects.get_or_create(name=name)[0].instruments.add(*chosen)
        drop_when_empty(names)
    moved = f"{len(chosen):,} {'instrument is' if len(chosen) == 1 else 'instruments are'}"
    return f"{moved} {'no longer in' if removes else 'in'} {', '.join(names)}."


def drop_when_empty(names: Sequence[str]) -> None:
    """A group that has lost its last instrument is gone."""
    InstrumentGroup.objects.filter(name__in=names, instruments=None).delete()
