"""Where a command finds its batches: on a server that is named, on this data folder's stack, or in its database."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from backtester.client import Batch, Client, ClientError
from backtester.client.addresses import split_link
from backtester.stack.errors import StackError
from backtester.stack.instance import running_address
from backtester.terminal import local
from backtester.terminal.local import LocalBatch
from batches.errors import BatchError


def start(body: dict[str, Any], options: Mapping[str, Any]) -> Batch | LocalBatch:
    """Start a batch on the server; without one, in the database, with workers of our own."""
    if client := server(options["url"], options["token"]):
        return client.start(**body)
    local.open_database()
    return local.start(body)


def find(link: str, options: Mapping[str, Any]) -> Batch | LocalBatch:
    """The batch of an id or a link."""
    address, session_id = split_link(link)
    batch: Batch | LocalBatch
    if client := server(address or options["url"], options["token"]):
        batch = client.batch(session_id)
    else:
        local.open_database()
        batch = LocalBatch(session_id)
    batch.newest()  # an unknown one, or a server that is away, is said now
    return batch


def server(url: str | None, token: str | None) -> Client | None:
    """The one that is named, else this data folder's stack; None when it does not run."""
    address = url or os.environ.get("BACKTESTER_URL") or running_address(settings.DATA_DIR / "run")
    return Client(address, token=token) if address else None


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """What goes wrong is one sentence and exit code 1; an early Ctrl-C, or a reader that left, is 130."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request
    try:
        yield
    except BrokenPipeError:  # as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it exits
        sys.exit(130)
    except (ClientError, BatchError, StackError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
