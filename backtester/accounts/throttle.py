"""Guessing a password must be slow, and must not be a way to lock others out of their accounts."""

import hashlib
import math
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from backtester.accounts.models import LoginAttempt


class Rule(NamedTuple):
    """At most so many failures within the time, counted by these columns."""

    columns: tuple[str, ...]
    failures: int
    within: timedelta


RULES = (
    Rule(("name_sha256", "address"), 5, timedelta(minutes=5)),
    Rule(("address",), 50, timedelta(minutes=5)),
    Rule(("name_sha256",), 100, timedelta(hours=1)),
)
FORGOTTEN_AFTER = max(rule.within for rule in RULES)


class ThrottledBackend(ModelBackend):
    """Django's own check of name and password, behind the rules. Every form that logs in comes through here."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **given: Any
    ) -> User | None:
        """The attempt counts before it is checked, so that many at once are no way around the rules."""
        if username is None or password is None:
            return None
        address = request.META.get("REMOTE_ADDR", "") if request else ""
        attempt = LoginAttempt(name_sha256=_hashed(username), address=address[:64], at=timezone.now())
        if wait_s := _seconds_to_wait(attempt):
            if request is not None:
                request.login_wait_s = wait_s  # type: ignore[attr-defined]
            raise PermissionDenied
        user = super().authenticate(request, username=username, password=password, **given)
        if user is not None:
            LoginAttempt.objects.filter(name_sha256=attempt.name_sha256, address=attempt.address).delete()
        return user


def wait_seconds(request: HttpRequest | None) -> int:
    """Until the next attempt is allowed, when the one in this request came too soon; else 0."""
    return int(getattr(request, "login_wait_s", 0))


def _seconds_to_wait(attempt: LoginAttempt) -> int:
    """0 when it may be made, and then it is counted."""
    LoginAttempt.objects.filter(at__lt=attempt.at - FORGOTTEN_AFTER).delete()
    attempt.save()
    waits = [_until_free(_like(attempt, rule), rule, attempt.at) for rule in RULES]
    if wait_s := max(waits):
        attempt.delete()  # else whoever keeps trying would never be let in again
    return wait_s


def _like(attempt: LoginAttempt, rule: Rule) -> QuerySet[LoginAttempt]:
    same = {column: getattr(attempt, column) for column in rule.columns}
    return LoginAttempt.objects.filter(at__gt=attempt.at - rule.within, **same)


def _until_free(attempts: QuerySet[LoginAttempt], rule: Rule, now: datetime) -> int:
    """Seconds until the failure that is one too many is old enough."""
    too_many = attempts.order_by("-at", "-pk").values_list("at", flat=True)[rule.failures : rule.failures + 1]
    return max((math.ceil((at + rule.within - now).total_seconds()) for at in too_many), default=0)


def _hashed(name: str) -> str:
    return hashlib.sha256(name.casefold().encode()).hexdigest()
