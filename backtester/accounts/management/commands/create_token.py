"""`manage.py create_token NAME --for "what it is for"`: a token for a script, printed once."""

import sys
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser

from backtester.accounts.forms import TokenForm
from backtester.accounts.tokens import issue


class Command(BaseCommand):
    """The same as on the account page, for those who have a shell and no browser."""

    help = "Make an API token for an account and print it. It cannot be shown again; the account page revokes it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and what for."""
        parser.add_argument("account", help="the account's name")
        parser.add_argument("--for", dest="name", required=True, metavar="WORDS", help="what the token is for")

    def handle(self, *args: Any, **options: Any) -> None:
        """The token alone on standard output."""
        user = User.objects.filter(username=options["account"], is_active=True).first()
        if user is None:
            sys.exit(f"error: There is no active account {options['account']!r}.")
        form = TokenForm({"name": options["name"]}, user=user)
        if not form.is_valid():
            sys.exit(f"error: {' '.join(str(words) for found in form.errors.values() for words in found)}")
        _, secret = issue(user, form.cleaned_data["name"])
        self.stdout.write(secret)
