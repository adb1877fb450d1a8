"""`manage.py prune --older-than 90`: delete old batches and their results."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from batches.running import retention


class Command(BaseCommand):
    help = "Delete ended batches over a limit, the oldest first. Active batches are kept."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=float, metavar="DAYS", help="delete those that ended longer ago")
        parser.add_argument("--keep-last", type=int, metavar="N", help="delete all but the newest N")
        parser.add_argument(
            "--max-gb", type=float, metavar="GB", help="delete the oldest until the results need no more"
        )
        parser.add_argument("--dry-run", action="store_true", help="only list what would be deleted")
        parser.add_argument("--vacuum", action="store_true", help="SQLite: return the space to the disk afterwards")

    def handle(self, *args: Any, **options: Any) -> None:
        limits, now = _limits(options), timezone.now()
        if options["dry_run"]:
            for session in retention.outdated(limits, now):
                self.stdout.write(
                    f"would delete: {session} of {session.created_at:%Y-%m-%d}, {session.current:,} tests"
                )
            return
        number, size = retention.prune(limits, now)
        self.stdout.write(f"{number} batches deleted, about {size / 1e6:,.0f} MB of results.")
        if options["vacuum"] and connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM")


def _limits(options: dict[str, Any]) -> retention.Limits:
    days, last, gigabytes = options["older_than"], options["keep_last"], options["max_gb"]
    if days is None and last is None and gigabytes is None:
        raise CommandError("One of --older-than DAYS, --keep-last N and --max-gb GB is required.")
    for name, value in (("--older-than", days), ("--keep-last", last), ("--max-gb", gigabytes)):
        if value is not None and value < 0:
            raise CommandError(f"{name} must be at least 0, got {value:g}.")
    return retention.Limits(
        older_than=None if days is None else timedelta(days=days),
        keep_last=last,
        max_bytes=None if gigabytes is None else int(gigabytes * 1e9),
    )
