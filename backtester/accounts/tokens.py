"""API tokens: 256 random bits, stored as a plain hash. A slow one is for passwords, which can be guessed."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from backtester.accounts.models import Token

PREFIX = "bt_"  # lets scanners for leaked secrets recognize one
USE_RECORDED_EVERY = timedelta(minutes=1)


def create_token(user: User, name: str) -> tuple[Token, str]:
    """Return the token and its secret, which is not stored."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return Token.objects.create(user=user, name=name, sha256=hash_secret(secret)), secret


def hash_secret(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def record_use(sha256: str) -> None:
    """Update `last_used_at`, at most once a minute."""
    now = timezone.now()
    is_old = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_RECORDED_EVERY)
    Token.objects.filter(is_old, sha256=sha256).update(last_used_at=now)
