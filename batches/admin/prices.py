"""Instruments, their groups, the versions of their prices, and the files they came in."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from batches.admin.reading import ReadOnly
from batches.models import Instrument, InstrumentGroup, PriceImport, PriceSeries


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

    list_display = ("name", "source", "outcome", "summary", "channel", "owner", "size", "created_at")
    list_filter = ("outcome", "channel", "created_at")
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
