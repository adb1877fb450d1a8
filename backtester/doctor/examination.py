"""What is looked at, in order, and what each finding means. Every function returns findings: nothing found is good."""

import json
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from backtester.doctor.probes import CLOSE, TEXT, EventStream, Refused, Site, WebSocket

AT_ONCE_S = 5.0  # the first event is sent with the answer; what takes longer is held back somewhere
QUIET_S = 15.0  # no stream of ours is quiet for longer
FOREIGN = "https://doctor.invalid"
API = "/api/backtest/batch"
BUFFERED = (
    "The {0} was opened, but its first event did not come within {1:g} s: something in between collects the answer"
    " before it hands it on. In nginx: proxy_buffering off, and do not ignore X-Accel-Buffering."
)
SILENT = (
    "The {0} was silent for {1:g} s, though a sign of life was sent: something in between collects small pieces before"
    " it hands them on. In nginx: proxy_buffering off, and do not ignore X-Accel-Buffering."
)
ENDED = (
    "The {0} was ended after {1:.0f} s without a word from the server: something in between has an idle timeout. We"
    " send a sign of life every 15 s at least; allow 60 (in nginx: proxy_read_timeout 60s)."
)
Say = Callable[[str, list[str]], None]


def examine(site: Site, *, seconds: float, say: Say) -> bool:
    """Everything, telling each finding; whether all is well. seconds : how long quiet streams are watched."""
    wrong = basics(site)
    say("Server, pages and static files", wrong)
    if wrong:
        return False
    try:
        with quiet_batch(site) as session_id:
            answers = [polling(site, session_id), foreign_page(site, session_id)]
            say("Polling", answers[0])
            say("Foreign pages are kept out", answers[1])
            with ThreadPoolExecutor(2) as pool:
                found = [pool.submit(look, site, session_id, seconds) for look in (event_stream, websocket)]
                answers += [one.result() for one in found]
            say("Event stream", answers[2])
            say("Websocket", answers[3])
    except CannotStart as reason:
        say("Starting a batch", [str(reason)])
        return False
    return not any(answers)


def basics(site: Site) -> list[str]:
    """Is it there, and is it us?"""
    try:
        status, body, _ = site.ask("GET", "/healthz")
    except ssl.SSLError as error:
        return [f"TLS does not work with {site.origin}: {error}."]
    except OSError as error:
        return [f"Nobody answers at {site.origin}: {error}."]
    if status == 400:
        return [f"The server does not know itself as {site.netloc!r}: put the name into ALLOWED_HOSTS."]
    if status in {502, 504}:
        return [f"The proxy answers {status}: it does not reach the backtester. Is that running, and the port right?"]
    if not isinstance(body, dict) or "ok" not in body:
        return [f"{site.origin}/healthz answers {status}, but not as the backtester does. Is the address right?"]
    found = [] if body["ok"] else ["The server cannot read its database."]
    if not body.get("redis"):
        found.append("The server does not reach Redis: updates come by the database, a second or two late.")
    status, _, headers = site.ask("GET", "/static/batches/live-feed.js")
    if status != 200 or "javascript" not in headers.get("Content-Type", ""):
        found.append(f"Static files are not served ({status}): hand /static/ on to the backtester, too.")
    return found


class CannotStart(Exception):
    """There is nothing to watch."""


@contextmanager
def quiet_batch(site: Site) -> Iterator[str]:
    """A paused batch of our own to watch; removed at the end."""
    status, listed, _ = site.ask("GET", "/api/instruments")
    if status == 401:
        raise CannotStart("People sign in here: give a token of yours, as --token or in BACKTESTER_TOKEN.")
    rows = listed.get("instruments", []) if isinstance(listed, dict) else []
    symbols = [row["symbol"] for row in rows][:20]
    if not symbols:
        raise CannotStart("There are no instruments to test with; import some prices first.")
    ranges = {"fast": {"start": 2, "stop": 200, "step": 1}, "slow": {"start": 205, "stop": 454, "step": 1}}
    body = {"strategy": "sma_cross", "symbols": symbols, "parameterRanges": ranges, "sessionId": str(uuid.uuid4())}
    status, answer, _ = site.ask("POST", API, body, Origin=site.origin)
    if status == 403:
        raise CannotStart(
            "The server takes its own pages for foreign ones: it is asked for another host than the browser. In nginx:"
            " proxy_set_header Host $http_host."
        )
    if status != 202:
        raise CannotStart(f"A batch could not be started ({status}): {answer}")
    batch = f"{API}/{answer['sessionId']}"
    try:
        site.ask("POST", f"{batch}/pause")
        yield answer["sessionId"]
    finally:
        site.ask("POST", f"{batch}/cancel")
        site.ask("DELETE", batch)


