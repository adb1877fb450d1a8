"""Instruments, their groups, the versions of their prices, and their import files."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from batches.admin.reading import Lists, ReadOnly
from batches.models import Instrument, InstrumentGroup, PriceImport, PriceSeries


@admin.register(Instrument)
class InstrumentAdmin(Lists):
    """Only the name, the groups, the manual beta and whether it is archived can be edited."""

    list_display = ("symbol", "name", "bars", "first_date", "last_date", "gaps", "beta", "manual_beta", "updated_at")
    list_filter = ("is_archived", "groups")
    search_fields = ("symbol", "name")
    list_select_related = ("series",)
    filter_horizontal = ("groups",)
    readonly_fields = ("symbol", "series", "bar_days", "periods_per_year", "beta", "gaps", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Instrument]:
        return super().get_queryset(request).defer("series__data")  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def bars(self, instrument: Instrument) -> int:
        return instrument.series.n_bars

    def first_date(self, instrument: Instrument) -> str:
        return instrument.series.first_date.isoformat()

    def last_date(self, instrument: Instrument) -> str:
        return instrument.series.last_date.isoformat()


@admin.register(InstrumentGroup)
class InstrumentGroupAdmin(Lists):
    search_fields = ("name",)


@admin.register(PriceImport)
class PriceImportAdmin(ReadOnly):
    list_display = ("name", "source", "outcome", "summary", "channel", "owner", "size", "created_at")
    list_filter = ("outcome", "channel", "created_at")
    list_select_related = ("owner",)
    search_fields = ("name", "source")
    exclude = ("content",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceImport]:
        return super().get_queryset(request).defer("content")  # type: ignore[no-any-return]


@admin.register(PriceSeries)
class PriceSeriesAdmin(ReadOnly):
    list_display = ("symbol", "n_bars", "first_date", "last_date", "has_ohlc", "source", "created_at")
    search_fields = ("symbol",)
    exclude = ("data",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceSeries]:
        return super().get_queryset(request).defer("data")  # type: ignore[no-any-return]

    def has_delete_permission(self, request: HttpRequest, obj: PriceSeries | None = None) -> bool:
        return False  # batches are replayed from them
