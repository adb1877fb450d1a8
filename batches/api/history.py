"""The list of batches."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from batches import permissions
from batches.api.answers import answer, query_parameters
from batches.api.document import Routes, answers, parameters
from batches.api.schemas.history import BatchEntry, Batches, BatchesQuery
from batches.history import FIELDS, PAGE_SIZE, HistoryQuery, history_page
from batches.models import BatchSession
from batches.results.judged import ShortVerdict, short_verdicts
from batches.sweep.progress import elapsed_seconds, percentage
from batches.sweep.titles import title_of

router = Routes()
SYMBOLS_LISTED = 20


@router.get(
    "/batches",
    summary="The list of batches",
    response=answers({200: Batches}, 422),
    openapi_extra={"parameters": parameters(BatchesQuery)},
)
def list_batches(request: HttpRequest) -> HttpResponse:
    """Searched, filtered and sorted on the server; in team mode those that the account may see."""
    query = HistoryQuery.parse(query_parameters(request, FIELDS))
    now = timezone.now()
    page = history_page(permissions.visible(request.user).narrow("request", "leaders"), query, now)
    verdicts, _ = short_verdicts(page.sessions)
    return answer(
        Batches(
            success=True,
            batches=[_entry(session, verdicts.get(session.pk), now) for session in page.sessions],
            sort=query.sort,
            total=page.total,
            page=page.number,
            pageSize=PAGE_SIZE,
            pages=page.pages,
        )
    )


def _entry(session: BatchSession, verdict: ShortVerdict | None, now: datetime) -> BatchEntry:
    symbols = session.request["symbols"]
    return {
        "sessionId": str(session.id),
        "title": title_of(session),
        "tags": session.tag_names,
        "status": session.status,
        "strategy": session.strategy,
        "symbols": symbols[:SYMBOLS_LISTED],
        "symbolCount": len(symbols),
        "sortBy": session.sort_by,
        "current": session.current,
        "total": session.total,
        "percentage": percentage(session),
        "successfulTests": session.successful,
        "failedTests": session.failed,
        "bestSoFar": session.leaders[0] if session.leaders else None,
        "verdict": verdict,
        "createdAt": session.created_at.isoformat(),
        "startedAt": session.started_at.isoformat() if session.started_at else None,
        "endedAt": session.ended_at.isoformat() if session.ended_at else None,
        "elapsedTime": round(elapsed_seconds(session, now), 3),
        "retryOf": str(session.retry_of_id) if session.retry_of_id else None,
        "pageUrl": reverse("batches:detail", args=[session.id]),
    }
