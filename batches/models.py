"""Batches and the chunks that hold their results; with the tables of prices and verdicts, all of the application."""

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models

from batches.price_models import Instrument as Instrument
from batches.price_models import InstrumentGroup as InstrumentGroup
from batches.price_models import PriceImport as PriceImport
from batches.price_models import PricePart as PricePart
from batches.price_models import PriceSeries as PriceSeries
from batches.verdict_models import Holdout as Holdout
from batches.verdict_models import LedgerEntry as LedgerEntry
from batches.verdict_models import LockedDays as LockedDays
from batches.verdict_models import TriedGrid as TriedGrid
from batches.verdict_models import Verdict as Verdict
from batches.verdict_models import VerdictRows as VerdictRows
from batches.verdict_models import VerdictStatus as VerdictStatus

MAX_TITLE, MAX_TAG = 120, 30  # characters


class Status(models.TextChoices):
    """The states of a batch. A terminal state is entered once and never left."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL


TERMINAL = frozenset({Status.COMPLETE, Status.ERROR, Status.CANCELLED})
ACTIVE = frozenset({Status.QUEUED, Status.RUNNING, Status.PAUSED})


class Phase(models.TextChoices):
    LOADING = "loading"
    COMPILING = "compiling"
    TESTING = "testing"
    WRITING = "writing"


class ChunkStatus(models.TextChoices):
    """The states of a chunk. A failed chunk killed its worker in every attempt."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


# Columns of a session that may hold megabytes, and that only the pages of a single batch show.
WIDE_COLUMNS = (
    "request", "instruments", "pace", "leaders", "last_test", "failures", "improvements", "notes", "error", "results",
)  # fmt: skip


class BatchSessionQuerySet(models.QuerySet["BatchSession"]):
    def narrow(self, *keep: str) -> Self:
        """Defer the wide columns, except those named."""
        return self.defer(*(name for name in WIDE_COLUMNS if name not in keep))


