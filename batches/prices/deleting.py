"""Delete instruments and versions of their prices. A version that a batch needs stays, so that it can be replayed."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.db import transaction

from batches.errors import Conflict, Detail, InvalidRequest, NotFound
from batches.models import ACTIVE, BatchSession, Instrument, InstrumentGroup, PriceSeries
from batches.symbols import normalized
from batches.validators import shown

log = logging.getLogger(__name__)
ROWS_PER_STATEMENT = 500
MAX_NAMED = 5


@dataclass(frozen=True)
class Deletion:
    """The symbols, and how many versions of their prices were deleted and are kept for ended batches."""

    symbols: tuple[str, ...]
    deleted: int
    kept: int

    def __str__(self) -> str:
        kept = f"; {self.kept:,} kept for ended batches" if self.kept else ""
        return f"{', '.join(self.symbols[:MAX_NAMED])}: {self.deleted:,} versions deleted{kept}"


class Versions(StrEnum):
    """What is deleted."""

    UNUSED = "unused"  # the instruments, with the versions that no batch needs
    ALL = "all"  # the instruments with all versions; ended batches can no longer be replayed
    OLD = "old"  # only versions that neither an instrument nor a batch uses


def delete(symbols: Sequence[str], versions: str) -> Deletion:
    try:
        chosen = Versions(versions or Versions.UNUSED)
    except ValueError:
        allowed = " or ".join(repr(str(choice)) for choice in Versions)
        raise InvalidRequest(Detail("versions", f"versions must be {allowed}, got {shown(versions)}.")) from None
    names = [name for name in map(normalized, symbols) if name.isprintable()]
    if chosen is Versions.OLD:
        return delete_old_versions(names)
    return delete_instruments(names, all_versions=chosen is Versions.ALL)


def delete_instruments(symbols: Sequence[str], *, all_versions: bool = False) -> Deletion:
    """Delete instruments and the versions that no batch needs, or all; Conflict while an active batch uses one.

    all_versions : ended batches keep their results, but can no longer be replayed
    """
    with transaction.atomic():
        instruments = Instrument.objects.filter(symbol__in=symbols)
        stored = tuple(instruments.values_list("symbol", flat=True))
        if not stored:
            raise NotFound("instrument")
        versions = _versions(stored)
        needed = _needed(versions)
        _require_no_active_batch(versions, needed)
        groups = list(InstrumentGroup.objects.filter(instruments__in=instruments).values_list("pk", flat=True))
        instruments.delete()
        InstrumentGroup.objects.filter(pk__in=groups, instruments=None).delete()
        if settings.BENCHMARK_SYMBOL in stored:
            Instrument.objects.update(beta=None)
        unused = [pk for pk in versions if all_versions or pk not in needed]
        _delete_series(unused)
    log.info("instruments deleted: %s, %d of %d versions", ", ".join(stored[:MAX_NAMED]), len(unused), len(versions))
    return Deletion(stored, len(unused), len(versions) - len(unused))


def delete_old_versions(symbols: Sequence[str]) -> Deletion:
    """Delete the versions that neither an instrument nor a batch uses; the instruments stay."""
    with transaction.atomic():
        current = dict(Instrument.objects.filter(symbol__in=symbols).values_list("symbol", "series_id"))
        if not current:
            raise NotFound("instrument")
        in_use = set(current.values())
        versions = {pk: symbol for pk, symbol in _versions(current).items() if pk not in in_use}
        needed = _needed(versions)
        unused = [pk for pk in versions if pk not in needed]
        _delete_series(unused)
    return Deletion(tuple(current), len(unused), len(versions) - len(unused))


def _versions(symbols: Iterable[str]) -> dict[int, str]:
    """Return {series: symbol}."""
    return dict(PriceSeries.objects.filter(symbol__in=symbols).values_list("pk", "symbol"))


def _needed(versions: dict[int, str]) -> dict[int, bool]:
    """Return {series: whether an active batch uses it} of those that a batch uses."""
    needed = dict[int, bool]()
    for status, instruments in BatchSession.objects.values_list("status", "instruments").iterator(chunk_size=200):
        for tested in instruments:
            if tested["seriesId"] in versions:
                needed[tested["seriesId"]] = needed.get(tested["seriesId"], False) or status in ACTIVE
    return needed


def _require_no_active_batch(versions: dict[int, str], needed: dict[int, bool]) -> None:
    active = sorted({versions[pk] for pk, is_active in needed.items() if is_active})
    if active:
        named = ", ".join(active[:MAX_NAMED])
        raise Conflict(f"A running batch uses {named}. Wait for its end, or cancel it.", code="INSTRUMENT_IN_USE")


def _delete_series(series_ids: Sequence[int]) -> None:
    for start in range(0, len(series_ids), ROWS_PER_STATEMENT):
        PriceSeries.objects.filter(pk__in=series_ids[start : start + ROWS_PER_STATEMENT]).delete()
