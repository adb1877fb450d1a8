"""One instrument: the context of its page, and the form that edits it."""

from datetime import date
from typing import Any

import numpy as np
from django import forms
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from batches.models import Instrument, InstrumentGroup, PriceSeries
from batches.prices.missing_days import Days, missing_days, trading_days
from batches.prices.series import load_series
from batches.sweep.link import symbols_query
from batches.sweep.wire_names import wire_name
from batches.validators import number, shown
from batches.web.forms import numbers
from batches.web.instrument_list import delete_if_empty, group_names

MAX_BETA = 100.0
MAX_SHOWN_GAPS = 50


def instrument_context(instrument: Instrument) -> dict[str, Any]:
    """Return the versions of the prices, newest first, and the gaps of the current one."""
    prices = load_series(instrument.series_id)
    benchmark = Instrument.objects.filter(symbol=settings.BENCHMARK_SYMBOL).first()
    days = trading_days(prices)
    missing = missing_days(days, trading_days(load_series(benchmark.series_id)) if benchmark else None)
    gaps = _gaps(missing, days)
    return {
        "instrument": instrument,
        "versions": PriceSeries.objects.filter(symbol=instrument.symbol).defer("data").order_by("-created_at", "-pk"),
        "gaps": gaps[:MAX_SHOWN_GAPS],
        "more_gaps": max(0, len(gaps) - MAX_SHOWN_GAPS),
        "n_missing": len(missing),
        "has_benchmark": benchmark is not None,
        "benchmark": settings.BENCHMARK_SYMBOL,
        "last_close": float(prices.close[-1]),
        "years": prices.years,
        "test_url": f"{reverse('batches:form')}?{symbols_query([instrument.symbol])}",
        "all_symbols": Instrument.objects.values_list("symbol", flat=True),
    }


def _gaps(missing: Days, days: Days) -> list[tuple[date, date, int]]:
    """Group missing days without a bar between them: first, last, number of days."""
    if not missing.size:
        return []
    next_bar = np.searchsorted(days, missing)
    parts = np.split(missing, np.flatnonzero(np.diff(next_bar)) + 1)
    return [(part[0].item(), part[-1].item(), len(part)) for part in parts]


class InstrumentForm(forms.Form):
    """Edit name, groups and manual beta; an empty beta, or `intent` clear, uses the measured one again."""

    name = forms.CharField(required=False, max_length=120)
    groups = forms.CharField(required=False)
    manual_beta = forms.CharField(required=False)

    def add_prefix(self, field_name: str) -> str:
        return wire_name(field_name)

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if not name.isprintable():
            raise forms.ValidationError(f"The name must be printable, got {shown(name)}.")
        return name

    def clean_groups(self) -> list[str]:
        try:
            return group_names(self.cleaned_data["groups"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def clean_manual_beta(self) -> float | None:
        text = self.cleaned_data["manual_beta"]
        if not text or self.data.get("intent") == "clear":
            return None
        try:
            return number(-MAX_BETA, MAX_BETA)(numbers.number(text, fits=lambda value: abs(value) <= MAX_BETA))
        except ValueError:
            allowed = f"between {-MAX_BETA:g} and {MAX_BETA:g}, or empty"
            problem = f"Manual beta must be {allowed}, got {shown(text)}.{numbers.doubt(text)}"
            raise forms.ValidationError(problem) from None

    @staticmethod
    def initial_of(instrument: Instrument) -> dict[str, Any]:
        groups = ", ".join(group.name for group in instrument.groups.all())
        return {"name": instrument.name, "groups": groups, "manual_beta": instrument.manual_beta}

    def save(self, instrument: Instrument) -> None:
        values = self.cleaned_data
        with transaction.atomic():
            # Not `instrument.save`, which would set the time when the prices were updated.
            Instrument.objects.filter(pk=instrument.pk).update(name=values["name"], manual_beta=values["manual_beta"])
            before = [group.name for group in instrument.groups.all()]
            instrument.groups.set(InstrumentGroup.objects.get_or_create(name=name)[0] for name in values["groups"])
            delete_if_empty(before)
