"""Symbols of 64 letters and titles of 120 push nothing off a page and cover nothing."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.long_names import LONG_NAME, import_long_name
from tests.browser.steps import cancel, start, wait_for_status

PARTS = ".by-symbol :is(th, td), .figures :is(th, td), .batch-line > td, .dense.wide tbody :is(th, td), .trades .empty"
# Text that leaves its box and is not cut there lies over its neighbor.
SPILLED = """(parts) => [...document.querySelectorAll(parts)]
    .filter((box) => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX === "visible")
    .map((box) => `${box.textContent.trim()}: ${box.scrollWidth} > ${box.clientWidth}`)"""
BESIDES = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
pytestmark = pytest.mark.usefixtures("instruments_as_they_were")


@pytest.fixture
def batch(stack):
    import_long_name(stack)
    return start(
        stack, strategy="sma_cross", symbols=[LONG_NAME, "AAPL"], parameterRanges={"fast": [5, 10], "slow": [20]},
        enableBetaScaling=False, direction="short", sortBy="maxDrawdown", title="W" * 120,
        initialCapital=10, wholeShares=True,
    )  # fmt: skip


@pytest.mark.parametrize("width", [1280, 390])
def test_long_names_push_nothing_off_a_page_and_cover_nothing(stack, page, batch, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(batch)
    wait_for_status(page, "complete")
    expect(page.locator(".by-symbol tbody tr").first).to_be_visible()
    expect(page.locator(".dense.wide tbody tr").first).to_be_visible()
    form, instrument = f"{stack.url}/?symbols={quote(LONG_NAME)}", f"{stack.url}/prices/of/{quote(LONG_NAME)}/"
    for address in (batch, f"{batch}results/0/", f"{stack.url}/batches/", form, instrument):
        page.goto(
            address, wait_until="commit" if address == form else "load"
        )  # the form writes its link into the address
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate(SPILLED, PARTS) == [], address
        assert page.evaluate(BESIDES) == 0, address
    page.goto(f"{stack.url}/batches/")
    started = page.locator(".batch-line .started").first.bounding_box()
    assert started
    assert started["x"] + started["width"] <= width


@pytest.mark.parametrize("width", [1280, 390])
def test_the_leaders_of_many_parameters_are_not_cut(stack, page, width):
    page.set_viewport_size({"width": width, "height": 800})
    address = start(stack, symbols=["AAPL"])
    page.goto(address)
    expect(page.locator("[data-leaders] td.number").first).not_to_be_empty()
    heads = "th => th.filter((head) => head.scrollWidth > head.clientWidth).map((head) => head.textContent)"
    assert page.locator("[data-leaders] th").evaluate_all(heads) == []
    cells = "td => td.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)"
    assert page.locator("[data-leaders] td.number").evaluate_all(cells) == []
    cancel(stack, address)
