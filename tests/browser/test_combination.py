"""The page of one combination in a browser: its chart, its metrics, and the way there."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.result_page import ROWS, head


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
    place = mark.locator("path").bounding_box()  # of an inner svg, Firefox returns the whole box
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
