from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from backtester.accounts.models import Token
from backtester.accounts.throttle import wait_seconds

TOKENS_MAX = 50


class LoginForm(AuthenticationForm):
    def get_invalid_login_error(self) -> ValidationError:
        """Unknown names, wrong passwords and inactive accounts get the same message."""
        if wait_s := wait_seconds(self.request):
            minutes = -(-wait_s // 60)
            return ValidationError(f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}.")
        return ValidationError("The username or password is wrong, or the account is inactive.")


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, label="Name", help_text="What the token is for, such as “nightly sweep”.")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Token.objects.filter(user=self.user, name=name).exists():
            raise ValidationError(f"There is already a token named {name!r}. Revoke it, or choose another name.")
        if Token.objects.filter(user=self.user).count() >= TOKENS_MAX:
            raise ValidationError(f"An account can have at most {TOKENS_MAX} tokens. Revoke one first.")
        return name
