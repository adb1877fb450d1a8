"""Batches: find them, look at them, steer them. Quick however many there are."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat, floatformat
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from backtester.engine import STRATEGIES
from batches import permissions
from batches.admin.reading import ReadOnly, shortened
from batches.errors import BatchError
from batches.models import BatchSession, Status
from batches.permissions import Right
from batches.results.blocks import result_bytes
from batches.running import lifecycle, retrying
from batches.sweep.progress import elapsed_seconds, percentage

COLOURS = {
    Status.QUEUED: "info",
    Status.RUNNING: "info",
    Status.PAUSED: "warning",
    Status.COMPLETE: "success",
    Status.ERROR: "danger",
    Status.CANCELLED: "warning",
}


class StrategyFilter(admin.SimpleListFilter):
    """By strategy. The names are known; to ask the table for them would read it whole."""

    title, parameter_name = "strategy", "strategy"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those of this version."""
        return [(each.name, each.title) for each in STRATEGIES.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> QuerySet[BatchSession]:
        """The batches of one."""
        return queryset.filter(strategy=self.value()) if self.value() else queryset


@admin.register(BatchSession)
class BatchSessionAdmin(ReadOnly):
    """All batches, the newest first."""

    list_display = ("name", "owner", "state", "progress", "tests", "kept", "best", "duration", "created_at")
    list_filter = ("status", ("owner", RelatedDropdownFilter), StrategyFilter, "created_at")
    list_select_related = ("owner",)
    search_fields = ("id__startswith", "strategy")
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    actions = ("cancel_batches", "pause_batches", "resume_batches", "retry_batches", "export_batch")
    fieldsets = (
        (None, {"fields": ("page", "owner", "state", "phase", "progress", "tests", "failed", "error")}),
        ("Time", {"fields": ("created_at", "started_at", "ended_at", "duration", "deadline_at", "worker_seen_at")}),
        ("What was asked", {"fields": ("strategy", "parameters", "symbols", "retry_of", "engine_version")}),
        ("Leaders", {"fields": ("leader_table",)}),
        ("Failures", {"fields": ("failure_table",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[BatchSession]:
        return super().get_queryset(request).narrow("leaders")  # type: ignore[no-any-return]

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Whether they may cancel, pause and resume what others started; the admin shows batches of all."""
        return permissions.may(request.user, Right.STEER_ALL)

    def has_start_permission(self, request: HttpRequest) -> bool:
        """Whether they may start batches."""
        return permissions.may(request.user, Right.RUN)

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

    @display(description="Kept")
    def kept(self, session: BatchSession) -> str:
        """About what its results take in the database."""
        return filesizeformat(result_bytes(session.current))

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

    @action(description="Cancel the selected batches", permissions=["steer"])
    def cancel_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Those that are over already stay as they are."""
        messages.success(request, f"Cancelled: {_moved(queryset, lifecycle.cancel)}. What was finished is kept.")

    @action(description="Pause the selected batches", permissions=["steer"])
    def pause_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Those that wait or run."""
        messages.success(request, f"Paused: {_moved(queryset, lifecycle.pause)}. Their deadlines stand still.")

    @action(description="Resume the selected batches", permissions=["steer"])
    def resume_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Those that are paused."""
        messages.success(request, f"Resumed: {_moved(queryset, lifecycle.resume)}.")

    @action(description="Retry the selected batches", permissions=["start"])
    def retry_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Each one that ended with something left to do starts again as a new batch."""
        started = 0
        for session in queryset:
            try:
                retrying.retry(session, now=timezone.now(), owner=permissions.owner(request.user))
                started += 1
            except BatchError as error:
                messages.error(request, f"{session}: {error.message}")
        if started:
            messages.success(request, f"Started again: {started}. Only what failed or is missing is run.")

    @action(description="Export the results of the selected batch (CSV)", permissions=["view"])
    def export_batch(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> HttpResponse | None:
        """One at a time: a file holds the columns of one strategy."""
        chosen = list(queryset.values_list("pk", flat=True)[:2])
        if len(chosen) == 1:
            return redirect(f"/api/backtest/batch/{chosen[0]}/results.csv")
        messages.error(request, "Choose one batch: a file holds the columns of one strategy.")
        return None

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


def _moved(queryset: QuerySet[BatchSession], move: Callable[[uuid.UUID, datetime], bool]) -> int:
    """How many of them the move has changed."""
    now = timezone.now()
    return sum(move(pk, now) for pk in queryset.values_list("pk", flat=True))
