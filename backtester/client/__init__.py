"""A client of the API: start batches, watch them, read results as tables. It needs none of the server's code.

`Client` is for scripts and notebooks, `AsyncClient` for asyncio; `docs/python-client.md` shows both. The package
`synchronous` is generated from `asynchronous`: run `python -m tests.client.generate` after a change.
"""

try:
    import httpx  # noqa: F401
    import websockets  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"backtester.client needs {error.name}: install the extra `client`, as in pip install -e '.[client]'.",
        name=error.name,
    ) from None

from backtester.client.answers import Holdout, Ledger, Spent, Verdict
from backtester.client.asynchronous.batch import AsyncBatch
from backtester.client.asynchronous.client import AsyncClient
from backtester.client.calls import Estimate
from backtester.client.errors import ClientError, Detail, NotFound, NotSignedIn, Refused, Unreachable
from backtester.client.events import Event
from backtester.client.synchronous.batch import Batch
from backtester.client.synchronous.client import Client

__all__ = [
    "AsyncBatch",
    "AsyncClient",
    "Batch",
    "Client",
    "ClientError",
    "Detail",
    "Estimate",
    "Event",
    "Holdout",
    "Ledger",
    "NotFound",
    "NotSignedIn",
    "Refused",
    "Spent",
    "Unreachable",
    "Verdict",
]
