"""The tables of prices: instruments, the versions of their bars, and uploaded files."""

from django.conf import settings
from django.db import models

from batches import symbols


class PriceSeries(models.Model):
    """One version of one instrument's bars. Never changed, so that old batches can be replayed."""

    symbol = models.CharField(max_length=symbols.MAX_LENGTH)
    sha256 = models.CharField(max_length=64)
    has_ohlc = models.BooleanField()
    first_date = models.DateField(help_text="In the time zone of the exchange.")
    last_date = models.DateField(help_text="In the time zone of the exchange.")
    first_at = models.DateTimeField(null=True, help_text="Of bars within a day: when the first one opened.")
    last_at = models.DateTimeField(null=True, help_text="Of bars within a day: when the last one opened.")
    timezone = models.CharField(max_length=64, default="UTC", help_text="Of the days of bars within a day.")
    n_bars = models.PositiveIntegerField()
    source = models.CharField(max_length=200)
    data = models.BinaryField(
        help_text="An Arrow IPC stream with the columns date, close and, where known, the others; empty: in parts."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "price series"
        constraints = [models.UniqueConstraint(fields=["symbol", "sha256"], name="one_series_per_content")]

    def __str__(self) -> str:
        return f"{self.symbol}, {self.n_bars:,} bars to {self.last_date}"


class PricePart(models.Model):
    """A month of a long series."""

    series = models.ForeignKey(PriceSeries, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField(help_text="From 0, the oldest first.")
    n_bars = models.PositiveIntegerField()
    data = models.BinaryField(help_text="An Arrow IPC stream, as of a short series.")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["series", "position"], name="one_part_per_position")]

    def __str__(self) -> str:
        return f"{self.n_bars:,} bars of {self.series_id}"


class InstrumentGroup(models.Model):
    name = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Instrument(models.Model):
    symbol = models.CharField(max_length=symbols.MAX_LENGTH, unique=True)
    name = models.CharField(max_length=120, blank=True)
    groups = models.ManyToManyField(InstrumentGroup, related_name="instruments", blank=True)
    series = models.ForeignKey(PriceSeries, on_delete=models.PROTECT, related_name="+")
    beta = models.FloatField(null=True, blank=True, help_text="Against the benchmark, over the whole series.")
    manual_beta = models.FloatField(null=True, blank=True, help_text="Used instead of the measured beta, where given.")
    gaps = models.PositiveIntegerField(default=0, help_text="Days between the first and last bar that lack one.")
    bar_days = models.FloatField(null=True, default=1.0, help_text="Length of a bar; null if the bars are irregular.")
    periods_per_year = models.FloatField(default=252.0, help_text="Bars a year, which annualizes the metrics.")
    calendar = models.CharField(max_length=20, blank=True, help_text="The traded hours, as found from the bars.")
    is_archived = models.BooleanField("archived", default=False, help_text="Not offered for new batches.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["symbol"]

    def __str__(self) -> str:
        return self.symbol

    @property
    def bar_seconds(self) -> float | None:
        return None if self.bar_days is None else round(self.bar_days * 86_400, 6)


class PriceImport(models.Model):
    """An uploaded file of prices, with its content until it is stored or discarded."""

    class Channel(models.TextChoices):
        PAGE = "page"
        API = "api"
        COMMAND = "command"

    class Outcome(models.TextChoices):
        WAITING = "waiting"
        STORED = "stored"
        DISCARDED = "discarded"

    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField(help_text="Bytes, as it came.")
    source = models.CharField(max_length=200, help_text="Where the prices come from, in words.")
    channel = models.CharField(max_length=8, choices=Channel, db_column="door")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome)
    summary = models.CharField(max_length=200, blank=True, help_text="How many symbols were added and updated.")
    created_at = models.DateTimeField()
    stored_at = models.DateTimeField(null=True)
    content = models.BinaryField(null=True, help_text="The file, until it is stored or discarded.")

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name
