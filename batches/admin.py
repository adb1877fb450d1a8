"""The admin: look at batches, steer them; look at instruments, set a beta by hand."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from batches import lifecycle, retrying
from batches.errors import BatchError
from batches.models import BatchSession, Instrument, InstrumentGroup, PriceImport, PriceSeries, Status
from batches.progress import elapsed_seconds, percentage

COLOURS = {
    Status.QUEUED: "info",
    Status.RUNNING: "info",
    Status.PAUSED: "warning",
    Status.COMPLETE: "success",
    Status.ERROR: "danger",
    Status.CANCELLED: "warning",
}


class ReadOnly(ModelAdmin):
    """Rows that only the product writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Batches start through the form or the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Looking needs the view permission only."""
        return False


@admin.register(BatchSession)
class BatchSessionAdmin(ReadOnly):
    """All batches, the newest first."""

    list_display = ("name", "state", "progress", "tests", "best", "duration", "created_at")
    list_filter = ("status", "strategy", "created_at")
    search_fields = ("id__startswith", "strategy")
    date_hierarchy = "created_at"
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    actions = ("cancel_batches", "pause_batches", "resume_batches", "retry_batches")
    fieldsets = (
        (None, {"fields": ("page", "state", "phase", "progress", "tests", "failed", "error")}),
        ("Time", {"fields": ("created_at", "started_at", "ended_at", "duration", "deadline_at", "worker_seen_at")}),
        ("What was asked", {"fields": ("strategy", "parameters", "symbols", "retry_of", "engine_version")}),
        ("Leaders", {"fields": ("leader_table",)}),
        ("Failures", {"fields": ("failure_table",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[BatchSession]:
        """Without the large columns that no list shows."""
        return super().get_queryset(request).defer("results", "pace")  # type: ignore[no-any-return]

    @display(description="Batch")
    def name(self, session: BatchSession) -> str:
        """Strategy and the beginning of the id."""
        return str(session)

    @display(description="Status", ordering="status", label={str(status): colour for status, colour in COLOURS.items()})
    def state(self, session: BatchSession) -> str:
        """A coloured word."""
        return session.status

    @display(description="Progress")
    def progress(self, session: BatchSession) -> SafeString:
        """A bar with its number."""
        done = percentage(session)
        return format_html('<progress max="100" value="{}"></progress> {}%', done, floatformat(done, 1))

    @display(description="Tests", ordering="total")
    def tests(self, session: BatchSession) -> str:
        """Done of all."""
        return f"{session.current:,} of {session.total:,}"

    @display(description="Best so far")
    def best(self, session: BatchSession) -> str:
        """Symbol and the sorted metric of the leader."""
        if not session.leaders:
            return ""
        leader = session.leaders[0]
        return f"{leader['symbol']}: {leader[session.sort_by]:.4g}"

    @display(description="Duration")
    def duration(self, session: BatchSession) -> str:
        """Seconds since the request, pauses left out."""
        return f"{elapsed_seconds(session, timezone.now()):,.1f} s"

    @display(description="Page")
    def page(self, session: BatchSession) -> SafeString:
        """The batch's own page."""
        return format_html('<a href="{}">Open the batch</a>', reverse("batches:detail", args=[session.pk]))

    @display(description="Parameters")
    def parameters(self, session: BatchSession) -> SafeString:
        """Each parameter with its values."""
        ranges = session.request["parameterRanges"].items()
        return format_html_join("", "<div>{}: {}</div>", ((name, shortened(values)) for name, values in ranges))

    @display(description="Symbols")
    def symbols(self, session: BatchSession) -> str:
        """The first of them."""
        return shortened(session.request["symbols"])

    @display(description="Best so far")
    def leader_table(self, session: BatchSession) -> SafeString:
        """The ten leaders."""
        return format_html_join(
            "",
            "<div>{}. {} {}: {}</div>",
            (
                (
                    rank,
                    row["symbol"],
                    shortened([f"{k} {v:g}" for k, v in row["parameters"].items()]),
                    f"{row[session.sort_by]:.4g}",
                )
                for rank, row in enumerate(session.leaders, 1)
            ),
        )

    @display(description="Causes")
    def failure_table(self, session: BatchSession) -> SafeString:
        """How often each cause came."""
        return format_html_join(
            "", "<div>{} x {}</div>", ((f"{cause['count']:,}", cause["message"]) for cause in session.failures)
        )

    @action(description="Cancel the selected batches")
    def cancel_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Those that are over already stay as they are."""
        messages.success(request, f"Cancelled: {_moved(queryset, lifecycle.cancel)}. What was finished is kept.")

    @action(description="Pause the selected batches")
    def pause_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Those that wait or run."""
        messages.success(request, f"Paused: {_moved(queryset, lifecycle.pause)}. Their deadlines stand still.")

    @action(description="Resume the selected batches")
    def resume_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Those that are paused."""
        messages.success(request, f"Resumed: {_moved(queryset, lifecycle.resume)}.")

    @action(description="Retry the selected batches")
    def retry_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Each one that ended with something left to do starts again as a new batch."""
        started = 0
        for session in queryset:
            try:
                retrying.retry(session, now=timezone.now())
                started += 1
            except BatchError as error:
                messages.error(request, f"{session}: {error.message}")
        if started:
            messages.success(request, f"Started again: {started}. Only what failed or is missing is run.")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Of the selected batches, those that have ended; workers still write to the others."""
        for session in queryset:
            try:
                lifecycle.delete(session.pk)
            except BatchError as error:
                messages.error(request, f"{session}: {error.message}")

    def has_delete_permission(self, request: HttpRequest, obj: BatchSession | None = None) -> bool:
        """Only what has ended."""
        over = obj is None or obj.state.is_terminal
        return over and super().has_delete_permission(request, obj)


@admin.register(Instrument)
class InstrumentAdmin(ModelAdmin):
    """Instruments; only the name, the groups and the manual beta are written by hand."""

    list_display = ("symbol", "name", "bars", "first_date", "last_date", "gaps", "beta", "manual_beta", "updated_at")
    list_filter = ("groups",)
    search_fields = ("symbol", "name")
    list_select_related = ("series",)
    filter_horizontal = ("groups",)
    readonly_fields = ("symbol", "series", "beta", "gaps", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Instrument]:
        """Without the bars."""
        return super().get_queryset(request).defer("series__data")  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Instruments come with their prices."""
        return False

    def bars(self, instrument: Instrument) -> int:
        """Of the present series."""
        return instrument.series.n_bars

    def first_date(self, instrument: Instrument) -> str:
        """Of the present series."""
        return instrument.series.first_date.isoformat()

    def last_date(self, instrument: Instrument) -> str:
        """Of the present series."""
        return instrument.series.last_date.isoformat()


