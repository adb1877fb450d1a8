"""Limits on failed logins. They slow down guessing; no stranger can lock a user out of a browser they have used."""

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

from backtester.accounts.addresses import counted_as
from backtester.accounts.devices import device_of
from backtester.accounts.models import LoginAttempt


class Rule(NamedTuple):
    """At most `failures` within the time among attempts that have the same values in `columns` and the same device."""

    columns: tuple[str, ...]
    failures: int
    within: timedelta


RULES = (
    Rule(("name_sha256", "address"), 5, timedelta(minutes=5)),
    Rule(("address",), 50, timedelta(minutes=5)),
    Rule(("name_sha256",), 100, timedelta(hours=1)),
)
# Where the name has logged in before, only the failures of that browser count, whatever its address.
RULES_OF_KNOWN_DEVICES = (Rule(("name_sha256",), 5, timedelta(minutes=5)),)
KEPT_FOR = max(rule.within for rule in RULES)


class ThrottledBackend(ModelBackend):
    """Django's check of name and password, after that of the rules."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The attempt counts before the password is checked, so that parallel attempts cannot get around the rules."""
        if username is None or password is None:
            return None
        name = hashed(username)
        address = counted_as(request.META.get("REMOTE_ADDR", "") if request else "")[:64]
        attempt = LoginAttempt(name_sha256=name, address=address, device=device_of(request, name), at=timezone.now())
        if wait_s := _seconds_to_wait(attempt):
            if request is not None:
                request.login_wait_s = wait_s  # type: ignore[attr-defined]
            raise PermissionDenied
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is not None:
            LoginAttempt.objects.filter(name_sha256=name, address=address, device=attempt.device).delete()
        return user


def wait_seconds(request: HttpRequest | None) -> int:
    """Return the seconds until the next attempt if this request's was refused, else 0."""
    return int(getattr(request, "login_wait_s", 0))


def _seconds_to_wait(attempt: LoginAttempt) -> int:
    """Count the attempt and return 0 if the rules allow it, else the seconds until they would."""
    LoginAttempt.objects.filter(at__lt=attempt.at - KEPT_FOR).delete()
    attempt.save()
    rules = RULES_OF_KNOWN_DEVICES if attempt.device else RULES
    waits = [_seconds_until_allowed(_counted_attempts(attempt, rule), rule, attempt.at) for rule in rules]
    if wait_s := max(waits):
        attempt.delete()  # else an owner who keeps trying would stay locked out
    return wait_s


def _counted_attempts(attempt: LoginAttempt, rule: Rule) -> QuerySet[LoginAttempt]:
    values = {column: getattr(attempt, column) for column in rule.columns}
    return LoginAttempt.objects.filter(at__gt=attempt.at - rule.within, device=attempt.device, **values)


def _seconds_until_allowed(attempts: QuerySet[LoginAttempt], rule: Rule, now: datetime) -> int:
    """Return the seconds until no more than `rule.failures` of the attempts are recent enough to count."""
    excess = attempts.order_by("-at", "-pk").values_list("at", flat=True)[rule.failures : rule.failures + 1]
    return max((math.ceil((at + rule.within - now).total_seconds()) for at in excess), default=0)


def hashed(name: str) -> str:
    return hashlib.sha256(name.casefold().encode()).hexdigest()
