"""Device cookies: a browser in which a name has logged in keeps a signed proof, also after the log-out.

Failed logins of strangers do not count against such a browser, so nobody can lock others out of their accounts. See
OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

COOKIE = "device"
NAMES_MAX = 8  # accounts that share a browser
LIFE = timedelta(days=365)
SALT = "backtester.accounts.devices"


def device_of(request: HttpRequest | None, name_sha256: str) -> str:
    """Return the id of the browser if the name has logged in there before, else an empty text."""
    device, names = _read(request)
    return device if name_sha256 in names else ""


def remember(request: HttpRequest, response: HttpResponse, name_sha256: str) -> None:
    """Set the cookie of the browser in which the name has just logged in."""
    device, names = _read(request)
    names = [name_sha256, *(name for name in names if name != name_sha256)][:NAMES_MAX]
    response.set_cookie(
        COOKIE,
        signing.dumps([device or secrets.token_hex(16), *names], salt=SALT),
        max_age=LIFE,
        path=reverse(settings.LOGIN_URL),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest | None) -> tuple[str, list[str]]:
    """Return the id and the names of a cookie that this site has signed."""
    try:
        device, *names = signing.loads(request.COOKIES[COOKIE] if request else "", salt=SALT, max_age=LIFE)
    except (KeyError, signing.BadSignature):
        return "", []
    return device, names
