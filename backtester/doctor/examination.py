"""The examinations, in order. Each returns its findings; an empty list is good."""

import asyncio
import json
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import httpx
from websockets.exceptions import InvalidStatus, WebSocketException

from backtester.doctor.probes import TIMEOUT_S, EventStream, Site, WebSocket, body_of

AT_ONCE_S = 5.0  # an event arrives within it, unless a proxy holds it back
REST_S = 3.0  # the rest of an event that has begun; shorter than the 4 s after which a heartbeat flushes a buffer
QUIET_S = 15.0  # no stream of the backtester is quiet for longer
FOREIGN = "https://doctor.invalid"
API = "/api/backtest/batch"
BUFFERED = (
    "An event of the {0} did not arrive completely within {1:g} s: a proxy buffers the response. In nginx:"
    " proxy_buffering off, and do not ignore X-Accel-Buffering."
)
SILENT = (
    "The {0} was silent for {1:g} s, although heartbeats were sent: a proxy buffers small pieces of the response. In"
    " nginx: proxy_buffering off, and do not ignore X-Accel-Buffering."
)
ENDED = (
    "The {0} was closed after {1:.0f} s, and not by the server: a proxy has an idle timeout. Heartbeats are at most"
    " 15 s apart; allow 60 (in nginx: proxy_read_timeout 60s)."
)
Report = Callable[[str, list[str]], None]


async def examine(site: Site, *, seconds: float, report: Report) -> bool:
    """Report the findings of each examination; return whether there are none.

    seconds : how long quiet streams are watched
    """
    async with site.http:
        findings = await basics(site)
        report("Server, pages and static files", findings)
        if findings:
            return False
        try:
            async with quiet_batch(site) as session_id:
                return await _examine_streams(site, session_id, seconds, report)
        except CannotStart as reason:
            report("Starting a batch", [str(reason)])
            return False


async def _examine_streams(site: Site, session_id: str, seconds: float, report: Report) -> bool:
    results = [await polling(site, session_id), await foreign_page(site, session_id)]
    report("Polling", results[0])
    report("Pages of other sites are refused", results[1])
    results += await asyncio.gather(event_stream(site, session_id, seconds), websocket(site, session_id, seconds))
    report("Event stream", results[2])
    report("Websocket", results[3])
    return not any(results)


async def basics(site: Site) -> list[str]:
    """Check that the backtester answers, with its database, Redis and static files."""
    try:
        response = await site.http.get("/healthz")
    except httpx.TransportError as error:
        if _is_tls_error(error):
            return [f"TLS does not work with {site.origin}: {error}."]
        return [f"Nothing answers at {site.origin}: {str(error) or type(error).__name__}."]
    status, body = response.status_code, body_of(response)
    if status == 400:
        return [f"The server refuses the host name {site.netloc!r}: add it to ALLOWED_HOSTS."]
    if status in {502, 504}:
        return [f"The proxy answers {status}: it does not reach the backtester. Check that it runs, and its port."]
    if not isinstance(body, dict) or "ok" not in body:
        return [f"{site.origin}/healthz answers {status}, but not as the backtester does. Check the address."]
    findings = [] if body["ok"] else ["The server cannot read its database."]
    if not body.get("redis"):
        findings.append("The server does not reach Redis: updates come from the database, a second or two late.")
    script = await site.http.get("/static/batches/live-feed.js")
    if script.status_code != 200 or "javascript" not in script.headers.get("Content-Type", ""):
        findings.append(f"Static files are not served ({script.status_code}): pass /static/ to the backtester, too.")
    return findings


