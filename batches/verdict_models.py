"""The tables of the verdict on luck: what was ever tried on a series, and the job that judges a batch."""

from django.conf import settings
from django.db import models


class TriedGrid(models.Model):
    """The values of the parameters of a sweep, shared by the entries of all its symbols."""

    digest = models.CharField(max_length=64, unique=True)
    strategy = models.CharField(max_length=64)
    axes = models.JSONField(help_text="Name and values of each axis, the coefficients of beta scaling included.")

    def __str__(self) -> str:
        return f"{self.strategy} {self.digest[:8]}"


class LedgerEntry(models.Model):
    """The tests that one request finished on one instrument. Never deleted with its batch, never made smaller."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    symbol = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64, unique=True, help_text="Of owner, prices, rules and parameters.")
    family = models.CharField(max_length=64, help_text="The same without the values of the parameters.")
    grid = models.ForeignKey(TriedGrid, on_delete=models.PROTECT, related_name="+")
    finished = models.PositiveBigIntegerField(help_text="Tests of the request with a Sharpe ratio.")
    trials = models.PositiveBigIntegerField(help_text="Those of them that no earlier request had tried.")
    mean = models.FloatField(help_text="Of their annual Sharpe ratios.")
    m2 = models.FloatField(help_text="Sum of the squared deviations from the mean.")
    first_date = models.DateField()
    last_date = models.DateField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes = [
            # All that is summed for a request: each start and each estimate asks, over every batch of its symbols.
            models.Index(
                fields=["symbol", "owner", "first_date", "last_date", "trials", "created_at"], name="ledger_trials"
            ),
            models.Index(fields=["family"], name="ledger_family"),
        ]

    def __str__(self) -> str:
        return f"{self.trials:,} trials on {self.symbol}"


class VerdictStatus(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    UNAVAILABLE = "unavailable"


class Verdict(models.Model):
    """The job that judges an ended batch, and its answer. Workers claim pieces of a stage, and merge what they find.

    Of lease_until, run and attempts the version before makes use: a lease keeps its workers away during an upgrade.
    """

    session = models.OneToOneField(
        "batches.BatchSession", on_delete=models.CASCADE, primary_key=True, related_name="verdict"
    )
    status = models.CharField(max_length=12, choices=VerdictStatus, default=VerdictStatus.WAITING)
    reason = models.CharField(max_length=20, blank=True, help_text="Why it is unavailable, as a code.")
    options = models.JSONField(help_text="The options of the request, all of them.")
    progress = models.CharField(max_length=120, blank=True, help_text="What it does now, in words.")
    stage = models.CharField(max_length=12, blank=True, default="", db_default="", help_text="Empty before the first.")
    pieces = models.JSONField(null=True, help_text="Unfinished positions of the stage, and their claims.")
    claimable_at = models.DateTimeField(null=True, help_text="When a worker may claim again; null for now.")
    work = models.BinaryField(null=True, help_text="What the pieces so far have found, as NumPy arrays.")
    answer = models.JSONField(null=True)
    state = models.CharField(max_length=24, blank=True, help_text="One of six, when it is ready.")
    sentence = models.CharField(max_length=400, blank=True)
    columns = models.BinaryField(null=True, help_text="float64[3, total] of the tests: columns that only it knows.")
    run = models.PositiveIntegerField(default=0, help_text="Grows with each claim.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Not used any more.")
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    turn_at = models.DateTimeField(null=True, help_text="When a worker last had it.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["turn_at"], condition=models.Q(status__in=["waiting", "running"]), name="verdict_next")
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.state}".strip()


class VerdictRows(models.Model):
    """What a piece has found about each of its tests, in their order."""

    verdict = models.ForeignKey(Verdict, on_delete=models.CASCADE, related_name="rows")
    first = models.PositiveIntegerField(help_text="The number of tests before these.")
    block = models.BinaryField(help_text="float64[4, n]: Sharpe early, return and Sharpe late, hash of the returns.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["verdict", "first"], name="verdict_rows_once")]

    def __str__(self) -> str:
        return f"rows from {self.first}"


class Holdout(models.Model):
    """The last days of a request, locked until one row is evaluated on them. Shared by retries and by the same request
    sent again, and never deleted with its batch, so that deleting unlocks nothing.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    digest = models.CharField(max_length=64, unique=True, help_text="Of owner, request and locked days.")
    first_date = models.DateField(help_text="The first locked day.")
    last_date = models.DateField()
    created_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True)
    answer = models.JSONField(null=True, help_text="The row that it was spent on, as it was answered.")

    def __str__(self) -> str:
        return f"{self.first_date} to {self.last_date}, {'spent' if self.spent_at else 'locked'}"


class LockedDays(models.Model):
    """The days of one symbol that a holdout locks."""

    holdout = models.ForeignKey(Holdout, on_delete=models.CASCADE, related_name="days")
    symbol = models.CharField(max_length=64)
    first_date = models.DateField()
    last_date = models.DateField()

    class Meta:
        verbose_name_plural = "locked days"
        indexes = [models.Index(fields=["symbol"], name="locked_symbol")]

    def __str__(self) -> str:
        return f"{self.symbol}, {self.first_date} to {self.last_date}"
