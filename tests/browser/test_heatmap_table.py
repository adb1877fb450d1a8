"""What the heatmap shows, as a table: without scripts, and from the picture's own choices."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.steps import WITHOUT_SCRIPTS, start, wait_for_status

SWEEP = {"strategy": "sma_cross", "symbols": ["AAPL", "GE"], "enableBetaScaling": False}
RANGES = {"fast": {"start": 2, "stop": 41, "step": 1}, "slow": {"start": 45, "stop": 100, "step": 5}}


def finished(stack, visitor):
    address = start(stack, **SWEEP, parameterRanges=RANGES)
    page = visitor().page
    page.goto(address)
    wait_for_status(page, "complete")
    return address


@WITHOUT_SCRIPTS
def test_the_heatmap_is_read_as_a_table_without_scripts(stack, visitor):
    page = visitor(java_script_enabled=False).page
    page.goto(finished(stack, visitor))
    page.locator("#heatmap [name=x]").select_option("fast")
    page.locator("#heatmap [name=y]").select_option("slow")
    page.get_by_role("button", name="Show as table").click()
    expect(page.get_by_role("heading", name="Ahead of holding, median per cell")).to_be_visible()
    expect(page.locator(".readout")).to_contain_text(re.compile("in 480 cells: .* The best cell, .* Slow average"))
    expect(page.get_by_text(re.compile(r"Fast average \d+ to \d+: values \d+–\d+ of 40"))).to_be_visible()
    page.get_by_role("link", name=re.compile("Left|Right")).first.click()
    expect(page.locator("table.cells tbody tr")).to_have_count(12)


@pytest.mark.extended
def test_the_table_shows_what_the_picture_does(stack, visitor):
    page = visitor(viewport={"width": 390, "height": 844}, color_scheme="dark").page
    page.goto(finished(stack, visitor))
    page.locator("#heatmap [name=metric]").select_option("maxDrawdown")
    page.get_by_role("checkbox", name="Median of neighbors").check()
    expect(page.locator("[data-words]")).to_contain_text("Max drawdown, median of 960 tests in 480 cells")
    page.get_by_role("button", name="Show as table").click()
    expect(page.get_by_role("heading", name="Max drawdown, median per cell, median of neighbors")).to_be_visible()
    assert Axe().run(page).violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    page.go_back()
    expect(page.locator("[data-words]")).to_contain_text("Max drawdown")
