"""The table of results in a browser: ranking, filters, columns, downloads; and what follows from them."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.result_page import HEADS, ROWS, SMALL, head
from tests.browser.steps import WITHOUT_SCRIPTS, start, wait_for_status


def test_the_table_is_ranked_by_a_metric_or_a_formula(results):
    results.locator("#rank").select_option(label="Calmar ratio")
    expect(head(results, "Calmar ratio")).to_have_attribute("aria-sort", "descending")
    results.get_by_text("Formula", exact=True).click()
    results.get_by_label("Rank by a formula").fill("sharpe * sqrt(trades)")
    results.get_by_label("Rank by a formula").press("Enter")
    expect(head(results, "sharpe * sqrt(trades)")).to_have_attribute("aria-sort", "descending")
    expect(results.locator("#rank")).to_have_value("-=sharpe * sqrt(trades)")


def test_the_formula_is_within_a_phone(results):
    results.set_viewport_size({"width": 390, "height": 844})
    results.get_by_text("Formula", exact=True).click()
    box = results.locator("fieldset.formula").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    label = results.get_by_label("Rank by a formula")
    expect(label).to_be_in_viewport(ratio=1)


def column(page, number):
    return [
        float(text.replace("%", "").replace(",", "").replace("\N{MINUS SIGN}", "-"))
        for text in page.locator(f"{ROWS} td:nth-child({number})").all_inner_texts()
    ]


def test_only_failures_are_red(results):
    color = "element => getComputedStyle(element).color"
    successes, elapsed = (results.locator(f"[data-field={name}]").evaluate(color) for name in ("successful", "perTest"))
    assert successes == elapsed


def test_any_column_sorts_and_the_address_holds_it(results):
    results.get_by_role("link", name="Max drawdown").click()
    expect(head(results, "Max drawdown")).to_have_attribute("aria-sort", "descending")
    expect(results).to_have_url(re.compile(r"sort=-maxDrawdown"))
    place = head(results, "Max drawdown").evaluate("head => head.cellIndex + 1")
    assert column(results, place) == sorted(column(results, place), reverse=True)
    results.reload()
    expect(head(results, "Max drawdown")).to_have_attribute("aria-sort", "descending")


def test_symbol_filter_bounds_and_pages(results):
    results.locator("select[name=symbol]").first.select_option("GE")
    expect(results.locator(".pager")).to_contain_text("of 64")
    results.locator("select[name=by]").select_option("fast")
    results.locator("input[name=least]").fill("20")
    results.get_by_role("button", name="Filter", exact=True).click()
    expect(results.locator(".pager")).to_contain_text("of 32")
    results.get_by_role("link", name="Remove the filter").click()
    expect(results.locator(".pager")).to_contain_text("of 64")
    results.get_by_role("link", name="Next").click()
    expect(results.locator(".pager")).to_contain_text("26–50 of 64")
    results.go_back()
    expect(results.locator(".pager")).to_contain_text("1–25 of 64")


def row_height(page):
    return page.locator(ROWS).first.bounding_box()["height"]


def test_the_height_of_rows_is_one_click_and_stays(results):
    assert 28 <= row_height(results) <= 30
    results.get_by_role("link", name="Comfortable rows").click()
    expect(results.locator("[data-rows=comfortable]")).to_be_visible()
    assert row_height(results) > 35
    results.reload()
    expect(results.get_by_role("link", name="Comfortable rows")).to_have_count(0)
    assert row_height(results) > 35
    results.get_by_role("link", name="Dense rows").click()
    expect(results.locator("[data-rows=dense]")).to_be_visible()
    results.reload()
    assert 28 <= row_height(results) <= 30


@WITHOUT_SCRIPTS
def test_the_height_of_rows_is_a_link_without_scripts(results, finished, visitor):
    page = visitor(java_script_enabled=False).page
    page.goto(finished)
    page.get_by_role("link", name="Comfortable rows").click()
    expect(page).to_have_url(re.compile(r"rows=comfortable.*#results"))
    assert row_height(page) > 35
    page.goto(finished)
    assert row_height(page) > 35


@pytest.mark.extended
def test_columns_are_chosen(results):
    results.get_by_text("Columns", exact=True).click()
    for name in ("Volatility", "Exposure"):
        results.locator(".columns").get_by_label(name).uncheck()
    results.get_by_role("button", name="Apply").click()
    expect(head(results, "Exposure")).to_have_count(0)
    expect(head(results, "Trades")).to_have_count(1)


def test_one_filter_bar_holds_for_table_heatmap_and_best_by_symbol(results):
    expect(results.locator("[data-words]")).to_contain_text("of 192 tests")
    results.locator("#filters select[name=symbol]").select_option("KO")
    expect(results.locator(".pager")).to_contain_text("of 64")
    expect(results.locator("[data-words]")).to_contain_text("of 64 tests")
    expect(results.locator("[role=group][aria-labelledby=symbols-best] tbody tr")).to_have_count(1)
    results.locator("select[name=by]").select_option("trades")
    results.locator("input[name=least]").fill("1000")
    results.get_by_role("button", name="Filter", exact=True).click()
    expect(results.locator("[data-words]")).to_contain_text("No finished test has a value here.")


def test_refine_around_the_winner_is_one_click(results):
    results.get_by_role("link", name="Refine around this").click()
    expect(results.locator(".total")).to_be_visible()
    expect(results).to_have_url(re.compile(r"slow=\d+:\d+:2"))


@pytest.mark.chromium_alone("no other browser counts its nodes")
@pytest.mark.extended
def test_tables_that_were_swapped_away_are_let_go(results):
    def nodes():
        session.send("HeapProfiler.collectGarbage")
        return session.send("Memory.getDOMCounters")["nodes"]

    session, counted = results.context.new_cdp_session(results), {}
    for number in range(1, 21):
        heading = results.locator(HEADS).nth(number % 3)
        heading.locator("a").click()
        expect(heading).to_have_attribute("aria-sort", re.compile("."))
        if number in (5, 20):
            counted[number] = nodes()
    assert counted[20] < 2 * counted[5]  # a table is half of the page


def test_what_is_filtered_is_downloaded(results):
    results.locator("select[name=symbol]").first.select_option("GE")
    expect(results.locator(".pager")).to_contain_text("of 64")
    with results.expect_download() as downloading:
        results.get_by_role("link", name="CSV").click()
    lines = downloading.value.path().read_text().splitlines()
    assert len(lines) == 65
    assert all(",GE," in line for line in lines[1:])


@pytest.mark.extended
def test_a_batch_is_deleted_in_two_steps(stack, page):
    page.goto(start(stack, **SMALL | {"symbols": ["PG"]}))
    wait_for_status(page, "complete")
    address = page.url
    # What comes into sight asks for its part, which would be gone with the batch: first all of it.
    for card, placeholder in (("#parallel", "One line per test"), ("#spread", "Distribution of all tests")):
        page.locator(card).scroll_into_view_if_needed()
        expect(page.get_by_role("link", name=placeholder)).to_have_count(0)
    expect(page.locator("[data-words]")).to_contain_text("tests in")
    # By keys, which find it wherever it is moved to by what comes into sight on the way down.
    page.locator("summary", has_text="Delete this batch").press("Enter")
    page.get_by_role("button", name="Delete permanently").press("Enter")
    page.wait_for_url(f"{stack.url}/batches/")
    assert page.request.get(address).status == 404
