"""Search over all batches: by strategy, symbol, note or id."""

import uuid

from django.db.models import QuerySet

from backtester.engine import STRATEGIES
from batches.models import BatchSession, BatchWords

MOST_FOUND = 1_000  # that a search lists; who looks for one among more needs another word
MOST_WORDS = 8  # of a search; what comes after narrows nothing down


def remember(session: BatchSession) -> None:
    """Write down what the batch is found by; once when it is stored, and again when its notes change."""
    BatchWords(session=session, text=words_of(session), created_at=session.created_at).save()


def words_of(session: BatchSession) -> str:
    """Everything that a search may name, in capitals."""
    strategy = STRATEGIES.get(session.strategy)
    parts = [str(session.id), session.strategy, strategy.title if strategy else "", *session.request["symbols"]]
    return " ".join([*parts, session.notes]).upper()


def matching(found: QuerySet[BatchSession], text: str) -> QuerySet[BatchSession]:
    """Those of `found` that have every word of the text, the newest first."""
    for word in text.upper().split()[:MOST_WORDS]:
        found = found.filter(words__text__contains=word)
    return found.order_by("-words__created_at")


def newest_matching(found: QuerySet[BatchSession], text: str) -> list[uuid.UUID]:
    """The ids of the newest of them, one more than are listed when there are more.

    Read in their order and no further: a symbol that half of the batches have is found as fast as a rare one.
    """
    return list(matching(found, text).values_list("pk", flat=True)[: MOST_FOUND + 1])
