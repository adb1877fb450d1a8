"""`manage.py create_token ann --for "nightly sweep"`."""

import sys
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser

from backtester.accounts.forms import TokenForm
from backtester.accounts.tokens import create_token


class Command(BaseCommand):
    help = "Create an API token and print it. It cannot be shown again; the account page revokes it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="username")
        parser.add_argument(
            "--for", dest="name", required=True, metavar="NAME", help="name of the token: what it is for"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["account"], is_active=True).first()
        if user is None:
            sys.exit(f"error: There is no active account {options['account']!r}.")
        form = TokenForm({"name": options["name"]}, user=user)
        if not form.is_valid():
            sys.exit(f"error: {' '.join(str(message) for messages in form.errors.values() for message in messages)}")
        _, secret = create_token(user, form.cleaned_data["name"])
        self.stdout.write(secret)
