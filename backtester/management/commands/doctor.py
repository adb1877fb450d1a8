"""Are live updates going to reach a browser? Asked through the public address, proxy and all."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtester.client.addresses import find_token
from backtester.doctor.examination import examine
from backtester.doctor.probes import Site


class Command(BaseCommand):
    """`manage.py doctor --url https://backtester.example`."""

    help = "Open websocket, event stream and polling through the public address, and say what is wrong."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where, and for how long."""
        parser.add_argument("--url", required=True, help="The address that browsers use.")
        parser.add_argument("--token", help="Where people sign in; else that of BACKTESTER_TOKEN.")
        parser.add_argument(
            "--seconds", type=float, default=40.0, help="How long quiet streams are watched for idle timeouts."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each thing that was looked at."""
        try:
            site = Site(options["url"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        site.sign_in(find_token(options["token"], site.origin + site.prefix))
        self.stdout.write(f"Looking at {site.origin} for about {options['seconds']:g} s ...")
        if not examine(site, seconds=options["seconds"], say=self._say):
            raise CommandError("Live updates would not reach every browser; see above.")
        self.stdout.write("All is well.")

    def _say(self, what: str, wrong: list[str]) -> None:
        self.stdout.write(f"  {'WRONG' if wrong else 'ok':<6}{what}")
        for words in wrong:
            self.stdout.write(f"        {words}")
