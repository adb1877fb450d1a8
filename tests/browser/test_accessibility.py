"""No page breaks a rule that axe can check, light or dark, wide or narrow."""

import pytest
from playwright.sync_api import expect

from tests.browser.axe import check
from tests.browser.steps import cancel, log_in, press_cancel, start, wait_for_progress, wait_for_status

pytestmark = [pytest.mark.timeout(400), pytest.mark.usefixtures("looks")]
SMALL = {"strategy": "sma_cross", "symbols": ["AAPL", "GE"], "enableBetaScaling": False}
RANGES = {"fast": [5, 10, 20], "slow": [50, 100, 200]}


@pytest.fixture(scope="module")
def finished(stack):
    """A batch with results, and with failures."""
    return start(stack, **SMALL, parameterRanges=RANGES, startDate="2022-06-01")


def test_the_form(stack, reader):
    reader.page.goto(f"{stack.url}/?strategy=grid_dca&enableBetaScaling=true&symbols=AAPL,NOPE&fees=x")
    check(reader.page)
    reader.page.goto(f"{stack.url}/?stopLoss=0.1")
    reader.page.get_by_text("Presets", exact=True).click()
    check(reader.page)


def test_a_running_batch(stack, reader):
    address = start(stack)
    reader.page.goto(address)
    wait_for_progress(reader.page)
    check(reader.page)
    press_cancel(reader.page)
    wait_for_status(reader.page, "cancelled")
    cancel(stack, address)


def test_the_results(stack, reader, finished):
    reader.page.goto(finished)
    wait_for_status(reader.page, "complete")
    expect(reader.page.locator("[data-words]")).to_contain_text("cells")
    reader.page.get_by_text("Settings", exact=True).click()
    for part, picture in (("#parallel", ".parallel"), ("#spread", ".spread")):  # loaded when scrolled to
        reader.page.locator(part).scroll_into_view_if_needed()
        expect(reader.page.locator(picture)).to_be_visible()
    check(reader.page)


def test_one_combination(stack, reader, finished):
    reader.page.goto(f"{finished}results/0/")
    reader.page.get_by_text("Definitions").click()
    check(reader.page)


def test_one_instrument(stack, reader):
    reader.page.goto(f"{stack.url}/prices/of/AAPL/?from=2020-01-02")
    check(reader.page)


def test_the_list(stack, reader, finished):
    reader.page.goto(f"{stack.url}/batches/")
    check(reader.page)


def test_two_batches_side_by_side_and_the_question_before_they_go(stack, reader, finished):
    other = start(stack, **SMALL, parameterRanges=RANGES, fees=0.01)
    chosen = "&".join(f"batch={address.rstrip('/').rpartition('/')[2]}" for address in (finished, other))
    reader.page.goto(other)
    wait_for_status(reader.page, "complete")
    reader.page.get_by_text("Title, tags and notes", exact=True).click()
    reader.page.goto(f"{stack.url}/batches/compare/?{chosen}")
    check(reader.page)
    reader.page.goto(f"{stack.url}/batches/delete/?{chosen}")
    check(reader.page)


def test_the_page_of_the_api(stack, reader):
    reader.page.goto(f"{stack.url}/api/docs")
    reader.page.get_by_text("Example: Two moving averages").first.click()
    check(reader.page)


def test_the_admin(stack, operator, reader, finished):
    log_in(stack, reader.page)
    batches = "batches/batchsession/"
    one = f"{batches}{finished.rstrip('/').rpartition('/')[2]}/change/"
    for path in ("", batches, one, "batches/instrument/", "auth/user/", "auth/user/1/change/"):
        reader.page.goto(f"{stack.url}/admin/{path}")
        check(reader.page)


def test_a_page_that_does_not_exist(stack, reader):
    reader.page.goto(f"{stack.url}/nowhere/")
    check(reader.page)
    reader.expects(404)
