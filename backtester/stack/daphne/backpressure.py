"""Pause an application while its client does not read."""

import asyncio
from typing import Any

from daphne.http_protocol import WebRequest


class Backpressure:
    """A push producer: Twisted pauses it when more than 64 kB wait to be sent."""

    __slots__ = ("paused",)

    def __init__(self) -> None:
        self.paused: asyncio.Event | None = None  # created when needed: most connections are never paused

    def pauseProducing(self) -> None:
        self.paused = self.paused or asyncio.Event()

    def resumeProducing(self) -> None:
        if self.paused is not None:
            self.paused.set()
            self.paused = None

    def stopProducing(self) -> None:
        """Release the sender: the client is gone."""
        self.resumeProducing()


def attach_backpressure(protocol: Any) -> Backpressure:
    """Register a producer between the protocol and its transport."""
    backpressure = Backpressure()
    if isinstance(protocol, WebRequest):
        if protocol.channel is not None:  # None when the client is gone
            protocol.registerProducer(backpressure, True)
    else:
        protocol.transport.unregisterProducer()  # the HTTP channel that was upgraded
        protocol.transport.registerProducer(backpressure, True)
    return backpressure
