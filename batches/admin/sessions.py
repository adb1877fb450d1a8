"""Batches. Every query is limited to one page, however many batches there are."""

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
from batches.admin.reading import ReadOnly
from batches.errors import BatchError
from batches.formatting import metric, rounded_down, shortened
from batches.models import BatchSession, Status
from batches.permissions import Permission
from batches.results.blocks import result_bytes
from batches.running import lifecycle, retrying
from batches.sweep.progress import elapsed_seconds, percentage
from batches.sweep.titles import strategy_title
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME

MOST_VALUES = 12
COLORS = {
    Status.QUEUED: "info",
    Status.RUNNING: "info",
    Status.PAUSED: "warning",
    Status.COMPLETE: "success",
    Status.ERROR: "danger",
    Status.CANCELLED: "warning",
}


class StrategyFilter(admin.SimpleListFilter):
    """The names come from the registry: a query for the distinct ones would read the whole table."""

    title, parameter_name = "strategy", "strategy"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(strategy.name, strategy.title) for strategy in STRATEGIES.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> QuerySet[BatchSession]:
        return queryset.filter(strategy=self.value()) if self.value() else queryset


@admin.register(BatchSession)
class BatchSessionAdmin(ReadOnly):
    list_display = ("name", "owner", "state", "progress", "tests", "size", "best", "duration", "created_at")
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
        ("Request", {"fields": ("strategy", "parameters", "symbols", "retry_of", "engine_version")}),
        ("Leaders", {"fields": ("leader_table",)}),
        ("Failures", {"fields": ("failure_table",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[BatchSession]:
        return super().get_queryset(request).narrow("leaders")  # type: ignore[no-any-return]

    def has_control_permission(self, request: HttpRequest) -> bool:
        """The admin shows the batches of all owners."""
        return permissions.may(request.user, Permission.CONTROL_ALL)

    def has_start_permission(self, request: HttpRequest) -> bool:
        return permissions.may(request.user, Permission.RUN)

    @display(description="Batch")
    def name(self, session: BatchSession) -> SafeString:
        """Return the title or the strategy's, and the start of the id: a request may be too long for a list."""
        title = session.title or strategy_title(session.strategy)
        return format_html('{} <span class="batch-id">{}</span>', title, str(session.pk)[:8])

    @display(description="Status", ordering="status", label={str(status): color for status, color in COLORS.items()})
    def state(self, session: BatchSession) -> str:
        return session.status

    @display(description="Progress")
    def progress(self, session: BatchSession) -> SafeString:
        done = rounded_down(percentage(session))
        return format_html('<progress max="100" value="{}"></progress> {}%', done, floatformat(done, 1))

    @display(description="Tests", ordering="total")
    def tests(self, session: BatchSession) -> str:
        failed = f" ({session.failed:,} failed)" if session.failed else ""
        return f"{session.current:,} of {session.total:,}{failed}"

    @display(description="Size")
    def size(self, session: BatchSession) -> str:
        """The approximate size of the stored results."""
        return filesizeformat(result_bytes(session.current))

    @display(description="Best so far")
    def best(self, session: BatchSession) -> str:
        if not session.leaders:
            return ""
        leader = session.leaders[0]
        return f"{leader['symbol']} · {metric(leader[session.sort_by], METRICS_BY_WIRE_NAME[session.sort_by].unit)}"

    @display(description="Duration")
    def duration(self, session: BatchSession) -> str:
        return f"{elapsed_seconds(session, timezone.now()):,.1f} s"

    @display(description="Page")
    def page(self, session: BatchSession) -> SafeString:
        return format_html('<a href="{}">Open the batch</a>', reverse("batches:detail", args=[session.pk]))

    @display(description="Parameters")
    def parameters(self, session: BatchSession) -> SafeString:
        ranges = session.request["parameterRanges"].items()
        lines = ((name, shortened(values, MOST_VALUES)) for name, values in ranges)
        return format_html_join("", "<div>{}: {}</div>", lines)

    @display(description="Symbols")
    def symbols(self, session: BatchSession) -> str:
        return shortened(session.request["symbols"], MOST_VALUES)

    @display(description="Best so far")
    def leader_table(self, session: BatchSession) -> SafeString:
        return format_html_join(
            "",
            "<div>{}. {} {}: {}</div>",
            (
                (
                    rank,
                    row["symbol"],
                    shortened([f"{k} {v:g}" for k, v in row["parameters"].items()], MOST_VALUES),
                    f"{row[session.sort_by]:.4g}",
                )
                for rank, row in enumerate(session.leaders, 1)
            ),
        )

    @display(description="Causes")
    def failure_table(self, session: BatchSession) -> SafeString:
        return format_html_join(
            "", "<div>{} x {}</div>", ((f"{cause['count']:,}", cause["message"]) for cause in session.failures)
        )

    @action(description="Cancel the selected batches", permissions=["control"])
    def cancel_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        messages.success(request, f"Cancelled: {_moved(queryset, lifecycle.cancel)}. Finished tests are kept.")

    @action(description="Pause the selected batches", permissions=["control"])
    def pause_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        messages.success(request, f"Paused: {_moved(queryset, lifecycle.pause)}. Their deadlines stand still.")

    @action(description="Resume the selected batches", permissions=["control"])
    def resume_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        messages.success(request, f"Resumed: {_moved(queryset, lifecycle.resume)}.")

    @action(description="Retry the selected batches", permissions=["start"])
    def retry_batches(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        started = 0
        for session in queryset:
            try:
                retrying.retry(session, now=timezone.now(), owner=permissions.owner(request.user))
                started += 1
            except BatchError as error:
                messages.error(request, f"{session}: {error.message}")
        if started:
            messages.success(request, f"Retried: {started}. Only failed and missing tests are run.")

    @action(description="Export the results of the selected batch (CSV)", permissions=["view"])
    def export_batch(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> HttpResponse | None:
        ids = list(queryset.values_list("pk", flat=True)[:2])
        if len(ids) == 1:
            return redirect(f"/api/backtest/batch/{ids[0]}/results.csv")
        messages.error(request, "Select one batch: a file has the columns of one strategy.")
        return None

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BatchSession]) -> None:
        """Delete the ended batches; workers still write to the others."""
        for session in queryset:
            try:
                lifecycle.delete(session.pk)
            except BatchError as error:
                messages.error(request, f"{session}: {error.message}")

    def has_delete_permission(self, request: HttpRequest, obj: BatchSession | None = None) -> bool:
        has_ended = obj is None or obj.state.is_terminal
        return has_ended and super().has_delete_permission(request, obj)


def _moved(queryset: QuerySet[BatchSession], move: Callable[[uuid.UUID, datetime], bool]) -> int:
    """Move the batches. Return how many have changed."""
    now = timezone.now()
    return sum(move(pk, now) for pk in queryset.values_list("pk", flat=True))
