"""Search batches by strategy, symbol, note or id."""

import uuid

from django.db.models import QuerySet

from backtester.engine import STRATEGIES
from batches.models import BatchSession, BatchWords

MAX_RESULTS = 1_000
MAX_WORDS = 8  # of a search; more are ignored


def remember(session: BatchSession) -> None:
    """Store the text that a search matches, when the batch is stored and when its notes change."""
    BatchWords(session=session, text=words_of(session), created_at=session.created_at).save()


def words_of(session: BatchSession) -> str:
    strategy = STRATEGIES.get(session.strategy)
    parts = [str(session.id), session.strategy, strategy.title if strategy else "", *session.request["symbols"]]
    return " ".join([*parts, session.notes]).upper()


def matching(sessions: QuerySet[BatchSession], text: str) -> QuerySet[BatchSession]:
    """Return the batches that contain every word of the text, the newest first."""
    for word in text.upper().split()[:MAX_WORDS]:
        sessions = sessions.filter(words__text__contains=word)
    return sessions.order_by("-words__created_at")


def newest_matching(sessions: QuerySet[BatchSession], text: str) -> list[uuid.UUID]:
    """Return the ids of at most MAX_RESULTS + 1 matching batches; one more says that there are more.

    The limit also bounds the reading: a symbol of half of the batches is found as fast as a rare one.
    """
    return list(matching(sessions, text).values_list("pk", flat=True)[: MAX_RESULTS + 1])
