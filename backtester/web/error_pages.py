"""The pages for 404 and 500."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from structlog.contextvars import get_contextvars


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django passes it
    """Render without the request, as Django does: its context reads the account from a database that may be away."""
    page = loader.get_template("500.html").render({"request_id": request_id()})
    return HttpResponse(page, status=500)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it
    return render(request, "404.html", {"request_id": request_id()}, status=404)


def request_id() -> str:
    """Return the id that the log lines of this request carry."""
    return str(get_contextvars().get("request_id", ""))
