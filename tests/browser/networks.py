"""A network between the browser and the stack that a test can break."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.live.relay import Relay

# Headless browsers treat every tab as visible; here the test decides.
TAB_THAT_HIDES = "Object.defineProperty(Document.prototype, 'hidden', { get: () => Boolean(globalThis.tabIsHidden) });"
HIDE = """hidden => {
    globalThis.tabIsHidden = hidden;
    document.dispatchEvent(new Event("visibilitychange"));
}"""
# Every value that the bar has values.
NOTE_THE_BAR = """() => {
    const bar = document.querySelector("[role=progressbar]");
    globalThis.values = [Number(bar.ariaValueNow)];
    new MutationObserver(() => values.push(Number(bar.ariaValueNow))).observe(bar, { attributes: true });
}"""


class Network:
    """The relay of the live tests, for tests without an event loop."""

    def __init__(self, relay: Relay, loop: asyncio.AbstractEventLoop) -> None:
        self.relay, self.loop = relay, loop

    def through(self, address: str) -> str:
        """The same page, by way of us."""
        return urlsplit(address)._replace(netloc=f"127.0.0.1:{self.relay.port}").geturl()

    def cut(self) -> None:
        """Every connection ends."""
        self._do(self.relay.cut)

    def stall(self) -> None:
        """Nothing passes, nothing ends."""
        self._do(self.relay.stall)

    def heal(self) -> None:
        """What was held passes."""
        self._do(self.relay.heal)

    def _do(self, change: Callable[[], None]) -> None:
        self.loop.call_soon_threadsafe(change)


@contextmanager
def network(address: str) -> Iterator[Network]:
    """A relay to the stack at `address`, in a thread of its own."""
    parts = urlsplit(address)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relay")
    thread.start()

    def wait_for(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

    relay = Relay((str(parts.hostname), int(parts.port or 80)))
    try:
        yield Network(wait_for(relay.__aenter__()), loop)
    finally:
        wait_for(relay.__aexit__())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
