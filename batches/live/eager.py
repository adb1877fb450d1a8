"""Run a coroutine up to its first suspension without a task for it. Python 3.12 has eager tasks for this."""

import types
from asyncio import CancelledError
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any

Unfinished = Coroutine[Any, Any, None]


def start(coroutine: Unfinished) -> Unfinished | None:
    """Run the coroutine until it ends or suspends. Return None if it has ended, else a coroutine that finishes it.

    An error, too, is raised by the returned coroutine: it concerns the task that awaits it, not the caller.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    except (Exception, CancelledError) as error:  # noqa: BLE001 - raised again by `_fail`
        return _fail(error)
    return _finish(coroutine, awaited)


async def _fail(error: BaseException) -> None:
    raise error


@types.coroutine
def _finish(coroutine: Unfinished, awaited: Any) -> Generator[Any, Any, None]:
    """Pass the futures of the coroutine to the task, and their results and cancellations back."""
    while True:
        try:
            step = partial(coroutine.send, (yield awaited))
        except BaseException as error:  # noqa: BLE001 - thrown into the coroutine
            step = partial(coroutine.throw, error)
        try:
            awaited = step()
        except StopIteration:
            return
