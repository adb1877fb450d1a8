"""Run as a program, with a file's name: read it as prices, then print what was said and the memory it took.

A process of its own, because the peak of a process never falls.
"""

import os
import resource
import sys
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "backtester.settings"

import django

django.setup()

from batches.errors import BatchError  # noqa: E402
from batches.price_import import read_prices  # noqa: E402


def peak() -> int:
    """In MB, since the start."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    before = peak()
    try:
        read_prices(Path(sys.argv[1]), name="hostile")
        words = "taken"
    except BatchError as error:
        words = error.message
    print(f"{peak() - before}\t{words}")
