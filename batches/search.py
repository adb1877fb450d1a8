"""Search batches by title, tag, strategy, symbol, note, id or day."""

import calendar
import re
import uuid
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet

from backtester.engine import STRATEGIES
from batches.models import BatchSession, BatchWords

MAX_RESULTS = 1_000
MAX_WORDS = 8  # of a search; more are ignored
DAY = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?", re.ASCII)
RELATIVE_DAYS = {"TODAY": 0, "YESTERDAY": 1}


def remember(session: BatchSession) -> None:
    """Store the text that a search matches, when the batch is stored and when its title, tags or notes change."""
    BatchWords(session_id=session.pk, text=words_of(session), created_at=session.created_at).save()


def words_of(session: BatchSession) -> str:
    strategy = STRATEGIES.get(session.strategy)
    parts = [str(session.id), session.strategy, strategy.title if strategy else "", *session.request["symbols"]]
    tags = session.tag_names if session.pk else []
    return " ".join([session.title, *tags, *parts, session.notes]).upper()


def matching(sessions: QuerySet[BatchSession], text: str, now: datetime | None = None) -> QuerySet[BatchSession]:
    """Return the batches that contain every word of the text, the newest first.

    `2026-11-29`, `2026-11`, `today` and `yesterday` (in UTC) also match the day of the start.
    """
    for word in text.upper().split()[:MAX_WORDS]:
        condition = Q(words__text__contains=word)
        if span := _days(word, now or datetime.now(UTC)):
            condition |= Q(words__created_at__gte=span[0], words__created_at__lt=span[1])
        sessions = sessions.filter(condition)
    return sessions.order_by("-words__created_at")


def newest_matching(sessions: QuerySet[BatchSession], text: str, now: datetime | None = None) -> list[uuid.UUID]:
    """Return the ids of at most MAX_RESULTS + 1 matching batches; one more says that there are more.

    The limit also bounds the reading: a symbol of half of the batches is found as fast as a rare one.
    """
    return list(matching(sessions, text, now).values_list("pk", flat=True)[: MAX_RESULTS + 1])


def _days(word: str, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the first moment of the day or month that a word names, and the first one after it."""
    if word in RELATIVE_DAYS:
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start = today - timedelta(days=RELATIVE_DAYS[word])
        return start, start + timedelta(days=1)
    if not (match := DAY.fullmatch(word)):
        return None
    year, month, day = (int(part or 1) for part in match.groups())
    try:
        start = datetime(year, month, day, tzinfo=UTC)
        length = 1 if match[3] else calendar.monthrange(year, month)[1]
        return start, start + timedelta(days=length)
    except (OverflowError, ValueError):  # 2026-13, 0000-01
        return None
