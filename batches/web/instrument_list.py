"""The list of instruments: searched, filtered by group, sorted; and groups changed for many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from batches.errors import Detail, InvalidRequest
from batches.formatting import counted
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
class Heading:
    """A column heading. query : sorts by the column, or reverses the order; order : ascending, descending or empty"""

    name: str
    label: str
    query: str
    order: str


@dataclass(frozen=True)
class InstrumentQuery:
    """The query of the list. Invalid values are ignored, as in any search."""

    words: str = ""
    group: str = ""
    sort: str = "symbol"
    descending: bool = False
    archived: bool = False

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "InstrumentQuery":
        sort = parameters.get("sort", "")
        return cls(
            words=parameters.get("q", "").replace("\0", "").strip()[:100],
            group=parameters.get("group", "").replace("\0", ""),
            sort=sort.lstrip("-") if sort.lstrip("-") in SORTS else "symbol",
            descending=sort.startswith("-"),
            archived=parameters.get("archived") == "1",
        )

    def rows(self) -> QuerySet[Instrument]:
        """Return the matching instruments without their bars."""
        rows = Instrument.objects.select_related("series").defer("series__data").prefetch_related("groups")
        rows = rows.filter(is_archived=self.archived).annotate(used_beta=Coalesce("manual_beta", "beta"))
        if self.words:
            rows = rows.filter(Q(symbol__icontains=self.words) | Q(name__icontains=self.words))
        if self.group:
            rows = rows.filter(groups__name=self.group)
        return rows.order_by(("-" if self.descending else "") + SORTS[self.sort][1], "symbol")

    def query(self, **changes: str) -> str:
        values = {
            "q": self.words,
            "group": self.group,
            "sort": ("-" if self.descending else "") + self.sort,
            "archived": "1" if self.archived else "",
        } | changes
        defaults = {"q": "", "group": "", "sort": "symbol", "archived": ""}
        return urlencode({name: value for name, value in values.items() if value != defaults[name]})

    def headings(self) -> list[Heading]:
        headings = []
        for name, (label, _) in SORTS.items():
            is_sorted = name == self.sort
            sort = name if self.descending or not is_sorted else f"-{name}"
            order = ("descending" if self.descending else "ascending") if is_sorted else ""
            headings.append(Heading(name, label, self.query(sort=sort), order))
        return headings


def group_names(text: str) -> list[str]:
    """`Technology, Banks` -> ["Technology", "Banks"]; ValueError if a name is too long."""
    names = list(dict.fromkeys(" ".join(part.split()) for part in text.split(",") if part.strip()))
    if any(len(name) > MAX_GROUP_NAME or not name.isprintable() for name in names):
        raise ValueError(f"Group names must have at most {MAX_GROUP_NAME} characters, separated by commas.")
    return names


def regroup(symbols: Sequence[str], *, group_text: str, remove: bool) -> str:
    """Add the instruments to the groups, or remove them from the groups; return what was done."""
    try:
        names = group_names(group_text)
    except ValueError as error:
        raise InvalidRequest(Detail("name", str(error))) from None
    selected = Instrument.objects.filter(symbol__in=[symbol for symbol in symbols if symbol.isprintable()])
    if not names or not selected:
        raise InvalidRequest(Detail("name", "Select instruments and enter a group."))
    with transaction.atomic():
        for name in names:
            if not remove:
                InstrumentGroup.objects.get_or_create(name=name)[0].instruments.add(*selected)
            elif group := InstrumentGroup.objects.filter(name=name).first():
                group.instruments.remove(*selected)
        delete_if_empty(names)
    done, preposition = ("Removed", "from") if remove else ("Added", "to")
    return f"{done} {counted(len(selected), 'instrument')} {preposition} {', '.join(names)}."


def delete_if_empty(names: Sequence[str]) -> None:
    InstrumentGroup.objects.filter(name__in=names, instruments=None).delete()
