"""One instrument: what its page shows, and what can be changed of it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction

from batches.errors import Detail, InvalidRequest
from batches.models import Instrument, InstrumentGroup, PriceSeries
from batches.prices.beta import Days, gaps
from batches.prices.series import load_series
from batches.validators import number, shown
from batches.web.instrument_list import drop_when_empty, group_names

MAX_BETA = 100.0
SHOWN_HOLES = 50


def facts_of(instrument: Instrument) -> dict[str, Any]:
    """For the template: the versions of the prices, newest first, and the holes in the present one."""
    prices = load_series(instrument.series_id)
    benchmark = Instrument.objects.filter(symbol=settings.BENCHMARK_SYMBOL).first()
    missing = gaps(prices.dates, load_series(benchmark.series_id).dates if benchmark else None)
    holes = _holes(missing, prices.dates)
    return {
        "instrument": instrument,
        "groups": ", ".join(group.name for group in instrument.groups.all()),
        "versions": PriceSeries.objects.filter(symbol=instrument.symbol).defer("data").order_by("-created_at", "-pk"),
        "holes": holes[:SHOWN_HOLES],
        "more_holes": max(0, len(holes) - SHOWN_HOLES),
        "n_missing": len(missing),
        "has_benchmark": benchmark is not None,
        "benchmark": settings.BENCHMARK_SYMBOL,
        "last_close": prices.close[-1],
        "all_symbols": Instrument.objects.values_list("symbol", flat=True),
    }


def _holes(missing: Days, days: Days) -> list[tuple[date, date, int]]:
    """Missing days with no bar between them as one hole: first, last, how many."""
    if not missing.size:
        return []
    next_bar = np.searchsorted(days, missing)
    parts = np.split(missing, np.flatnonzero(np.diff(next_bar)) + 1)
    return [(part[0].item(), part[-1].item(), len(part)) for part in parts]


def edit(instrument: Instrument, given: Mapping[str, str]) -> None:
    """Name, groups and manual beta from a form; an empty beta, or `intent` clear, takes the measured one again."""
    wrong = list[Detail]()
    name = " ".join(given.get("name", "").split())
    if len(name) > 120 or not name.isprintable():
        wrong.append(Detail("name", f"The name is {shown(name)}; at most 120 characters are wanted."))
    groups = list[str]()
    try:
        groups = group_names(given.get("groups", ""))
    except ValueError as error:
        wrong.append(Detail("groups", f"For groups, {error} are wanted."))
    text = "" if given.get("intent") == "clear" else given.get("manualBeta", "").strip()
    beta: float | None = None
    try:
        beta = number(-MAX_BETA, MAX_BETA)(float(text)) if text else None
    except ValueError:
        wanted = f"a number from {-MAX_BETA:g} to {MAX_BETA:g}, or nothing,"
        wrong.append(Detail("manualBeta", f"The manual beta is {shown(text)}; {wanted} is wanted."))
    if wrong:
        raise InvalidRequest(*wrong)
    with transaction.atomic():
        # Not `save`, which would say that the prices were updated.
        Instrument.objects.filter(pk=instrument.pk).update(name=name, manual_beta=beta)
        before = [group.name for group in instrument.groups.all()]
        instrument.groups.set([InstrumentGroup.objects.get_or_create(name=each)[0] for each in groups])
        drop_when_empty(before)
