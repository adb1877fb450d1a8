"""Follow a batch: subscribe, read the row, forward newer events until the terminal one."""

import math
import time
import uuid
from collections.abc import AsyncGenerator

from backtester.accounts.credentials import Credential
from batches.live.hub import current_hub
from batches.live.reads import first_events, read
from batches.live.subscriptions import Event, SendEvent


async def follow(
    session_id: uuid.UUID,
    credential: Credential | None = None,
    *,
    after: int = 0,
    life_s: float = math.inf,
    send: SendEvent | None = None,
) -> AsyncGenerator[Event | None, None]:
    """Yield `connected`, then newer events until the terminal one; None when a heartbeat is due.

    Raises NotFound, TooMany or Unauthorized before the first event, and also later, when the batch is deleted or the
    permission to watch it is lost. Yields nothing if the client has seen the terminal event (`after`), and ends
    without it after `life_s`: the client reconnects.

    send : sends progress while the caller waits for the next event; what is sent so is not yielded.
    """
    hub = current_hub()
    with hub.watching(session_id, credential, send) as watcher:
        # Subscribe before reading the row: an event in between would be lost.
        await hub.subscribed(session_id)
        connected, terminal = await read(first_events, session_id, credential)
        if terminal:
            if after < terminal.sequence:
                yield connected
                yield terminal
            return
        yield connected
        watcher.skip_to(connected.sequence)
        del connected  # its text would stay in memory for as long as the stream is open
        ends_at = time.monotonic() + life_s
        while time.monotonic() < ends_at:
            event = await watcher.take()
            if event is None and watcher.check_due:
                watcher.check_due = False
                await read(first_events, session_id, credential)  # raises if the batch or the permission is gone
            yield event
            if event is not None and event.is_terminal:
                await hub.close_jitter()
                return
