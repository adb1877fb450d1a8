"""The list of batches: which ones, in which order, in pages."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Coalesce, Lower, NullIf

from batches.errors import Detail, InvalidRequest
from batches.models import ACTIVE, MAX_TAG, BatchSession, Status
from batches.search import MAX_RESULTS, newest_matching
from batches.validators import digits, iso_date, nearest

PAGE_SIZE = 25
MAX_PAGE = 1_000_000
MAX_SEARCH = 200
STATUS_GROUPS = {"active": [*ACTIVE], "failed": [Status.ERROR]}
STATUSES = ("active", "failed", *Status.values)
SORTS = {
    "createdAt": "created_at",
    "endedAt": "ended_at",
    "title": "sort_title",
    "strategy": "strategy",
    "status": "status",
    "total": "total",
}
NEWEST = "-createdAt"
FIELDS = ("search", "tag", "from", "to", "status", "sort", "page")


@dataclass(frozen=True)
class HistoryQuery:
    """first, last : days of the start in UTC, both included; sort : a name of SORTS, with a minus descending"""

    search: str = ""
    tag: str = ""
    first: date | None = None
    last: date | None = None
    status: str = ""
    sort: str = NEWEST
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "HistoryQuery":
        """Parse a query string; empty values count as left out. InvalidRequest names every wrong field."""
        details: list[Detail] = []
        fields = {name: query.get(name, "").strip() for name in FIELDS}
        for name, most in (("search", MAX_SEARCH), ("tag", MAX_TAG)):
            if len(fields[name]) > most or not fields[name].isprintable():
                details.append(_refusal(name, f"at most {most} printable characters", fields[name]))
        first, last = (_day(name, fields[name], details) for name in ("from", "to"))
        if first and last and first > last:
            details.append(Detail("from", f"from must not be after to, got {first} and {last}."))
        _check_name("status", fields["status"], STATUSES, details)
        _check_name("sort", fields["sort"].removeprefix("-") or fields["sort"], tuple(SORTS), details)
        page = digits(fields["page"] or "1")
        if page is None or not 1 <= page <= MAX_PAGE:
            details.append(_refusal("page", f"an integer between 1 and {MAX_PAGE:,}", fields["page"]))
        if details:
            raise InvalidRequest(*details)
        return cls(fields["search"], fields["tag"], first, last, fields["status"], fields["sort"] or NEWEST, page or 1)

    def select(self, sessions: QuerySet[BatchSession]) -> QuerySet[BatchSession]:
        """Return the batches that pass the filters, except the search."""
        if self.tag:
            sessions = sessions.filter(tags__name__iexact=self.tag)
        if self.first:
            sessions = sessions.filter(created_at__gte=_midnight(self.first))
        if self.last and self.last < date.max:
            sessions = sessions.filter(created_at__lt=_midnight(self.last + timedelta(days=1)))
        if self.status:
            sessions = sessions.filter(status__in=STATUS_GROUPS.get(self.status, [self.status]))
        return sessions

    def ordered(self, sessions: QuerySet[BatchSession]) -> QuerySet[BatchSession]:
        name = self.sort.removeprefix("-")
        if name == "title":
            named = Coalesce(NullIf("title", Value("")), F("strategy"), output_field=CharField())
            sessions = sessions.annotate(sort_title=Lower(named))
        key = F(SORTS[name])
        order = key.desc(nulls_last=True) if self.sort.startswith("-") else key.asc(nulls_last=True)
        return sessions.order_by("-created_at") if self.sort == NEWEST else sessions.order_by(order, "-created_at")


@dataclass(frozen=True)
class HistoryPage:
    """sessions : of this page; total : of all pages; has_more : a search stops after so many"""

    sessions: list[BatchSession]
    total: int
    number: int
    pages: int
    has_more: bool


def history_page(
    visible: QuerySet[BatchSession], query: HistoryQuery, now: datetime, *, or_last: bool = False
) -> HistoryPage:
    """Return one page; past the last one an empty page, or the last one."""
    sessions, has_more, ids = query.select(visible), False, None
    if query.search:
        ids = newest_matching(sessions, query.search, now)
        ids, has_more = ids[:MAX_RESULTS], len(ids) > MAX_RESULTS
    total = sessions.count() if ids is None else len(ids)
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(query.page, pages) if or_last else query.page
    here = slice((number - 1) * PAGE_SIZE, number * PAGE_SIZE)
    chosen = _page_of(sessions, ids, query, here)
    return HistoryPage(list(chosen.prefetch_related("tags")), total, number, pages, has_more)


def _page_of(
    sessions: QuerySet[BatchSession], ids: list[uuid.UUID] | None, query: HistoryQuery, here: slice
) -> QuerySet[BatchSession]:
    if ids is None:
        return query.ordered(sessions)[here]
    if query.sort == NEWEST:  # they are in this order
        return query.ordered(sessions.filter(pk__in=ids[here]))
    return query.ordered(sessions.filter(pk__in=ids))[here]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _day(name: str, text: str, details: list[Detail]) -> date | None:
    if not text:
        return None
    try:
        return iso_date(text)
    except ValueError as reason:
        details.append(_refusal(name, str(reason), text))
        return None


def _check_name(field: str, name: str, names: tuple[str, ...], details: list[Detail]) -> None:
    if name and name not in names:
        details.append(_refusal(field, f"one of {', '.join(names)}", name, nearest(name, names)))


def _refusal(field: str, requirement: str, text: str, hint: str = "") -> Detail:
    return Detail(field, f"{field} must be {requirement}, got {text[:40]!r}.{hint}")
