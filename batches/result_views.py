"""The pages that look at results more closely: how they are spread, and one combination in full."""

import calendar
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from batches.charts import equity_chart, monthly_returns
from batches.detail import combination as replayed
from batches.errors import BatchError, NotFound
from batches.fragments import page_or_part
from batches.insights import insights
from batches.models import BatchSession
from batches.neighbours import neighbours
from batches.pages import LEADER_METRICS, METRIC_BY_NAME, names_of, title_of
from batches.snippets import snippets


@require_GET
def spread(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """The distribution of the ranked metric and what explains it; fetched when someone scrolls to it."""
    session = get_object_or_404(BatchSession, pk=session_id)
    context = insights(session) | {
        "session": session,
        "title": title_of(session),
        "metric": METRIC_BY_NAME[session.sort_by],
    }
    return page_or_part(request, "batches/spread.html", "batches/_spread.html", context)


@require_GET
def combination(request: HttpRequest, session_id: uuid.UUID, index: int) -> HttpResponse:
    """One combination in full, computed again."""
    session = get_object_or_404(BatchSession, pk=session_id)
    context: dict[str, Any] = {
        "session": session,
        "title": title_of(session),
        "names": names_of(session),
        "index": index,
    }
    try:
        played = replayed(session, index)
    except NotFound as error:
        raise Http404 from error
    except BatchError as error:
        return render(request, "batches/combination.html", context | {"problem": error.message}, status=error.status)
    held = played["buyAndHold"]["metrics"]
    context |= {
        "played": played,
        "chart": equity_chart(played),
        "metrics": [
            {"about": about, "value": played["metrics"][name], "held": held[name]}
            for name, about in METRIC_BY_NAME.items()
        ],
        "snippets": snippets(session, played, request.build_absolute_uri("/").rstrip("/")),
        "months": monthly_returns(played["dates"], played["equity"]),
        "month_names": [calendar.month_abbr[number] for number in range(1, 13)],
        "here": played["metrics"] | {"parameters": played["parameters"]},
        "neighbours": neighbours(session, index),
        "neighbour_columns": [
            (name, METRIC_BY_NAME[name].label) for name in dict.fromkeys([session.sort_by, *LEADER_METRICS])
        ],
        "previous": index - 1 if index else None,
        "next": index + 1 if index + 1 < session.total else None,
    }
    return render(request, "batches/combination.html", context)
