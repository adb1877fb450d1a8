"""The results of a batch and the page of one combination in a browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import WITHOUT_SCRIPTS, start, wait_for_status

SMALL = {
    "strategy": "sma_cross",
    "symbols": ["AAPL", "GE", "KO"],
    "parameterRanges": {"fast": [5, 10, 20, 30], "slow": {"start": 50, "stop": 200, "step": 10}},
    "enableBetaScaling": False,
}
TABLE = "[role=group][aria-labelledby=results-title]"
ROWS = f"{TABLE} tbody tr"
HEADS = "[aria-labelledby=results-title] th.number"
SHIFTS = """() => {
    window.shifted = 0;
    const add = (entry) => { if (!entry.hadRecentInput) window.shifted += entry.value };
    new PerformanceObserver((list) => list.getEntries().forEach(add)).observe({ type: "layout-shift", buffered: true });
}"""


@pytest.fixture(scope="module")
def finished(stack):
    """The address of a batch of 192 tests."""
    return start(stack, **SMALL)


@pytest.fixture
def results(page, finished):
    """The page of that batch, when it is complete."""
    page.goto(finished)
    wait_for_status(page, "complete")
    expect(page.locator(ROWS)).to_have_count(25)
    return page


def head(page, name):
    return page.locator(TABLE).get_by_role("columnheader", name=name)


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


def test_the_heatmap_reads_out_each_cell_to_pointer_and_keys(results):
    words = results.locator("[data-words]")
    expect(words).to_contain_text("192 tests in 64 cells")
    results.locator("#heatmap").scroll_into_view_if_needed()  # what is fetched on the way there has come
    results.locator(".heat canvas").hover(position={"x": 3, "y": 185})  # y grows upwards
    expect(words).to_contain_text("Slow average 50, Fast average 5: ")
    results.mouse.move(0, 0)
    results.locator(".heat canvas").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        results.keyboard.press(key)
    expect(words).to_contain_text("Slow average 60, Fast average 10: ")


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


def test_a_dragged_region_is_swept_in_two_actions(results):
    canvas = results.locator(".heat canvas")
    expect(results.locator("[data-words]")).to_contain_text("64 cells")
    box = canvas.bounding_box()
    cell = box["width"] / 16
    results.mouse.move(box["x"] + 2.5 * cell, box["y"] + box["height"] - 10)
    results.mouse.down()
    results.mouse.move(box["x"] + 4.5 * cell, box["y"] + box["height"] * 0.6)
    results.mouse.up()
    expect(results.locator("[data-words]")).to_have_text("Fast average 5 to 10, Slow average 70 to 90")
    results.get_by_role("link", name="Sweep this region").click()
    expect(results.locator(".total")).to_have_text("18")  # 3 symbols, 2 x 3 values


def test_refine_around_the_winner_is_one_click(results):
    results.get_by_role("link", name="Refine around this").click()
    expect(results.locator(".total")).to_be_visible()
    expect(results).to_have_url(re.compile(r"slow=\d+:\d+:2"))


@pytest.mark.chromium_alone("no other browser tells of shifts")
def test_what_comes_later_moves_nothing(results):
    results.reload()  # the first test of a file may have seen the batch end, when the page gives way to its results
    expect(results.locator(ROWS)).to_have_count(25)
    results.evaluate(SHIFTS)
    for part, drawn in (("#parallel", ".axis"), ("#heatmap", "[data-axis=x] span"), ("#spread", ".spread rect")):
        results.locator(part).scroll_into_view_if_needed()
        expect(results.locator(f"{part} {drawn}").first).to_be_attached()
    assert results.evaluate("window.shifted") < 0.02  # a card that came without a place of its own: 0.15


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


@pytest.mark.extended
def test_a_spike_is_told_from_a_plateau(results):
    words = results.locator("[data-words]")
    expect(words).to_contain_text("64 cells")
    before = words.inner_text()
    results.get_by_role("checkbox", name="Median of neighbors").check()
    expect(words).not_to_have_text(before)
    expect(words).to_contain_text("64 cells")


@pytest.mark.extended
def test_the_distribution_and_what_explains_it_are_beside_the_heatmap(results):
    expect(results.get_by_role("heading", name="Annual return of all tests")).to_be_visible()
    expect(results.locator(".importance")).to_contain_text("Symbol")


def test_a_stroke_along_an_axis_narrows_the_table_and_the_address_holds_it(results):
    results.locator("#parallel").scroll_into_view_if_needed()
    grip = results.locator("[data-brush=fast]")
    expect(grip).to_be_visible()
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    middle = box["x"] + box["width"] / 2
    results.mouse.move(middle, box["y"] + box["height"] * 0.4)  # the upper end of the axis is 30, the lower one 5
    results.mouse.down()
    results.mouse.move(middle, box["y"] - 20, steps=5)
    results.mouse.up()
    expect(results.locator(".pager")).to_contain_text("of 96")
    expect(results.locator("#parallel-words")).to_contain_text("96 of 192 tests pass")
    expect(results).to_have_url(re.compile(r"\?min\.fast=[12]\d(\.\d+)?$"))
    results.reload()
    expect(results.locator(".pager")).to_contain_text("of 96")
    results.locator("#parallel").scroll_into_view_if_needed()
    results.locator("[data-brush=fast]").click()  # lets go of it
    expect(results.locator(".pager")).to_contain_text("of 192")


@pytest.mark.extended
def test_ranges_are_typed_as_well_and_the_focus_stays(results):
    results.locator("#parallel").scroll_into_view_if_needed()
    results.locator("#most-slow").fill("100")
    results.keyboard.press("Enter")
    expect(results.locator(".pager")).to_contain_text("of 72")
    expect(results.locator("#parallel-words")).to_contain_text("72 of 192 tests pass")
    expect(results.locator("#most-slow")).to_be_focused()
    results.get_by_role("link", name="Trades", exact=True).click()
    expect(results).to_have_url(re.compile(r"max\.slow=100"))


@pytest.mark.extended
def test_the_heatmap_keeps_its_choices_while_the_table_is_sorted(results):
    expect(results.locator("[data-words]")).to_contain_text("of 192 tests")
    results.locator("[data-heatmap] select[name=aggregate]").select_option("best")
    expect(results.locator("[data-words]")).to_contain_text("best of 192 tests")
    results.get_by_role("link", name="Trades", exact=True).click()
    expect(head(results, "Trades")).to_have_attribute("aria-sort", "descending")
    expect(results.locator("[data-words]")).to_contain_text("best of 192 tests")
    expect(results).to_have_url(re.compile(r"sort=-trades.*map\.aggregate=best"))
    results.reload()  # and a link holds them
    expect(results.locator("[data-words]")).to_contain_text("best of 192 tests")


def test_what_is_filtered_is_downloaded(results):
    results.locator("select[name=symbol]").first.select_option("GE")
    expect(results.locator(".pager")).to_contain_text("of 64")
    with results.expect_download() as downloading:
        results.get_by_role("link", name="CSV").click()
    lines = downloading.value.path().read_text().splitlines()
    assert len(lines) == 65
    assert all(",GE," in line for line in lines[1:])


@pytest.mark.extended
def test_a_result_is_run_again_on_its_own(results):
    results.locator(f"{ROWS} a").first.click()
    expect(results.locator("[data-chart]")).to_be_visible()
    results.get_by_role("link", name="Edit and rerun").click()
    expect(results.locator(".total")).to_have_text("1")


@pytest.mark.extended
def test_the_chart_reads_out_the_day_under_the_pointer(results):
    results.locator(f"{ROWS} a").first.click()
    expect(results.locator("[data-chart] .plot .equity")).to_be_visible()
    at_rest = results.locator("[data-readout]").inner_text()
    results.locator("[data-chart]").hover()
    expect(results.locator("[data-readout]")).to_contain_text(
        re.compile(r"^\d{4}-\d\d-\d\d · Close [\d.,]+ · equity [\d,]+ · buy and hold [\d,]+ · drawdown")
    )
    results.mouse.move(0, 0)
    expect(results.locator("[data-readout]")).to_have_text(at_rest)


def test_the_chart_zooms_by_dragging_and_by_keys_and_trades_light_up(results):
    results.locator(f"{ROWS} a").first.click()
    chart, note = results.locator("[data-chart]"), results.locator(".range-form")
    expect(results.locator("#chart[data-started]")).to_be_visible()
    whole = note.inner_text()
    box = chart.bounding_box()
    assert box is not None
    results.mouse.move(box["x"] + 200, box["y"] + 100)
    results.mouse.down()
    results.mouse.move(box["x"] + 400, box["y"] + 100, steps=4)
    expect(chart.locator("[data-lasso]")).to_have_attribute("visibility", "visible")
    results.mouse.up()
    expect(results).to_have_url(re.compile(r"[?&]from=\d{4}-\d\d-\d\d&to="))
    expect(note).not_to_have_text(whole, use_inner_text=True)
    dragged = note.inner_text()
    expect(results.locator("#chart[data-started]")).to_be_visible()
    chart.press("+")
    expect(note).not_to_have_text(dragged, use_inner_text=True)
    expect(results.locator("#chart[data-started]")).to_be_visible()
    chart.press("Escape")
    expect(note).to_have_text(whole, use_inner_text=True)
    expect(results.locator("#chart[data-started]")).to_be_visible()
    row = results.locator("tr[data-trade='1']")
    row.locator("a").focus()
    expect(chart.locator("[data-lit]")).to_have_attribute("visibility", "visible")
    row.locator("a").click()
    mark = chart.locator("[data-mark='1']").first  # closer: triangles instead of dots
    expect(mark).to_be_visible()
    expect(results.locator("#chart[data-started]")).to_be_visible()
    row.hover()
    expect(mark).to_have_class(re.compile("is-lit"))
    place = mark.locator("path").bounding_box()  # of an inner svg, Firefox tells the whole of it
    assert place is not None
    results.mouse.move(place["x"] + place["width"] / 2 + 1, place["y"])
    expect(mark).to_have_class(re.compile("is-lit"))
    expect(row).to_have_class(re.compile("is-lit"))


@pytest.mark.extended
def test_the_metrics_of_a_row_are_those_of_its_page(results):
    place = head(results, "Sharpe ratio").evaluate("head => head.cellIndex + 1")
    sharpe = results.locator(f"{ROWS} td:nth-child({place})").first.inner_text()
    results.locator(f"{ROWS} a").first.click()
    expect(results.locator(".metrics")).to_contain_text(re.compile(rf"Sharpe ratio\s*{re.escape(sharpe)}"))


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
