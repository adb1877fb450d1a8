"""Who comes in. Personal mode: whoever is on this machine. Team mode: whoever has logged in, or brings a token."""

from collections.abc import Awaitable
from typing import cast
from urllib.parse import urlencode, urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render, resolve_url

from backtester.accounts.credentials import Credential, token_credential, users_by_credential
from backtester.accounts.tokens import record_use
from backtester.web.middleware import SAFE_METHODS, Middleware
from backtester.web.origins import is_near
from batches.errors import BatchError, Forbidden, Unauthorized
from batches.permissions import is_personal

OPEN_TO_ALL = ("/healthz", "/readyz", "/login/")  # whether it lives, and the way in; static files never come here
FOR_PROGRAMS = ("/api/", "/metrics")  # tokens open these, and no page


class Admission(Middleware):
    """Behind it `request.user` is known, and needs no query any more."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """The answer to whoever may not come in."""
        return refusal(request)

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """Who it is has to be looked up, except in personal mode."""
        refused = refusal(request) if is_personal() else await sync_to_async(refusal)(request)
        return refused or await cast(Awaitable[HttpResponseBase], self.get_response(request))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """What a page's view does not allow; the API has an answer of its own."""
        return _refused(request, exception) if isinstance(exception, Forbidden | Unauthorized) else None


def refusal(request: HttpRequest) -> HttpResponseBase | None:
    """The answer to whoever may not come in."""
    if is_personal():
        return None if is_near(request.META.get("REMOTE_ADDR", "")) else _refused(request, _too_far())
    if _is_for_programs(request) and (token := token_credential(request.headers.get("Authorization", ""))):
        return _with_token(request, token)
    request.user = get_user(request)
    if not request.user.is_authenticated:
        return None if request.path in OPEN_TO_ALL else _refused(request, Unauthorized())
    return _forged(request) if request.path.startswith("/api/") else None


def _is_for_programs(request: HttpRequest) -> bool:
    return request.path.startswith(FOR_PROGRAMS) and request.path != "/api/docs"


def _too_far() -> BatchError:
    return Forbidden(
        "This backtester serves its own machine alone (ACCESS_MODE=personal). For others it needs ACCESS_MODE=team."
    )


def _with_token(request: HttpRequest, token: Credential) -> HttpResponseBase | None:
    user = users_by_credential([token]).get(token)
    if user is None:
        return _refused(request, Unauthorized())
    record_use(token.key)
    request.user = user
    return None


def _forged(request: HttpRequest) -> HttpResponseBase | None:
    """A browser sends the cookie along whatever page makes it write: it must be a page of ours that does.

    Foreign origins were refused before (`api_errors.py`). An old browser that names none has to send the CSRF token.
    """
    if request.method in SAFE_METHODS or "Origin" in request.headers:
        return None
    if CsrfViewMiddleware(lambda _: HttpResponse()).process_view(request, lambda _: HttpResponse(), (), {}) is None:
        return None
    return _refused(
        request, Forbidden("Send the header X-CSRFToken, or use a token of your account instead of cookies.")
    )


def _refused(request: HttpRequest, error: BatchError) -> HttpResponseBase:
    """JSON for programs; for people a page, or the way to the login."""
    if _is_for_programs(request):
        return JsonResponse(error.as_json(), status=error.status, headers=error.headers)
    if error.status != Unauthorized().status:
        return render(request, "accounts/refused.html", {"words": error.message}, status=error.status)
    if request.headers.get("HX-Request") != "true":
        return HttpResponseRedirect(_login(request.get_full_path() if request.method in SAFE_METHODS else "/"))
    here = urlsplit(request.headers.get("HX-Current-URL", ""))  # a part of a page: the whole of it has to go
    return HttpResponse(status=401, headers={"HX-Redirect": _login(here.path + (here.query and f"?{here.query}"))})


def _login(then: str) -> str:
    return f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': then}, safe='/')}"


def person(request: HttpRequest) -> dict[str, User | None]:
    """For the templates: who is logged in; no one in personal mode, where nobody has to be asked for."""
    user = None if is_personal() else request.user
    return {"person": user if isinstance(user, User) else None}
