"""The forms of the account pages."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from backtester.accounts.models import Token
from backtester.accounts.throttle import wait_seconds

TOKENS_MAX = 50


class LoginForm(AuthenticationForm):
    """Name and password."""

    def get_invalid_login_error(self) -> ValidationError:
        """What to tell: no more than that it did not work."""
        if wait_s := wait_seconds(self.request):
            minutes = -(-wait_s // 60)
            return ValidationError(f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}.")
        return ValidationError("Name and password do not belong together, or the account is switched off.")


class TokenForm(forms.Form):
    """A new token needs a name."""

    name = forms.CharField(max_length=80, label="Name", help_text="What it is for, such as “nightly sweep”.")

    def __init__(self, *given: Any, user: User, **options: Any) -> None:
        super().__init__(*given, **options)
        self.user = user

    def clean_name(self) -> str:
        """One token for each name, and not without end."""
        name: str = self.cleaned_data["name"]
        if Token.objects.filter(user=self.user, name=name).exists():
            raise ValidationError(f"There is a token called {name!r} already; revoke it first, or choose another name.")
        if Token.objects.filter(user=self.user).count() >= TOKENS_MAX:
            raise ValidationError(f"An account has at most {TOKENS_MAX} tokens; revoke one first.")
        return name
