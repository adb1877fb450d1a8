"""How a server process ends when it is told to: nobody new, what is in hand is answered, watchers are sent away.

Behind a proxy with other servers nobody sees more of a restart than a stream that comes back elsewhere.
"""

import asyncio
from typing import Any

from daphne.http_protocol import WebRequest
from daphne.server import Server

DRAIN_S = 5.0  # for requests; below what `runstack`, Docker and systemd wait before they kill
FLUSH_S = 0.05
SERVICE_RESTART = 1012  # a websocket's close code: come again


async def say_farewell(server: Server) -> None:
    """Run when the reactor is about to stop; it stops when this has returned."""
    for listener in server.listeners:
        listener.addCallback(lambda port: port.stopListening())
    brief, lasting = _applications(server)
    for protocol, application in lasting.items():
        if not isinstance(protocol, WebRequest):
            protocol.serverClose(SERVICE_RESTART)
        application.cancel()
    if brief:
        await asyncio.wait(brief.values(), timeout=DRAIN_S)
        await asyncio.sleep(FLUSH_S)
    for application in brief.values():
        application.cancel()
    await asyncio.gather(*brief.values(), *lasting.values(), return_exceptions=True)


def _applications(server: Server) -> tuple[dict[Any, "asyncio.Future[None]"], dict[Any, "asyncio.Future[None]"]]:
    """Those that are about to answer, and those that go on until somebody leaves; each by its protocol."""
    found: tuple[dict[Any, asyncio.Future[None]], ...] = ({}, {})
    for protocol, details in server.connections.items():
        application = details.get("application_instance")
        if application is not None and not application.done():
            found[_is_lasting(protocol)][protocol] = application
    return found[0], found[1]


def _is_lasting(protocol: Any) -> bool:
    """A websocket or an event stream."""
    if not isinstance(protocol, WebRequest):
        return True
    kinds = protocol.responseHeaders.getRawHeaders("content-type") or [""]
    return str(kinds[0]).startswith("text/event-stream")
