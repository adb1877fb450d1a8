"""Common steps: start a batch, wait for it, read the panel."""

import re

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.stack.clients import SHARES
from tests.support.stack_process import StackProcess

# Runs long enough on any machine: grid DCA is path-dependent and slow.
LONG = {
    "strategy": "grid_dca",
    "symbols": SHARES,
    "parameterRanges": {
        "gridInterval": {"start": 0.02, "stop": 0.2, "step": 0.01},
        "profitRequirement": {"start": 0.02, "stop": 0.3, "step": 0.01},
        "trailingStop": {"start": 0.0, "stop": 0.1, "step": 0.02},
        "maxLots": [5, 10, 15, 20],
    },
    "direction": "both",
    "enableBetaScaling": True,
    "coefficients": [0.5, 1.0, 1.5],
}
COMPLAINTS = {"error", "warning"}
# Console messages of browsers about a broken connection; the last two are htmx's, about a fragment that did not arrive.
OF_THE_NETWORK = re.compile(
    r"net::ERR_|WebSocket connection|502|the connection to|establish a connection"
    r"|htmx:(afterRequest|sendError)|^undefined$",
    re.IGNORECASE,
)
LEFT_IN_FIREFOX = "was interrupted while the page was loading"  # about the websocket of a page that was left
# WebDriver cannot disable scripts, and when Firefox's settings do, Playwright waits for animation frames forever. Pages
# without scripts are plain HTML.
WITHOUT_SCRIPTS = pytest.mark.chromium_alone("Firefox cannot be driven without scripts")
WITHOUT_SOCKET = "delete globalThis.WebSocket;"
WITHOUT_STREAMS = "delete globalThis.WebSocket; delete globalThis.EventSource;"


class Visitor:
    """A browser context with one page, and the messages of its console."""

    def __init__(self, stack: StackProcess, context: BrowserContext) -> None:
        self.stack = stack
        self.context = context
        self.complaints: list[str] = []
        self.expects_breaks = False
        self.page = self.open()

    def open(self) -> Page:
        """Open another tab."""
        page = self.context.new_page()
        page.on("console", lambda message: self._note(message.type, message.text, message.location["url"]))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        return page

    def expects(self, status: int) -> None:
        """Drop the console message of a status that the test expects."""
        self.complaints = [text for text in self.complaints if f"status of {status}" not in text]

    def _note(self, kind: str, text: str, address: str = "") -> None:
        if kind not in COMPLAINTS or LEFT_IN_FIREFOX in text:
            return
        if self.expects_breaks and OF_THE_NETWORK.search(text):
            return
        self.complaints.append(f"{text} {address}".rstrip())


def start(stack: StackProcess, **changes: object) -> str:
    """Start a batch with the API and return the address of its page."""
    answer = httpx.post(f"{stack.url}/api/backtest/batch", json=LONG | changes, timeout=30)
    assert answer.status_code == 202, answer.text
    return stack.url + str(answer.json()["pageUrl"])


def cancel(stack: StackProcess, address: str) -> None:
    """Cancel a batch and its verdict, so that the next test has all workers."""
    batch = f"{stack.url}/api/backtest/batch/{address.rstrip('/').rpartition('/')[2]}"
    httpx.post(f"{batch}/cancel", timeout=30)
    httpx.delete(f"{batch}/verdict", timeout=30)


def press_cancel(page: Page) -> None:
    """Press Cancel, and answer the question that follows when the batch has worked for more than ten seconds."""
    page.get_by_role("button", name="Cancel", exact=True).click()
    answer = page.get_by_role("button", name="Cancel the batch")
    expect(answer.or_(page.locator("[data-panel][data-status=cancelled]")).first).to_be_visible()
    if answer.is_visible():
        answer.click()


def field(page: Page, name: str) -> str:
    """Return the text of one field of the panel."""
    return page.locator(f'[data-field="{name}"]').inner_text()


def percentage(page: Page) -> float:
    """Return the percentage that screen readers announce."""
    return float(page.get_by_role("progressbar").get_attribute("aria-valuenow") or 0)


def wait_for_status(page: Page, status: str, *, seconds: float = 60) -> None:
    """Wait until the panel is in that state."""
    expect(page.locator("[data-panel]")).to_have_attribute("data-status", status, timeout=seconds * 1000)


def wait_for_progress(page: Page, beyond: float = 0.0) -> float:
    """Wait until more than `beyond` percent are done, and return the percentage."""
    page.wait_for_function(
        "beyond => Number(document.querySelector('[role=progressbar]')?.ariaValueNow) > beyond",
        arg=beyond,
        timeout=60_000,
    )
    return percentage(page)


def transferred(page: Page) -> list[int]:
    """Return the bytes of each answer that the loaded page consists of, its heads included.

    By the browser's own account. Playwright's "networkidle" never came in Firefox when a request was not reported.
    """
    expect(page.locator(".total")).to_be_visible()
    entries = "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
    return [int(size) for size in page.evaluate(f"{entries}.map((entry) => entry.transferSize)")]


def number(text: str) -> float:
    """Return the first number in a text: `5,000 tests` -> 5000."""
    match = re.search(r"-?[\d,]+\.?\d*", text.replace("−", "-"))
    assert match, text
    return float(match[0].replace(",", ""))


def log_in(stack: StackProcess, page: Page) -> None:
    """Log in as a user of the admin; in personal mode the other pages need no one."""
    page.goto(f"{stack.url}/admin/login/?next=/admin/")
    page.locator("input[name=username]").fill("operator")
    page.locator("input[name=password]").fill("opens the admin 42")
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"{stack.url}/admin/")