class BatchSession(models.Model):
    """One submitted sweep: its request, its progress and its results."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.JSONField(help_text="The checked request, in the wire form; equal requests are equal JSON.")
    strategy = models.CharField(max_length=64)
    sort_by = models.CharField(max_length=64)
    instruments = models.JSONField(help_text="For each symbol: the price series and the beta that this batch uses.")
    engine_version = models.CharField(max_length=32)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="batches",
        help_text="Who started it; no one in personal mode.",
    )
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries")

    tested_until = models.DateField(null=True, help_text="Where locked days end it before the dates of its request.")
    holdout = models.ForeignKey(
        Holdout, on_delete=models.PROTECT, null=True, related_name="batches", help_text="Its locked tail."
    )

    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.LOADING)
    loading = models.JSONField(
        null=True, help_text="While loading: the symbol whose bars are decoded, its number, of how many."
    )
    total = models.PositiveIntegerField(help_text="Combinations to test.")
    successful = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    work_total = models.FloatField(help_text="Bars times combinations.")
    work_done = models.FloatField(default=0)
    carried_tests = models.PositiveIntegerField(default=0, help_text="Tests taken over from the retried batch.")
    carried_work = models.FloatField(default=0)
    pace = models.JSONField(default=list, help_text="The latest [active seconds, work done] pairs, for the estimate.")

    sequence = models.PositiveBigIntegerField(default=1, help_text="Grows with every change a watcher may see.")
    published_at = models.DateTimeField(null=True, editable=False)
    leaders = models.JSONField(default=list)
    last_test = models.JSONField(null=True)
    failures = models.JSONField(default=list, help_text="Causes, the newest last: message, count, example.")

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    paused_s = models.FloatField(default=0)
    timeout_s = models.PositiveIntegerField()
    deadline_at = models.DateTimeField(null=True, help_text="Null while paused: paused time does not count.")
    worker_seen_at = models.DateTimeField(null=True)
    turn_at = models.DateTimeField(null=True, db_column="queued_at", help_text="When a worker last chose it.")
    work_rate = models.FloatField(null=True, help_text="Bars times combinations a second of one worker, lately.")

    title = models.CharField(
        max_length=MAX_TITLE, blank=True, help_text="Empty: named by strategy, ranges and symbols."
    )
    notes = models.TextField(blank=True, help_text="What its people want to remember about it.")
    improvements = models.JSONField(default=list, help_text="[active seconds, tests done, best value], oldest first.")
    sharpes = models.JSONField(null=True, help_text="Number, mean and squared deviations of the Sharpe ratios so far.")
    luck = models.JSONField(null=True, help_text="What luck alone would show, as the events carry it.")
    judged_at = models.DateTimeField(null=True, help_text="When the verdict was ready.")
    counted = models.BooleanField(default=False, help_text="Whether the ledger holds its tests; only after its end.")
    tried_before = models.PositiveBigIntegerField(default=0, help_text="Trials in the ledger when it was submitted.")
    tried_again = models.PositiveBigIntegerField(default=0, help_text="Those of them that this batch tries again.")
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=20, blank=True)
    results = models.JSONField(null=True, help_text="The summary that the terminal event carries.")

    objects = BatchSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], name="session_newest"),
            models.Index(fields=["status", "-created_at"], name="session_status"),
            models.Index(fields=["owner", "-created_at"], name="session_owner"),
            models.Index(fields=["strategy", "-created_at"], name="session_strategy"),
            models.Index(fields=["status"], condition=models.Q(counted=False), name="session_uncounted"),
        ]

    def __str__(self) -> str:
        return f"{self.strategy} {str(self.id)[:8]}"

    @property
    def tested_request(self) -> dict[str, Any]:
        """Return the request with the last day that is tested; the days after it may be locked."""
        until = {"endDate": self.tested_until.isoformat()} if self.tested_until else {}
        return {**self.request, **until}

    @property
    def tag_names(self) -> list[str]:
        return [tag.name for tag in self.tags.all()]

    @property
    def current(self) -> int:
        """The number of finished tests, failed ones included."""
        return self.successful + self.failed

    @property
    def state(self) -> Status:
        return Status(self.status)


class BatchTag(models.Model):
    """A word by which a batch is found again."""

    session = models.ForeignKey(BatchSession, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=MAX_TAG)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["session", "name"], name="one_tag_per_name")]
        indexes = [models.Index(fields=["name"], name="tag_name")]

    def __str__(self) -> str:
        return self.name


class BatchWords(models.Model):
    """The text that a search matches. In a table of its own: a search reads all of it, and sessions are wide rows."""

    session = models.OneToOneField(BatchSession, on_delete=models.CASCADE, primary_key=True, related_name="words")
    text = models.TextField(help_text="Id, title, tags, strategy, symbols and notes, in capitals.")
    created_at = models.DateTimeField(help_text="The session's own, so that a search reads the newest first.")

    class Meta:
        indexes = [models.Index(fields=["-created_at"], name="words_newest")]

    def __str__(self) -> str:
        return self.text[:60]


class Preset(models.Model):
    """A named query string: a configuration of the sweep form, or a filter of the list of batches."""

    class Page(models.TextChoices):
        FORM = "form"
        BATCHES = "batches"

    name = models.CharField(max_length=60)
    page = models.CharField(max_length=10, choices=Page, default=Page.FORM)
    query = models.TextField(help_text="The query string that opens the page with it.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DailyUse(models.Model):
    """The combinations that one owner started on one day, those of deleted batches included."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    day = models.DateField(help_text="In UTC.")
    combinations = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "day"], name="one_use_per_day")]

    def __str__(self) -> str:
        return f"{self.combinations:,} on {self.day}"


class ResultChunk(models.Model):
    """A contiguous slice of one symbol's combinations: first the plan, then the results."""

    session = models.ForeignKey(BatchSession, on_delete=models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField(help_text="The order of work: symbols interleaved.")
    symbol_number = models.PositiveIntegerField()
    start = models.PositiveIntegerField(help_text="First combination index.")
    stop = models.PositiveIntegerField(help_text="One past the last combination index.")
    status = models.CharField(max_length=8, choices=ChunkStatus, default=ChunkStatus.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    failures = models.JSONField(default=list, help_text="[message, [[first, past last], ...]] in combination indices.")
    block = models.BinaryField(null=True, help_text="float64[n_metrics, stop - start], row major.")
    crc32 = models.PositiveBigIntegerField(null=True, help_text="Of the block; null if an older version stored it.")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["session", "start"], name="one_chunk_per_slice")]
        indexes = [models.Index(fields=["session", "status", "position"], name="chunk_next")]

    def __str__(self) -> str:
        return f"{self.start}-{self.stop} of {self.session_id}"
