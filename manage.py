#!/usr/bin/env python
"""Entry for commands: `manage.py runstack`, `load_prices`, `watchdog`, and Django's own."""

import os
import sys

# These draw no page: without the apps for pages they start in half the time.
LEAN_COMMANDS = (
    *("archive_prices", "compare", "delete_prices", "export_results", "load_prices", "load_sample", "present", "prune"),
    *("run_batch", "warm_kernels", "watch_batch", "watchdog"),
)
LEAN = dict.fromkeys(LEAN_COMMANDS, "backtester.worker_settings")
LEAN["runstack"] = "backtester.supervisor_settings"

if __name__ == "__main__":
    os.umask(0o077)  # the database, sockets and logs are for this user alone; the parts inherit it
    if len(sys.argv) > 1 and sys.argv[1] in LEAN:
        os.environ["DJANGO_SETTINGS_MODULE"] = LEAN[sys.argv[1]]
    else:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backtester.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        _ = settings.INSTALLED_APPS  # reads all settings
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error}")
    execute_from_command_line(sys.argv)
