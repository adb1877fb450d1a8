"""Twelve tasks of a trader, and how many actions each takes: a click, a choice, a typed value, a stroke."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.result_page import ROWS, SMALL
from tests.browser.steps import start, wait_for_status

pytestmark = pytest.mark.extended
SCREEN = {"width": 1280, "height": 800}


class Hands:
    """Whoever sits before the page. actions : so far"""

    def __init__(self, page):
        self.page, self.actions = page, 0

    def click(self, role, name, **options):
        self.actions += 1
        self.page.get_by_role(role, name=name, exact=True, **options).first.click()

    def choose(self, selector, label):
        self.actions += 1
        self.page.locator(selector).first.select_option(label=label)

    def type(self, locator, text):
        self.actions += 1
        locator.fill(text)

    def drag(self, box, start, end):
        """Draw from one point of a box to another; both in shares of its width and height."""
        self.actions += 1
        self.page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=4)
        self.page.mouse.up()


@pytest.fixture
def hands(page):
    page.set_viewport_size(SCREEN)
    return Hands(page)


@pytest.fixture(scope="module")
def finished(stack):
    return start(stack, **SMALL)


@pytest.fixture
def results(hands, finished):
    """The page of a batch of 192 tests that has ended."""
    hands.page.goto(finished)
    wait_for_status(hands.page, "complete")
    expect(hands.page.locator(ROWS)).to_have_count(25)
    return hands


def is_on_the_first_screen(locator):
    expect(locator).to_be_visible()
    box = locator.bounding_box()
    return box["y"] >= 0 and box["y"] + min(box["height"], 40) <= SCREEN["height"]


def test_run_the_default_sweep(stack, hands):
    hands.page.goto(stack.url)
    hands.click("button", "Run batch")
    wait_for_status(hands.page, "complete")
    assert hands.actions == 1


@pytest.mark.usefixtures("instruments_as_they_were")
def test_sweep_prices_of_ones_own(stack, hands, tmp_path):
    prices = tmp_path / "MINE.csv"
    days = [f"2024-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 29)]
    prices.write_text("date,close\n" + "\n".join(f"{day},{100 + at % 17}" for at, day in enumerate(days)))
    hands.page.goto(f"{stack.url}/prices/")
    hands.page.locator("#file").set_input_files(prices)
    hands.actions += 1
    hands.click("button", "Upload and preview")
    hands.click("button", "Import 1 symbol")
    hands.click("link", "Test these")
    expect(hands.page.locator(".total")).not_to_have_text("0")
    hands.click("button", "Run batch")
    wait_for_status(hands.page, "complete")
    expect(hands.page.locator(ROWS).first).to_contain_text("MINE")
    assert hands.actions == 5  # 8 before


def test_find_a_robust_region_and_sweep_it(results):
    words = results.page.locator("[data-words]")
    expect(words).to_contain_text("64 cells")
    results.actions += 1
    results.page.get_by_role("checkbox", name="Median of neighbors").check()
    expect(results.page).to_have_url(re.compile("map"))
    canvas = results.page.locator(".heat canvas")
    canvas.scroll_into_view_if_needed()
    results.drag(canvas.bounding_box(), (0.15, 0.9), (0.3, 0.4))
    expect(words).to_contain_text("Slow average")
    results.click("link", "Sweep this region")
    expect(results.page.locator(".total")).to_be_visible()
    assert results.actions == 3  # not possible before


def test_compare_two_strategies(stack, hands):
    for strategy, ranges in (("sma_cross", {"fast": [5], "slow": [50]}), ("momentum", {"lookback": [50]})):
        changes = {"strategy": strategy, "parameterRanges": ranges, "symbols": ["PEP"], "enableBetaScaling": False}
        hands.page.goto(start(stack, **changes))
        wait_for_status(hands.page, "complete")
    hands.click("link", "Batches")
    hands.page.wait_for_url(f"{stack.url}/batches/")
    for number in (0, 1):
        hands.actions += 1
        hands.page.get_by_role("checkbox").nth(number).check()
    hands.click("button", "Compare selected")
    expect(hands.page.get_by_role("heading", name="Settings that differ")).to_be_visible()
    assert hands.actions == 4


@pytest.mark.timeout(300)
def test_read_whether_the_winner_is_luck(results):
    sentence = results.page.locator("#verdict .sentence")
    expect(sentence).to_have_text(re.compile(r"\.$"), timeout=120_000)
    assert is_on_the_first_screen(sentence)
    assert results.actions == 0


def test_send_a_link_that_shows_the_same(results, visitor):
    results.choose("select[name=symbol]", "GE")
    expect(results.page.locator(".pager")).to_contain_text("of 64")
    results.choose("#rank", "Sharpe ratio")
    expect(results.page).to_have_url(re.compile("sort=-?sharpe"))
    first = results.page.locator(ROWS).first.inner_text()
    friend = visitor().page
    friend.goto(results.page.url)
    expect(friend.locator(ROWS).first).to_have_text(first, use_inner_text=True)
    assert results.actions == 2  # those of the choice; the address holds it


def test_export_the_rows_of_a_filter(results):
    results.choose("select[name=symbol]", "GE")
    expect(results.page.locator(".pager")).to_contain_text("of 64")
    with results.page.expect_download() as downloading:
        results.click("link", "CSV")
    assert len(downloading.value.path().read_text().splitlines()) == 65
    assert results.actions == 2  # 4 before


def test_test_finer_steps_around_the_best(results):
    results.click("link", "Refine around this")
    expect(results.page.locator(".total")).to_be_visible()
    results.click("button", "Run batch")
    wait_for_status(results.page, "complete")
    assert results.actions == 2  # 8 before


def test_stop_a_wrong_batch(stack, hands):
    hands.page.goto(start(stack))
    hands.click("button", "Cancel")
    wait_for_status(hands.page, "cancelled")
    assert hands.actions == 1


def test_find_the_batches_of_a_day(stack, results):
    results.click("link", "Batches")
    results.page.wait_for_url(f"{stack.url}/batches/")
    results.type(results.page.get_by_role("searchbox"), "today")
    expect(results.page).to_have_url(re.compile("search=today"))
    expect(results.page.locator("#list")).to_contain_text("AAPL, GE, KO")
    assert results.actions == 2
    results.type(results.page.get_by_role("searchbox"), "yesterday")
    expect(results.page).to_have_url(re.compile("search=yesterday"))
    expect(results.page.locator("#list .batch-line")).to_have_count(0)


def test_read_why_tests_failed(stack, hands):
    hands.page.goto(start(stack, **SMALL | {"startDate": "2022-06-01"}))
    wait_for_status(hands.page, "complete")
    hands.page.reload()
    assert is_on_the_first_screen(hands.page.get_by_role("heading", name="Failures by cause"))
    assert is_on_the_first_screen(hands.page.locator(".failures li").first)
    assert hands.actions == 0  # 5,000 px of scrolling before


def test_read_what_beta_scaling_does(stack, hands):
    hands.page.goto(f"{stack.url}/?strategy=grid_dca")
    expect(hands.page.locator("#beta-help")).to_contain_text("Example: AMD (beta 1.55)")
    assert hands.actions == 0
