"""No page breaks a rule that axe can check, light or dark, wide or narrow."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.steps import cancel, start, wait_for_progress, wait_for_status

SMALL = {"strategy": "sma_cross", "symbols": ["AAPL", "GE"], "enableBetaScaling": False}
RANGES = {"fast": [5, 10, 20], "slow": [50, 100, 200]}


@pytest.fixture(scope="module")
def finished(stack):
    """A batch with results, and with failures."""
    return start(stack, **SMALL, parameterRanges=RANGES, startDate="2022-06-01")


def check(page):
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"


def test_the_form(stack, eyes):
    eyes.page.goto(f"{stack.url}/?strategy=grid_dca&enableBetaScaling=true&symbols=AAPL,NOPE&fees=x")
    check(eyes.page)
    eyes.page.goto(f"{stack.url}/?stopLoss=0.1")
    eyes.page.get_by_text("Presets", exact=True).click()
    check(eyes.page)


def test_a_running_batch(stack, eyes):
    address = start(stack)
    eyes.page.goto(address)
    wait_for_progress(eyes.page)
    check(eyes.page)
    eyes.page.get_by_role("button", name="Cancel").click()
    wait_for_status(eyes.page, "cancelled")
    cancel(stack, address)


def test_the_results(stack, eyes, finished):
    eyes.page.goto(finished)
    wait_for_status(eyes.page, "complete")
    expect(eyes.page.locator("[data-words]")).to_contain_text("cells")
    eyes.page.get_by_text("What was asked").click()
    for part, picture in (("#parallel", ".parallel"), ("#spread", ".spread")):  # they come when someone scrolls to them
        eyes.page.locator(part).scroll_into_view_if_needed()
        expect(eyes.page.locator(picture)).to_be_visible()
    check(eyes.page)


def test_one_combination(stack, eyes, finished):
    eyes.page.goto(f"{finished}results/0/")
    eyes.page.get_by_text("Definitions").click()
    check(eyes.page)


def test_the_list(stack, eyes, finished):
    eyes.page.goto(f"{stack.url}/batches/")
    check(eyes.page)


def test_two_batches_side_by_side_and_the_question_before_they_go(stack, eyes, finished):
    other = start(stack, **SMALL, parameterRanges=RANGES, fees=0.01)
    chosen = "&".join(f"batch={each.rstrip('/').rpartition('/')[2]}" for each in (finished, other))
    eyes.page.goto(other)
    wait_for_status(eyes.page, "complete")
    eyes.page.get_by_text("Notes", exact=True).click()
    eyes.page.goto(f"{stack.url}/batches/compare/?{chosen}")
    check(eyes.page)
    eyes.page.goto(f"{stack.url}/batches/delete/?{chosen}")
    check(eyes.page)


def test_a_page_that_does_not_exist(stack, eyes):
    eyes.page.goto(f"{stack.url}/nowhere/")
    check(eyes.page)
    eyes.wanted(404)
