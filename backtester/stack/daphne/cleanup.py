"""Forget connections that have ended, and report applications that have failed."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

log = logging.getLogger(__name__)


def for_each(protocols: Iterable[Any], check: Callable[[Any], None]) -> None:
    """Check each connection. One whose check fails is cut off, and does not keep the others from theirs."""
    for protocol in protocols:
        try:
            check(protocol)
        except Exception:
            log.exception("connection cut off, its check failed: %r", protocol)
            if protocol.transport is not None:
                protocol.transport.abortConnection()


def clean_up(server: Any, protocol: Any) -> None:
    details = server.connections[protocol]
    disconnected_at, application = details.get("disconnected"), details.get("application_instance")
    if application is not None and not application.done():
        if disconnected_at and time.time() - disconnected_at > server.application_close_timeout:
            log.warning("application canceled: its client left %d s ago: %r", time.time() - disconnected_at, protocol)
            application.cancel()
        return
    if disconnected_at:
        del server.connections[protocol]
    if application is not None:
        del details["application_instance"]
        if not application.cancelled() and (error := application.exception()):
            log.error("Exception inside application: %s", error, exc_info=error)
            if not disconnected_at:
                protocol.handle_exception(error)
