"""Limits on active batches and daily combinations, for the installation and for each owner."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F

from batches.errors import TooMany
from batches.models import ACTIVE, BatchSession, DailyUse


def require_batch_slot() -> None:
    """Raise TooMany if as many batches are active as this installation allows."""
    active = BatchSession.objects.filter(status__in=ACTIVE).count()
    if active >= settings.BATCH_MAX_RUNNING:
        raise TooMany(
            f"{active} batches are active; at most {settings.BATCH_MAX_RUNNING} are allowed (BATCH_MAX_RUNNING)."
            " Wait for one to end, or cancel one."
        )


def charge(owner: User | None, combinations: int, now: datetime) -> None:
    """Count a new batch, or raise TooMany. Call in the transaction that stores the batch.

    The row of the day is updated first: it locks out the owner's other starts until this one is stored, so that
    simultaneous starts cannot pass the limits together.
    """
    if owner is None:
        return
    _charge_day(owner, combinations, now)
    active = BatchSession.objects.filter(owner=owner, status__in=ACTIVE).count()
    if active >= settings.OWNER_MAX_RUNNING:
        raise TooMany(
            f"{active} of your batches are active; at most {settings.OWNER_MAX_RUNNING} are allowed"
            " (OWNER_MAX_RUNNING). Wait for one to end, or cancel one."
        )


def _charge_day(owner: User, combinations: int, now: datetime) -> None:
    limit = settings.OWNER_MAX_COMBINATIONS_PER_DAY
    today, _ = DailyUse.objects.get_or_create(owner=owner, day=now.astimezone(UTC).date())
    fits = DailyUse.objects.filter(pk=today.pk, combinations__lte=limit - combinations)
    if not fits.update(combinations=F("combinations") + combinations):
        today.refresh_from_db()
        raise TooMany(
            f"{combinations:,} combinations on top of today's {today.combinations:,} are too many; at most {limit:,}"
            " are allowed for one owner on one day, by UTC (OWNER_MAX_COMBINATIONS_PER_DAY).",
            retry_after_s=_seconds_to_midnight(now),
        )


def _seconds_to_midnight(now: datetime) -> int:
    moment = now.astimezone(UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return int((midnight - moment).total_seconds()) + 1
