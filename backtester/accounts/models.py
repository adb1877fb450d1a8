"""Tokens and failed logins; users, groups and sessions are Django's own models."""

from django.conf import settings
from django.db import models


class Token(models.Model):
    """A secret with which a script acts as its user. Only its hash is stored; revoking a token deletes it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80, help_text="What it is for.")
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_token_per_name")]

    def __str__(self) -> str:
        return self.name


class LoginAttempt(models.Model):
    """A login that failed or is being checked. Names are hashed, as some are passwords typed into the wrong field."""

    name_sha256 = models.CharField(max_length=64)
    address = models.CharField(max_length=64, help_text="IPv6: the /64 network.")
    # The browser, if the name has logged in there before. A default in the database, for servers of the version before.
    device = models.CharField(max_length=32, default="", db_default="")
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["name_sha256"]), models.Index(fields=["address"])]

    def __str__(self) -> str:
        return f"{self.address} at {self.at}"
