"""Credentials of requests and websockets, and the accounts they belong to. Open streams are checked again and again."""

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
from backtester.accounts.tokens import hash_secret

QUERY_SIZE = 500  # values in one query


class Credential(NamedTuple):
    """The key of a login session, or the hash of a token. It may be invalid."""

    kind: Literal["session", "token"]
    key: str


def token_credential(authorization: str) -> Credential | None:
    """Return the token of an Authorization header; None for schemes other than Bearer."""
    scheme, _, secret = authorization.partition(" ")
    return Credential("token", hash_secret(secret.strip())) if scheme.lower() == "bearer" else None


def request_credential(request: HttpRequest) -> Credential | None:
    return _credential(request.headers.get("Authorization", ""), request.headers.get("Cookie", ""))


def scope_credential(scope: dict[str, Any]) -> Credential | None:
    headers = {name: value.decode("latin1") for name, value in scope.get("headers", ())}
    return _credential(headers.get(b"authorization", ""), headers.get(b"cookie", ""))


def _credential(authorization: str, cookies: str) -> Credential | None:
    """A token takes precedence over a cookie."""
    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME, "") if cookies else ""
    return token_credential(authorization) or (Credential("session", key) if key else None)


def users_by_credential(credentials: Collection[Credential]) -> dict[Credential, User]:
    """Return the active users of the credentials that are valid, with few queries for many credentials."""
    users: dict[Credential, User] = {}
    for keys in _batched(credential.key for credential in credentials if credential.kind == "token"):
        for token in Token.objects.filter(sha256__in=keys, user__is_active=True).select_related("user"):
            users[Credential("token", token.sha256)] = token.user
    for keys in _batched(credential.key for credential in credentials if credential.kind == "session"):
        users |= _users_by_session(keys)
    return users


def _users_by_session(keys: list[str]) -> dict[Credential, User]:
    """A session is invalid once it has expired, after a log-out, and after its user changed the password."""
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    decoded = {session.session_key: session.get_decoded() for session in sessions}
    active = User.objects.filter(is_active=True).in_bulk({data.get(SESSION_KEY) for data in decoded.values()} - {None})
    users = {}
    for key, data in decoded.items():
        user = active.get(int(data.get(SESSION_KEY, 0)))
        if user and constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
            users[Credential("session", key)] = user
    return users


def _batched(keys: Iterable[str]) -> Iterator[list[str]]:
    distinct = sorted(set(keys))
    for start in range(0, len(distinct), QUERY_SIZE):
        yield distinct[start : start + QUERY_SIZE]