def _is_tls_error(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__
    return error is not None


class CannotStart(Exception):
    """No batch can be started to watch."""


class Finding(Exception):
    """What is wrong with a stream."""


@asynccontextmanager
async def quiet_batch(site: Site) -> AsyncIterator[str]:
    """Start a paused batch; delete it afterwards."""
    body = {
        "strategy": "sma_cross",
        "symbols": await _symbols(site),
        "parameterRanges": {
            "fast": {"start": 2, "stop": 200, "step": 1},
            "slow": {"start": 205, "stop": 454, "step": 1},
        },
        "sessionId": str(uuid.uuid4()),
    }
    response = await site.http.post(API, json=body, headers={"Origin": site.origin})
    if response.status_code == 403:
        raise CannotStart(
            "The server takes its own pages for those of another site: the proxy changes the Host header, or hides that"
            " browsers come by https. In nginx: proxy_set_header Host $http_host, proxy_set_header X-Forwarded-Proto"
            " $scheme, and this proxy in TRUSTED_PROXIES."
        )
    if response.status_code != 202:
        raise CannotStart(f"A batch could not be started ({response.status_code}): {body_of(response)}")
    session_id = response.json()["sessionId"]
    batch = f"{API}/{session_id}"
    try:
        await site.http.post(f"{batch}/pause")
        yield session_id
    finally:
        await site.http.post(f"{batch}/cancel")
        await site.http.delete(batch)


async def _symbols(site: Site) -> list[str]:
    response = await site.http.get("/api/instruments")
    if response.status_code == 401:
        raise CannotStart("The site requires a login: pass a token with --token or in BACKTESTER_TOKEN.")
    body = body_of(response)
    instruments = body.get("instruments", []) if isinstance(body, dict) else []
    if not instruments:
        raise CannotStart("There are no instruments to test with; import prices first.")
    return [instrument["symbol"] for instrument in instruments][:20]


async def polling(site: Site, session_id: str) -> list[str]:
    """Check that two snapshots differ in time."""
    stamps = []
    for _ in range(2):
        response = await site.http.get(f"{API}/{session_id}")
        snapshot = body_of(response)
        if response.status_code != 200 or not isinstance(snapshot, dict):
            return [f"The snapshot of a batch is answered with {response.status_code}."]
        stamps.append(snapshot["sentAtMs"])
        await asyncio.sleep(0.05)
    return [] if stamps[0] != stamps[1] else ["A cache answers for the server: do not cache /api/."]


async def foreign_page(site: Site, session_id: str) -> list[str]:
    """Check that a page of another site cannot open a websocket."""
    try:
        async with site.websocket(f"/ws/backtest/batch/{session_id}/", origin=FOREIGN):
            return ["A page of another site could open a websocket: the proxy replaces the Origin header."]
    except (WebSocketException, OSError):
        return []


async def event_stream(site: Site, session_id: str, seconds: float) -> list[str]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(TIMEOUT_S) as opening:
            async with site.event_stream(f"{API}/stream?sessionId={session_id}") as stream:
                opening.reschedule(None)
                await _examine_event_stream(stream, seconds)
    except Finding as finding:
        return [str(finding)]
    except TimeoutError:
        return [BUFFERED.format("event stream", TIMEOUT_S)]
    except httpx.TransportError as error:
        return [f"The event stream broke after {time.monotonic() - began:.0f} s: {error!r}."]
    return []


async def _examine_event_stream(stream: EventStream, seconds: float) -> None:
    if stream.status != 200:
        raise Finding(f"The event stream is answered with {stream.status}.")
    if stream.headers.get("Content-Encoding", "identity") != "identity":
        raise Finding("The event stream is compressed by a proxy, which delays events: turn gzip off for it.")
    await wait_for_first("event stream", stream, "event: connected")
    await watch_quietly("event stream", stream, seconds)


async def websocket(site: Site, session_id: str, seconds: float) -> list[str]:
    """Open it as a page of the site does."""
    try:
        async with site.websocket(f"/ws/backtest/batch/{session_id}/", origin=site.origin) as connection:
            socket = cast(WebSocket, connection)
            await wait_for_first("websocket", socket, '"connected"')
            await watch_quietly("websocket", socket, seconds)
            return await _check_pong(socket)
    except Finding as finding:
        return [str(finding)]
    except InvalidStatus as refusal:
        return [_explain_refusal(refusal.response.status_code)]
    except (WebSocketException, OSError) as error:
        return [f"The websocket could not be opened: {error!r}."]


async def _check_pong(socket: WebSocket) -> list[str]:
    try:
        async with asyncio.timeout(AT_ONCE_S):
            await socket.send('{"type":"ping"}')
            while (message := await socket.receive()) is not None:
                if json.loads(message).get("type") == "pong":
                    return []
    except (TimeoutError, WebSocketException):
        pass
    return ["The websocket brings events, but messages of the client do not reach the server."]


def _explain_refusal(status: int) -> str:
    if status == 403:
        return (
            "The websocket is refused (403): the proxy changes the Host header, or hides that browsers come by https."
            " In nginx: proxy_set_header Host $http_host, proxy_set_header X-Forwarded-Proto $scheme, and this proxy"
            " in TRUSTED_PROXIES. Or add the page's origin to CORS_ALLOWED_ORIGINS."
        )
    return (
        f"The websocket is answered with {status} instead of 101: a proxy drops the upgrade. In nginx:"
        " proxy_http_version 1.1, and proxy_set_header for Upgrade and Connection."
    )


async def wait_for_first(name: str, stream: EventStream | WebSocket, event: str) -> None:
    """Wait for the first event; raise a finding if it does not arrive at once."""
    deadline = time.monotonic() + AT_ONCE_S
    try:
        while event not in await _receive(name, stream, deadline):
            pass
    except TimeoutError:
        raise Finding(BUFFERED.format(name, AT_ONCE_S)) from None


async def watch_quietly(name: str, stream: EventStream | WebSocket, seconds: float) -> None:
    """Raise a finding if an event stops halfway, or if a silence lasts `QUIET_S`."""
    ends_at = time.monotonic() + seconds
    while stream.is_inside_event or time.monotonic() < ends_at:
        limit = stream.heard_at + REST_S if stream.is_inside_event else min(stream.heard_at + QUIET_S, ends_at)
        try:
            await _receive(name, stream, limit)
        except TimeoutError:
            if stream.is_inside_event:
                raise Finding(BUFFERED.format(name, REST_S)) from None
            if stream.heard_at + QUIET_S <= min(time.monotonic(), ends_at):
                raise Finding(SILENT.format(name, QUIET_S)) from None


async def _receive(name: str, stream: EventStream | WebSocket, deadline: float) -> str:
    async with asyncio.timeout(deadline - time.monotonic()):
        message = await stream.receive()
    if message is None:
        raise Finding(ENDED.format(name, time.monotonic() - stream.opened_at))
    return message
