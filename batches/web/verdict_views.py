"""The page of a verdict: the sentence, each picture with its table, and the request to compute it."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from batches import permissions
from batches.errors import BatchError
from batches.permissions import Permission
from batches.running.queue import wake_workers
from batches.verdict import jobs
from batches.verdict.options import Options
from batches.web.htmx import page_or_part
from batches.web.labels import title_of
from batches.web.verdict_page import page_context, sentence_context


@require_http_methods(["GET", "HEAD", "POST"])
def verdict(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Show the verdict; for htmx the sentence alone. A POST computes it, or stops computing it."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    if request.method == "POST":
        permissions.require(request.user, Permission.CONTROL_ALL, session)
        try:
            if request.POST.get("intent") == "cancel":
                jobs.cancel(session)
            else:
                jobs.request(session, Options(), timezone.now())
                wake_workers(1)
        except BatchError as error:
            messages.error(request, error.message)
        return redirect("batches:verdict", session.id)
    context = sentence_context(session) | {"title": title_of(session)}
    context |= page_context(session, context["verdict"])
    return page_or_part(request, "batches/verdict/page.html", "batches/verdict/_sentence.html", context)
