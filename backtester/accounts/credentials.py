"""What opens a door, a login session or a token, and whose it is. Asked again for as long as a stream is open."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest, parse_cookie
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from backtester.accounts.models import Token
from backtester.accounts.tokens import digest

AT_ONCE = 500  # values in one query


class Credential(NamedTuple):
    """A login session's key, or a token's hash."""

    kind: Literal["session", "token"]
    key: str


def bearer(authorization: str) -> Credential | None:
    """The token of an Authorization header, whether it is a good one or not; None for other schemes."""
    scheme, _, secret = authorization.partition(" ")
    return Credential("token", digest(secret.strip())) if scheme.lower() == "bearer" else None


def shown(authorization: str, cookies: str) -> Credential | None:
    """What someone shows at a door, by the headers of that name. A token goes before a cookie."""
    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME, "") if cookies else ""
    return bearer(authorization) or (Credential("session", key) if key else None)


def shown_by(request: HttpRequest) -> Credential | None:
    """The same, from a request."""
    return shown(request.headers.get("Authorization", ""), request.headers.get("Cookie", ""))


def shown_in(scope: dict[str, Any]) -> Credential | None:
    """The same, from the handshake of a websocket."""
    headers = {name: value.decode("latin1") for name, value in scope.get("headers", ())}
    return shown(headers.get(b"authorization", ""), headers.get(b"cookie", ""))


def holders(credentials: Collection[Credential]) -> dict[Credential, User]:
    """Whose they are. Left out: what has expired or was revoked, and whoever may no longer log in."""
    found: dict[Credential, User] = {}
    for keys in _parts(each.key for each in credentials if each.kind == "token"):
        for token in Token.objects.filter(sha256__in=keys, user__is_active=True).select_related("user"):
            found[Credential("token", token.sha256)] = token.user
    for keys in _parts(each.key for each in credentials if each.kind == "session"):
        found |= _holders_of_sessions(keys)
    return found


def _holders_of_sessions(keys: list[str]) -> dict[Credential, User]:
    """A session ends with its time, with the log-out, and with the password it was opened with."""
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    opened = {session.session_key: session.get_decoded() for session in sessions}
    users = User.objects.filter(is_active=True).in_bulk({data.get(SESSION_KEY) for data in opened.values()} - {None})
    found = {}
    for key, data in opened.items():
        user = users.get(int(data.get(SESSION_KEY, 0)))
        if user and constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
            found[Credential("session", key)] = user
    return found


def _parts(keys: Iterable[str]) -> Iterator[list[str]]:
    distinct = sorted(set(keys))
    for start in range(0, len(distinct), AT_ONCE):
        yield distinct[start : start + AT_ONCE]
