"""`manage.py present worker`: the health check of a container without a port."""

import sys
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandParser

from batches.ops import heartbeats


class Command(BaseCommand):
    help = f"Exit with 0 if a worker, watchdog or web server of this host was seen in the last {heartbeats.TTL_S} s."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", choices=[heartbeats.WORKER, heartbeats.WATCHDOG, heartbeats.WEB])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            names = [
                name for name in heartbeats.present(options["role"]) if name.startswith(f"{heartbeats.WORKER_HOST}:")
            ]
        except redis.RedisError as error:
            sys.exit(f"error: Redis does not answer: {error}")
        if not names:
            sys.exit(
                f"error: no {options['role']} of {heartbeats.WORKER_HOST} was seen in the last {heartbeats.TTL_S} s."
            )
        self.stdout.write("\n".join(names))
