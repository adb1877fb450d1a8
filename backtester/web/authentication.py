"""Authentication: personal mode accepts clients on this machine, team mode requires a login or a token."""

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
from backtester.web.origins import is_allowed_address
from batches.errors import BatchError, Forbidden, Unauthorized
from batches.permissions import is_personal

PUBLIC_PATHS = ("/healthz", "/readyz", "/login/")  # WhiteNoise serves the static files before this middleware
TOKEN_PREFIXES = ("/api/", "/metrics")  # tokens are accepted here, and by no page


class Authentication(Middleware):
    """Set `request.user`, evaluated, or refuse the request."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        return refuse(request)

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        # In team mode the user is read from the database, which must not block the event loop.
        refusal = refuse(request) if is_personal() else await sync_to_async(refuse)(request)
        return refusal or await self.next_async(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Answer the permission errors of pages; the API has its own handler."""
        return _refusal(request, exception) if isinstance(exception, Forbidden | Unauthorized) else None


def refuse(request: HttpRequest) -> HttpResponseBase | None:
    """Return the response to a client without access, or None."""
    if is_personal():
        return None if is_allowed_address(request.META.get("REMOTE_ADDR", "")) else _refusal(request, _not_local())
    if _accepts_token(request) and (token := token_credential(request.headers.get("Authorization", ""))):
        return _authenticate_token(request, token)
    request.user = get_user(request)
    if not request.user.is_authenticated:
        return None if request.path in PUBLIC_PATHS else _refusal(request, Unauthorized())
    return _check_csrf(request) if request.path.startswith("/api/") else None


def _accepts_token(request: HttpRequest) -> bool:
    return request.path.startswith(TOKEN_PREFIXES) and request.path != "/api/docs"


def _not_local() -> BatchError:
    return Forbidden(
        "This backtester accepts only clients on its own machine (ACCESS_MODE=personal). Others need ACCESS_MODE=team."
    )


def _authenticate_token(request: HttpRequest, token: Credential) -> HttpResponseBase | None:
    user = users_by_credential([token]).get(token)
    if user is None:
        return _refusal(request, Unauthorized())
    record_use(token.key)
    request.user = user
    return None


def _check_csrf(request: HttpRequest) -> HttpResponseBase | None:
    """Refuse writes with a cookie that a page of another site may have caused.

    `api_errors.py` has refused other origins already. An old browser without that header must send the CSRF token.
    """
    if request.method in SAFE_METHODS or "Origin" in request.headers:
        return None
    if CsrfViewMiddleware(lambda _: HttpResponse()).process_view(request, lambda _: HttpResponse(), (), {}) is None:
        return None
    return _refusal(request, Forbidden("Send the header X-CSRFToken, or a token of your account instead of cookies."))


def _refusal(request: HttpRequest, error: BatchError) -> HttpResponseBase:
    """Return JSON to programs, and a page or a redirect to the login to browsers."""
    if _accepts_token(request):
        return JsonResponse(error.as_json(), status=error.status, headers=error.headers)
    if error.status != Unauthorized().status:
        return render(request, "accounts/refused.html", {"words": error.message}, status=error.status)
    if request.headers.get("HX-Request") != "true":
        return HttpResponseRedirect(_login_url(request.get_full_path() if request.method in SAFE_METHODS else "/"))
    page = urlsplit(request.headers.get("HX-Current-URL", ""))  # a part was requested; redirect the whole page
    return HttpResponse(status=401, headers={"HX-Redirect": _login_url(page.path + (page.query and f"?{page.query}"))})


def _login_url(next_path: str) -> str:
    return f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': next_path}, safe='/')}"


def person(request: HttpRequest) -> dict[str, User | None]:
    """Add the user who is logged in to the template context, None in personal mode."""
    user = None if is_personal() else request.user
    return {"person": user if isinstance(user, User) else None}
