"""Search over all batches: by strategy, symbol, note or id."""

from django.db.models import QuerySet

from backtester.engine import STRATEGIES
from batches.models import BatchSession, BatchWords

MOST_WORDS = 8  # of a search; what comes after narrows nothing down


def remember(session: BatchSession) -> None:
    """Write down what the batch is found by; once when it is stored, and again when its notes change."""
    BatchWords(session=session, text=words_of(session)).save()


def words_of(session: BatchSession) -> str:
    """Everything that a search may name, in capitals."""
    strategy = STRATEGIES.get(session.strategy)
    parts = [str(session.id), session.strategy, strategy.title if strategy else "", *session.request["symbols"]]
    return " ".join([*parts, session.notes]).upper()


def matching(found: QuerySet[BatchSession], text: str) -> QuerySet[BatchSession]:
    """Those of `found` that have every word of the text."""
    words = text.upper().split()[:MOST_WORDS]
    if not words:
        return found
    hits = BatchWords.objects.all()
    for word in words:
        hits = hits.filter(text__contains=word)
    return found.filter(pk__in=hits.values("pk"))
