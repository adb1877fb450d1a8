"""Shut a server process down gracefully: finish requests, close streams.

Behind a proxy with other servers, clients see no more of a restart than a stream that reconnects elsewhere.
"""

import asyncio
from typing import Any

from daphne.http_protocol import WebRequest
from daphne.server import Server

DRAIN_S = 5.0  # for requests; shorter than `runstack`, Docker and systemd wait before they kill
FLUSH_S = 0.05
SERVICE_RESTART = 1012  # websocket close code


async def shutdown(server: Server) -> None:
    """Stop listening, close the streams, and wait for the requests in progress."""
    for listener in server.listeners:
        listener.addCallback(lambda port: port.stopListening())
    requests, streams = _running_applications(server)
    for protocol, application in streams.items():
        if not isinstance(protocol, WebRequest):
            protocol.serverClose(SERVICE_RESTART)
        application.cancel()
    if requests:
        await asyncio.wait(requests.values(), timeout=DRAIN_S)
        await asyncio.sleep(FLUSH_S)
    for application in requests.values():
        application.cancel()
    await asyncio.gather(*requests.values(), *streams.values(), return_exceptions=True)


def _running_applications(
    server: Server,
) -> tuple[dict[Any, "asyncio.Future[None]"], dict[Any, "asyncio.Future[None]"]]:
    requests: dict[Any, asyncio.Future[None]] = {}
    streams: dict[Any, asyncio.Future[None]] = {}
    for protocol, details in server.connections.items():
        application = details.get("application_instance")
        if application is not None and not application.done():
            (streams if _is_stream(protocol) else requests)[protocol] = application
    return requests, streams


def _is_stream(protocol: Any) -> bool:
    if not isinstance(protocol, WebRequest):
        return True
    content_types = protocol.responseHeaders.getRawHeaders("content-type") or [""]
    return str(content_types[0]).startswith("text/event-stream")
