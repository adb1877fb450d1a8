"""Change the title and the tags of a batch. No event holds them, so nothing is published."""

from collections.abc import Iterable

from django.db import transaction

from batches.models import BatchSession, BatchTag
from batches.search import remember


def store_tags(session: BatchSession, names: Iterable[str]) -> None:
    """Replace the tags."""
    session.tags.all().delete()
    BatchTag.objects.bulk_create(BatchTag(session=session, name=name) for name in names)


def rename(session: BatchSession, *, title: str | None = None, tags: Iterable[str] | None = None) -> None:
    """Store what is not None, and what a search finds the batch by."""
    with transaction.atomic():
        if title is not None:
            session.title = title
            session.save(update_fields=["title"])
        if tags is not None:
            store_tags(session, tags)
        remember(session)
