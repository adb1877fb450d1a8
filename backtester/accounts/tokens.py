"""Tokens: 256 random bits, shown once, kept as a hash. So many bits need no slow hash: there is nothing to guess."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from backtester.accounts.models import Token

PREFIX = "bt_"  # so that scanners for leaked secrets can tell what they found
NOTED_EVERY = timedelta(minutes=1)


def issue(user: User, name: str) -> tuple[Token, str]:
    """A new token, and the secret itself, which cannot be had again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return Token.objects.create(user=user, name=name, sha256=digest(secret)), secret


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def note_use(sha256: str) -> None:
    """Remember that it was used; one write a minute is enough."""
    now = timezone.now()
    long_ago = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - NOTED_EVERY)
    Token.objects.filter(long_ago, sha256=sha256).update(last_used_at=now)
