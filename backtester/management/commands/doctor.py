"""`manage.py doctor`: check the files here, and through the public address that live updates reach a browser."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtester.client.addresses import find_token
from backtester.doctor.examination import examine
from backtester.doctor.files import readable_files
from backtester.doctor.probes import Site


class Command(BaseCommand):
    help = "Open websocket, event stream and polling through the public address, and report what is wrong."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", required=True, help="The address that browsers use.")
        parser.add_argument("--token", help="For sites with a login; the default is BACKTESTER_TOKEN.")
        parser.add_argument(
            "--seconds", type=float, default=40.0, help="How long quiet streams are watched for idle timeouts."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            site = Site(options["url"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        site.sign_in(find_token(options["token"], site.url))
        self.stdout.write(f"Examining {site.origin} for about {options['seconds']:g} s ...")
        self._report("Files of this installation", open_files := readable_files(settings.DATA_DIR, _sqlite_file()))
        try:
            is_good = asyncio.run(examine(site, seconds=options["seconds"], report=self._report))
        except httpx.TransportError as error:
            raise CommandError(f"{site.origin} stopped answering: {error!r}.") from None
        if open_files:
            raise CommandError("Other users of this machine can read private files; see above.")
        if not is_good:
            raise CommandError("Live updates would not reach every browser; see above.")
        self.stdout.write("All is well.")

    def _report(self, examination: str, findings: list[str]) -> None:
        self.stdout.write(f"  {'WRONG' if findings else 'ok':<6}{examination}")
        for finding in findings:
            self.stdout.write(f"        {finding}")


def _sqlite_file() -> Path | None:
    database = settings.DATABASES["default"]
    return Path(database["NAME"]) if database["ENGINE"].endswith("sqlite3") else None
