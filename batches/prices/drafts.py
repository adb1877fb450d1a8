"""A file of prices between its upload and its import: kept, stored or discarded."""

from collections.abc import Mapping
from datetime import datetime
from typing import BinaryIO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, QuerySet, Sum

from batches.errors import BatchError, Conflict, Detail, TooMany
from batches.models import PriceImport
from batches.ops import storage
from batches.prices import importing
from batches.prices.abandoned import expire
from batches.prices.importing import ImportReport, one_file_at_a_time, read_prices
from batches.prices.merging import chosen_overlap
from batches.prices.reading import read_table
from batches.prices.tables import damage_refused

MAX_WAITING = 50  # files that the database keeps until someone decides,
MAX_WAITING_BYTES = 512 * 1024 * 1024  # and their size
WAITING, STORED, DISCARDED = PriceImport.Outcome.WAITING, PriceImport.Outcome.STORED, PriceImport.Outcome.DISCARDED


def check_upload_size(size: int) -> None:
    limit = settings.PRICES_MAX_BYTES
    if size > limit:
        message = (
            f"file must have at most {limit:,} bytes (PRICES_MAX_BYTES), got {size:,}."
            " Compress it with gzip, or load it with manage.py load_prices."
        )
        raise BatchError(message, code="BODY_TOO_LARGE", status=413, details=(Detail("file", message),))


def receive(file: BinaryIO, *, name: str, size: int, source: str, owner: User | None, now: datetime) -> PriceImport:
    """Keep a file for review; BatchError if it is not a table."""
    check_upload_size(size)
    expire(now)
    waiting = PriceImport.objects.filter(outcome=WAITING).aggregate(files=Count("pk"), bytes=Sum("size", default=0))
    if waiting["files"] >= MAX_WAITING or waiting["bytes"] + size > MAX_WAITING_BYTES:
        raise TooMany(f"{waiting['files']} files are awaiting review. Import or discard one first.")
    storage.require_space(size)
    content = file.read()
    with one_file_at_a_time, damage_refused(name):
        read_table(content, name=name)
    return PriceImport.objects.create(
        name=name[:200],
        size=size,
        source=(source or name)[:200],
        channel=PriceImport.Channel.PAGE,
        owner=owner,
        outcome=WAITING,
        created_at=now,
        content=content,
    )


def waiting(owner: User | None) -> QuerySet[PriceImport]:
    """Return the files of a user that are awaiting review, the oldest first."""
    return PriceImport.objects.filter(outcome=WAITING, owner=owner).defer("content").order_by("created_at", "pk")


def store(draft: PriceImport, options: Mapping[str, str], *, now: datetime) -> ImportReport:
    """Store all of the file, once; Conflict on the second call."""
    if draft.content is None:
        raise _already_reviewed(draft)
    parsed = read_prices(bytes(draft.content), name=draft.name, options=options)
    prepared = importing.prepare(parsed, source=draft.source, on_overlap=chosen_overlap(options))
    with transaction.atomic():
        _end_review(draft, STORED, stored_at=now)
        report = importing.store(prepared)
        PriceImport.objects.filter(pk=draft.pk).update(summary=str(report))
    return report


def discard(draft: PriceImport) -> None:
    """Delete the content; the record stays."""
    _end_review(draft, DISCARDED)


def _end_review(draft: PriceImport, outcome: PriceImport.Outcome, stored_at: datetime | None = None) -> None:
    waiting = PriceImport.objects.filter(pk=draft.pk, outcome=WAITING)
    if not waiting.update(outcome=outcome, content=None, stored_at=stored_at):
        raise _already_reviewed(draft)


def _already_reviewed(draft: PriceImport) -> Conflict:
    return Conflict(f"{draft.name} was already imported or discarded.")
