"""Begin a coroutine at once, and finish it elsewhere only if it has to wait. Python 3.12's eager tasks do the like."""

import asyncio
import types
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any


def begin(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """None when it has ended, as one does that need not wait; else the rest of it, to be awaited in a task.

    What it raises comes out of the rest too: whoever begins it is not who it concerns.
    """
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return None
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told to whoever awaits the rest
        return _raised(error)
    return _rest(coroutine, waits_for)


async def _raised(error: BaseException) -> None:
    raise error


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Hands what the coroutine waits for to the task, and the answer, or a cancellation, back to the coroutine."""
    while True:
        try:
            step = partial(coroutine.send, (yield waits_for))
        except BaseException as error:  # noqa: BLE001 - it is the coroutine's to deal with
            step = partial(coroutine.throw, error)
        try:
            waits_for = step()
        except StopIteration:
            return
