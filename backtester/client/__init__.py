"""A client for the contract: start batches, watch them, read their results as tables. It knows no Django.

`Client` for scripts and notebooks, `AsyncClient` for asyncio; `docs/python-client.md` shows both.
"""

from backtester.client.asynchronous import AsyncBatch, AsyncClient
from backtester.client.calls import Estimate
from backtester.client.errors import ClientError, Detail, NotFound, NotSignedIn, Refused, Unreachable
from backtester.client.events import Event
from backtester.client.plain import Batch, Client

__all__ = [
    "AsyncBatch",
    "AsyncClient",
    "Batch",
    "Client",
    "ClientError",
    "Detail",
    "Estimate",
    "Event",
    "NotFound",
    "NotSignedIn",
    "Refused",
    "Unreachable",
]
