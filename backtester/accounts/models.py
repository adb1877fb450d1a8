"""What is kept about people, beside Django's own users, groups and sessions."""

from django.conf import settings
from django.db import models


class Token(models.Model):
    """A secret that lets a script in as its user. Only its hash is kept; a token that is revoked is gone."""

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
    """A login that failed, or is being checked. The name is hashed: people type passwords where the name belongs."""

    name_sha256 = models.CharField(max_length=64)
    address = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["name_sha256"]), models.Index(fields=["address"])]

    def __str__(self) -> str:
        return f"{self.address} at {self.at}"
