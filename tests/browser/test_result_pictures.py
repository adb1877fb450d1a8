"""The pictures of a batch in a browser: heatmap, distribution, parallel coordinates."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.result_page import ROWS, head

SHIFTS = """() => {
    window.shifted = 0;
    const add = (entry) => { if (!entry.hadRecentInput) window.shifted += entry.value };
    new PerformanceObserver((list) => list.getEntries().forEach(add)).observe({ type: "layout-shift", buffered: true });
}"""


def test_the_heatmap_reads_out_each_cell_to_pointer_and_keys(results):
    words = results.locator("[data-words]")
    expect(words).to_contain_text("192 tests in 64 cells")
    results.locator("#heatmap").scroll_into_view_if_needed()  # so that what loads on the way is there
    results.locator(".heat canvas").hover(position={"x": 3, "y": 185})  # y grows upwards
    expect(words).to_contain_text("Slow average 50, Fast average 5: ")
    results.mouse.move(0, 0)
    results.locator(".heat canvas").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        results.keyboard.press(key)
    expect(words).to_contain_text("Slow average 60, Fast average 10: ")


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


@pytest.mark.chromium_alone("no other browser reports shifts")
def test_what_comes_later_moves_nothing(results):
    results.reload()  # the first test of a file may have seen the batch end, when the page gives way to its results
    expect(results.locator(ROWS)).to_have_count(25)
    results.evaluate(SHIFTS)
    for part, drawn in (("#parallel", ".axis"), ("#heatmap", "[data-axis=x] span"), ("#spread", ".spread rect")):
        results.locator(part).scroll_into_view_if_needed()
        expect(results.locator(f"{part} {drawn}").first).to_be_attached()
    assert results.evaluate("window.shifted") < 0.02  # a card without reserved space: 0.15


@pytest.mark.extended
def test_the_median_of_neighbors_separates_a_spike_from_a_plateau(results):
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
