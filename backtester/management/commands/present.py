"""`manage.py present worker`: the health check of a container without a port."""

import sys
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandParser

from batches.ops import heartbeats


class Command(BaseCommand):
    """Exit code 0 when one of this host has spoken lately."""

    help = f"Whether a worker, watchdog or web server of this host was seen in the last {heartbeats.TTL_S} s."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Which part."""
        parser.add_argument("role", choices=[heartbeats.WORKER, heartbeats.WATCHDOG, heartbeats.WEB])

    def handle(self, *args: Any, **options: Any) -> None:
        """Print who is there."""
        try:
            names = [
                name for name in heartbeats.present(options["role"]) if name.startswith(f"{heartbeats.WORKER_HOST}:")
            ]
        except redis.RedisError as error:
            sys.exit(f"error: Redis cannot be asked: {error}")
        if not names:
            sys.exit(f"error: no {options['role']} of {heartbeats.WORKER_HOST} was seen lately.")
        self.stdout.write("\n".join(names))