def polling(site: Site, session_id: str) -> list[str]:
    """Two snapshots must differ in time."""
    stamps = []
    for _ in range(2):
        status, body, _ = site.ask("GET", f"{API}/{session_id}")
        if status != 200 or not isinstance(body, dict):
            return [f"The snapshot of a batch is answered with {status}."]
        stamps.append(body["sentAtMs"])
        time.sleep(0.05)
    return [] if stamps[0] != stamps[1] else ["A cache in between answers for the server: /api/ may not be cached."]


def foreign_page(site: Site, session_id: str) -> list[str]:
    """A page of another site may not listen."""
    try:
        WebSocket(site, f"/ws/backtest/batch/{session_id}/", origin=FOREIGN).close()
    except (Refused, OSError, EOFError):
        return []
    return ["A page of another site could open a websocket: the proxy replaces the Origin header."]


def event_stream(site: Site, session_id: str, seconds: float) -> list[str]:
    """First event at once, then a sign of life every 15 s."""
    began = time.monotonic()
    try:
        stream = EventStream(site, f"{API}/stream?sessionId={session_id}")
    except TimeoutError:
        return [BUFFERED.format("event stream", AT_ONCE_S)]
    try:
        if stream.status != 200:
            return [f"The event stream is answered with {stream.status}."]
        found = []
        if stream.headers.get("Content-Encoding", "identity") != "identity":
            found.append("The event stream is compressed on its way, which holds events back: gzip off for it.")
        return found + _listen(
            "event stream", began, seconds, lambda deadline: stream.line(deadline) or None, b"event: connected"
        )
    finally:
        stream.close()


def websocket(site: Site, session_id: str, seconds: float) -> list[str]:
    """The same over a websocket, opened as a page of ours would."""
    began = time.monotonic()
    try:
        socket = WebSocket(site, f"/ws/backtest/batch/{session_id}/", origin=site.origin)
    except Refused as refused:
        return [_why_refused(refused.status)]
    except (OSError, EOFError) as error:
        return [f"The websocket could not be opened: {error!r}."]

    def next_frame(deadline: float) -> bytes | None:
        try:
            kind, payload = socket.frame(deadline)
        except EOFError:
            return None
        return None if kind == CLOSE else payload

    try:
        found = _listen("websocket", began, seconds, next_frame, b'"connected"')
        if not found:
            socket.send(TEXT, b'{"type":"ping"}')
            found = _pong(socket)
        return found
    finally:
        socket.close()


def _pong(socket: WebSocket) -> list[str]:
    deadline = time.monotonic() + AT_ONCE_S
    try:
        while True:
            kind, payload = socket.frame(deadline)
            if kind == TEXT and json.loads(payload).get("type") == "pong":
                return []
    except (OSError, EOFError):
        return ["The websocket brings events, but what a client sends does not reach the server."]


def _why_refused(status: int) -> str:
    if status == 403:
        return (
            "The websocket is refused (403): the server is asked for another host than the browser. In nginx:"
            " proxy_set_header Host $http_host. Or put the page's origin into CORS_ALLOWED_ORIGINS."
        )
    return (
        f"The websocket is answered with {status} instead of 101: the upgrade is lost on the way. In nginx:"
        " proxy_http_version 1.1, and proxy_set_header for Upgrade and Connection."
    )


def _listen(name: str, began: float, seconds: float, read: Callable[[float], bytes | None], first: bytes) -> list[str]:
    """The first event must come at once, and then no silence may last."""
    heard, seen = time.monotonic(), False
    ends_at = began + seconds
    while time.monotonic() < ends_at:
        limit = QUIET_S if seen else AT_ONCE_S
        try:
            words = read(min(heard + limit, max(ends_at, began + AT_ONCE_S)))
        except TimeoutError:
            if not seen:
                return [BUFFERED.format(name, AT_ONCE_S)]
            if time.monotonic() < ends_at:
                return [SILENT.format(name, QUIET_S)]
            break
        except OSError as error:
            return [f"The {name} broke after {time.monotonic() - began:.0f} s: {error}."]
        if words is None:
            return [ENDED.format(name, time.monotonic() - began)]
        heard, seen = time.monotonic(), seen or first in words
    return []
