"""Where a command finds its batches: a named server, the stack of this data folder, or the local database."""

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


def start_batch(body: dict[str, Any], options: Mapping[str, Any]) -> Batch | LocalBatch:
    if client := _client(options["url"], options["token"]):
        return client.start(**body)
    local.prepare()
    return local.start(body)


def find_batch(link: str, options: Mapping[str, Any]) -> Batch | LocalBatch:
    """Return the batch of an id or link; raise if it or its server cannot be found."""
    address, session_id = split_link(link)
    batch: Batch | LocalBatch
    if client := _client(address or options["url"], options["token"]):
        batch = client.batch(session_id)
    else:
        local.prepare()
        batch = LocalBatch(session_id)
    batch.newest()
    return batch


def _client(url: str | None, token: str | None) -> Client | None:
    """Return a client of the named server, else of this data folder's stack; None if that does not run."""
    address = url or os.environ.get("BACKTESTER_URL") or running_address(settings.DATA_DIR / "run")
    return Client(address, token=token) if address else None


@contextlib.contextmanager
def errors_as_messages() -> Iterator[None]:
    """Exit with one sentence and code 1 on an error, with 130 on Ctrl-C or when the reader of the output is gone."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each request
    try:
        yield
    except BrokenPipeError:  # as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it exits
        sys.exit(130)
    except (ClientError, BatchError, StackError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
