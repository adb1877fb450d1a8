"""Form, watching and results in WebKitGTK: `make test-webkit`."""

import re

import pytest

from tests.browser import webkit
from tests.browser.steps import cancel, start

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(bool(webkit.missing()), reason=f"Not installed: {', '.join(webkit.missing())}."),
]
SMALL = {
    "strategy": "sma_cross",
    "symbols": ["AAPL", "GE", "KO"],
    "parameterRanges": {"fast": [5, 10, 20], "slow": {"start": 50, "stop": 200, "step": 10}},
    "enableBetaScaling": False,
}
STATUS = "document.querySelector('[data-panel]')?.dataset.status === arguments[0]"
TEXT = "document.querySelector(arguments[0])?.textContent.includes(arguments[1])"
DONE = "Number(document.querySelector('[role=progressbar]')?.ariaValueNow) > arguments[0]"
ROWS = "document.querySelectorAll('[role=group][aria-labelledby=results-title] tbody tr').length === arguments[0]"
SORTED = "document.querySelector('[aria-sort=descending]')?.textContent.includes(arguments[0])"


@pytest.fixture(scope="module")
def window():
    browser = webkit.WebKit()
    yield browser
    browser.close()


def test_a_batch_from_the_form_to_its_end(stack, window):
    window.open(stack.url)
    window.fill("[name='fast.stop']", "10")
    window.wait(TEXT, ".total", "2,500")
    assert re.search("fast=2:10:2", window.script("return location.href"))
    window.click("button", "Run batch")
    window.wait(STATUS, "complete")
    window.wait(TEXT, "#headline", "Complete: 2,500 tests in")
    window.wait(ROWS, 25)


def test_a_batch_is_watched_and_cancelled(stack, window):
    address = start(stack)
    try:
        window.open(address)
        window.wait(DONE, 0)
        window.wait(DONE, window.script("return Number(document.querySelector('[role=progressbar]').ariaValueNow)"))
        window.click("[data-cancel] button", "Cancel")
        window.wait(f"{STATUS} || document.querySelector('dialog[open]')", "cancelled")
        if window.script("return Boolean(document.querySelector('dialog[open]'))"):
            window.click("dialog[open] button", "Cancel the batch")
        window.wait(STATUS, "cancelled")
        window.wait(TEXT, "#headline", "Cancelled after")
    finally:
        cancel(stack, address)


def test_results_are_sorted_and_one_of_them_is_opened(stack, window):
    window.open(start(stack, **SMALL))
    window.wait(STATUS, "complete")
    window.wait(TEXT, "[data-words]", "144 tests in 48 cells")
    window.click("th a", "Max drawdown")
    window.wait(SORTED, "Max drawdown")
    assert "sort=-maxDrawdown" in window.script("return location.href")
    window.click("[role=group][aria-labelledby=results-title] tbody a")
    window.wait("document.querySelector('#chart[data-started] .plot .equity')")
    window.click("nav a", "5 years")
    window.wait("document.querySelector('nav a[aria-current]')?.textContent === '5 years'")
