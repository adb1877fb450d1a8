"""The form of an installation with thousands of instruments."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.steps import WITHOUT_SCRIPTS, start, transferred, wait_for_status
from tests.support.stack_process import StackProcess

STORED = 5_000


def wide_csv() -> str:
    """A month of closes, in a column for each."""
    names = [f"S{number:04}" for number in range(STORED)]
    lines = [",".join([f"2020-01-{day:02}", *(str(100 + day) for _ in names)]) for day in range(1, 32)]
    return "\n".join([",".join(["date", *names]), *lines])


@pytest.fixture(scope="module")
def exchange(tmp_path_factory, sample):
    """A separate stack with many more instruments."""
    running = StackProcess(tmp_path_factory.mktemp("exchange"), database=sample, BATCH_MAX_SYMBOLS="6000")
    try:
        running.start().wait_until_ready()
        files = {"file": ("closes.csv", wide_csv())}
        httpx.post(f"{running.url}/api/instruments", files=files, timeout=60).raise_for_status()
        yield running
    finally:
        running.end()


@pytest.fixture
def opened_form(exchange, visitor):
    """opened_form(query, **options): the page of a new visitor."""

    def opened(query="", **options):
        page = visitor(**options).page
        page.goto(f"{exchange.url}/?{query}")
        return page

    return opened


@pytest.mark.extended
def test_symbols_are_searched_selected_and_tested(opened_form):
    page = opened_form("symbols=KO&fast=2&slow=3")
    expect(page.locator(".chip:has(:checked)")).to_have_text(re.compile("KO"))
    page.get_by_role("searchbox", name="Search instruments").fill("s123")
    expect(page.locator("#matches")).to_contain_text("10 matches.")
    page.get_by_role("checkbox", name="S1234").check()
    expect(page.locator(".total")).to_have_text("2")
    expect(page).to_have_url(re.compile("symbols=KO,S1234&"))
    page.get_by_role("searchbox", name="Search instruments").fill("pep")
    expect(page.locator("#matches")).to_contain_text("1 match.")
    page.keyboard.press("Enter")
    expect(page.locator(".total")).to_have_text("3")
    page.reload()
    expect(page.locator(".chip:has(:checked)")).to_have_count(3)
    page.get_by_role("button", name="Run batch").click()
    wait_for_status(page, "complete")


@pytest.mark.extended
def test_all_symbols_are_one_chip_and_one_character_of_the_link(opened_form):
    page = opened_form("symbols=&fast=2&slow=3")
    page.get_by_role("checkbox", name="All").check()
    expect(page.locator(".total")).to_have_text("5,020")
    expect(page).to_have_url(re.compile(r"symbols=\*&"))
    page.reload()
    expect(page.get_by_role("checkbox", name="All")).to_be_checked()
    page.get_by_role("link", name="None").click()
    expect(page.locator("#error-symbols")).to_contain_text("at least one symbol")


@pytest.mark.extended
def test_symbols_are_pasted_and_an_unknown_one_has_a_suggestion(opened_form):
    page = opened_form("symbols=&fast=2&slow=3")
    page.get_by_text("Type or paste symbols").click()
    typed = page.get_by_role("textbox", name="Symbols, separated")
    typed.fill("s0001, S0002\nSP50")
    expect(page.locator("#error-symbols")).to_contain_text("Did you mean SP500?")
    expect(typed).to_have_attribute("aria-invalid", "true")
    typed.fill("s0001, S0002\nSP500")
    expect(page.locator(".total")).to_have_text("3")


@WITHOUT_SCRIPTS
@pytest.mark.extended
def test_without_scripts_a_match_is_selected_from_a_search(opened_form):
    page = opened_form("symbols=KO&fast=2&slow=3", java_script_enabled=False)
    page.get_by_role("searchbox", name="Search instruments").fill("s4321")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("checkbox", name="S4321").check()
    page.get_by_role("button", name="Count again").click()
    expect(page.locator(".total")).to_have_text("2")
    expect(page.get_by_role("checkbox", name="S4321")).to_be_checked()


@pytest.mark.extended
def test_the_first_page_is_small_with_many_instruments(exchange, visitor):
    page = visitor().page
    page.goto(exchange.url)
    sizes = transferred(page)
    assert len(sizes) > 5
    assert sum(sizes) < 100_000


@pytest.mark.extended
def test_one_of_many_symbols_is_typed_in_the_results(exchange, visitor):
    many = [f"S{number:04}" for number in range(250)]
    grid = {"fast": [2, 3], "slow": [4, 5]}
    page = visitor().page
    page.goto(start(exchange, strategy="sma_cross", symbols=many, parameterRanges=grid, enableBetaScaling=False))
    wait_for_status(page, "complete")
    expect(page.locator("[aria-labelledby=symbols-best] tbody tr")).to_have_count(50)
    expect(page.locator("#results option:text-matches('^S\\d+$')")).to_have_count(0)
    expect(page.locator("[data-words]")).to_contain_text("cells")
    page.locator("#filters input[name=symbol]").fill("s0123")
    page.keyboard.press("Enter")
    expect(page.locator(".pager")).to_contain_text("of 4")
    expect(page.locator("#filters input[name=symbol]")).to_have_value("S0123")
    expect(page.locator("[data-words]")).to_contain_text("of 4 tests in 4 cells")
    expect(page).to_have_url(re.compile("symbol=s0123"))
