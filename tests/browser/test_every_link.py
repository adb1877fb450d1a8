"""Every page that a link leads to: it opens, its console is quiet, and nothing is wider than the window."""

import re
from collections import deque
from urllib.parse import urldefrag, urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.long_names import LONG_NAME, import_long_name
from tests.browser.steps import log_in, start, wait_for_status

pytestmark = [pytest.mark.extended, pytest.mark.timeout(1200)]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
MOST_ALIKE = 4  # pages that differ in a number, an id or their query only
LINKS = "elements => elements.map(element => [element.href, element.hasAttribute('download')])"
OVERFLOW = """() => [...document.querySelectorAll('body *')]
    .filter(element => element.getBoundingClientRect().right > innerWidth + 1 && !element.closest(SCROLLED))
    .map(element => element.outerHTML.slice(0, 120))
""".replace("SCROLLED", "'.table-scroll, pre, svg, [class*=overflow], [class*=scroll], .swagger-ui table'")
SMALL = {"symbols": ["AAPL", "KO"], "enableBetaScaling": False, "direction": "long", "coefficients": [1]}
FAILED = re.compile(r"/results/\d+/$")  # the page of a test that failed says why, with 422
BATCHES = [
    {"parameterRanges": {"gridInterval": [0.05, 0.1], "profitRequirement": [0.05, 0.1]}},
    {"parameterRanges": {"gridInterval": [0.05]}, "includeComparison": False, "symbols": ["AAPL"]},
    {"strategy": "sma_cross", "parameterRanges": {"fast": [5, 6], "slow": [100, 200]}, "startDate": "2020-01-02",
     "endDate": "2020-01-20"},
    {"strategy": "sma_cross", "parameterRanges": {"fast": [5], "slow": [20]}, "symbols": [LONG_NAME, "AAPL"],
     "title": "W" * 120},
]  # fmt: skip


@pytest.fixture
def crawl(stack, operator, visitor):
    """crawl(start): follow links from there and return the paths that were opened."""
    guest = visitor(viewport=WIDE, reduced_motion="reduce")
    log_in(stack, guest.page)
    refused = []

    def note(response):
        if response.status >= 400 and not (response.status == 422 and FAILED.search(response.url)):
            refused.append((response.status, response.url, guest.page.url))

    guest.page.on("response", note)

    def opened(*starts):
        waiting = deque((stack.url + address, "the test") for address in starts)
        seen, alike = set(), {}
        while waiting:
            address, found_on = waiting.popleft()
            address = urldefrag(address).url
            if address in seen or not address.startswith(stack.url + "/") or "/logout" in address:
                continue
            seen.add(address)
            alike[shape(address)] = alike.get(shape(address), 0) + 1
            if alike[shape(address)] <= MOST_ALIKE:
                waiting.extend((link, address) for link in look_at(guest.page, address, found_on))
        guest.expects(422)
        assert not refused
        return {urlsplit(address).path for address in seen}

    return opened


def shape(address):
    """Return what kind of page an address is."""
    parts = urlsplit(address)
    path = re.sub(r"[0-9a-f-]{36}|\d+|(?<=/of/)[^/]+", "*", parts.path)
    return path, bool(parts.query)


def look_at(page, address, found_on):
    """Open a page wide and narrow; return its links."""
    response = page.goto(address)
    assert response is not None
    says_why = response.status == 422 and FAILED.search(address) and page.get_by_text("This test failed").count()
    assert response.status < 400 or says_why, (response.status, address, found_on)
    if "text/html" not in response.headers.get("content-type", ""):
        return []
    links = page.eval_on_selector_all("a[href]", LINKS)
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)
        too_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        assert not too_wide, (address, size["width"], page.evaluate(OVERFLOW))
    downloads = {urldefrag(link).url for link, is_download in links if is_download}
    for link in downloads:
        assert httpx.get(link, timeout=30).status_code == 200, (link, address)
    return [link for link, _ in links if urldefrag(link).url not in downloads]


@pytest.mark.usefixtures("instruments_as_they_were")
def test_every_page_that_a_link_leads_to_opens(stack, page, crawl):
    import_long_name(stack)
    for changes in BATCHES:
        page.goto(start(stack, **SMALL | changes))
        wait_for_status(page, "complete")
        expect(page.locator("#results-title")).to_be_visible()
    paths = crawl("/", "/batches/", "/prices/", "/api/docs", "/admin/")
    kinds = {shape(path)[0] for path in paths}
    assert {
        "/batches/*/",
        "/batches/*/results/*/",
        "/prices/of/*/",
        "/api/docs",
        "/admin/batches/batchsession/",
    } <= kinds