@admin.register(InstrumentGroup)
class InstrumentGroupAdmin(ModelAdmin):
    """The names that instruments are chosen by."""

    search_fields = ("name",)


@admin.register(PriceImport)
class PriceImportAdmin(ReadOnly):
    """Every file of prices that came in, and what became of it."""

    list_display = ("name", "source", "outcome", "summary", "door", "owner", "size", "created_at")
    list_filter = ("outcome", "door", "created_at")
    list_select_related = ("owner",)
    search_fields = ("name", "source")
    exclude = ("content",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceImport]:
        """Without the files."""
        return super().get_queryset(request).defer("content")  # type: ignore[no-any-return]


@admin.register(PriceSeries)
class PriceSeriesAdmin(ReadOnly):
    """Every version of every instrument's prices."""

    list_display = ("symbol", "n_bars", "first_date", "last_date", "has_ohlc", "source", "created_at")
    search_fields = ("symbol",)
    exclude = ("data",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceSeries]:
        """Without the bars."""
        return super().get_queryset(request).defer("data")  # type: ignore[no-any-return]

    def has_delete_permission(self, request: HttpRequest, obj: PriceSeries | None = None) -> bool:
        """Batches are replayed from them."""
        return False


def _moved(queryset: QuerySet[BatchSession], move: Callable[[uuid.UUID, datetime], bool]) -> int:
    """How many of them the move has changed."""
    now = timezone.now()
    return sum(move(pk, now) for pk in queryset.values_list("pk", flat=True))


def shortened(values: list[Any], most: int = 12) -> str:
    """The first values, and how many more there are."""
    text = ", ".join(str(value) for value in values[:most])
    return text if len(values) <= most else f"{text} and {len(values) - most:,} more"
