"""Bars of a minute from a file to a zoomed chart."""

import re
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import expect

from batches.prices.synthetic import minute_bars
from tests.browser.axe import check
from tests.browser.steps import field, wait_for_status

N_BARS = 60 * 390
ROWS = "[aria-labelledby=results-title] tbody tr"
pytestmark = pytest.mark.usefixtures("instruments_as_they_were")


@pytest.fixture
def minutes(tmp_path):
    """A file of 60 sessions of one symbol, times in UTC."""
    bars = minute_bars().series[0].columns
    names = ["open", "high", "low", "close", "volume"]
    times = bars["date"][:N_BARS].astype("datetime64[s]").astype(str)
    cells = zip(times, *(bars[name][:N_BARS].tolist() for name in names), strict=True)
    path = tmp_path / "MINUTE.csv"
    path.write_text("\n".join([",".join(["time", *names]), *(",".join(map(str, row)) for row in cells)]) + "\n")
    return path


def test_minutes_are_uploaded_swept_watched_and_zoomed(stack, page, minutes, looks):
    page.goto(f"{stack.url}/prices/")
    page.locator("#file").set_input_files(minutes)
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.get_by_role("heading", name="1 symbol with 23,400 bars")).to_be_visible()
    page.get_by_label("Time zone").press_sequentially("America/New_York")
    page.get_by_label("Time zone").press("Tab")
    expect(page.locator(".notes")).to_contain_text("days are those of America/New_York")
    page.get_by_role("button", name="Import 1 symbol").click()
    page.get_by_role("link", name="MINUTE", exact=True).click()
    expect(page.get_by_text("09:30-16:00")).to_be_visible()

    # Firefox: the form writes its link into the address, which would interrupt a visit that waits for the whole page.
    page.goto(f"{stack.url}/?symbols=MINUTE&fast=2:20:2&slow=25,50", wait_until="commit")
    page.get_by_label("Timeframes").fill("5m, 1h")
    expect(page.locator("#count")).to_contain_text("4,680 of 5m, 420 of 1h")
    expect(page.locator(".total")).to_have_text("40")
    page.get_by_role("button", name="Run batch").click()
    wait_for_status(page, "complete")
    assert "40 tests" in field(page, "headline")

    expect(page.locator(ROWS)).to_have_count(25)
    page.get_by_label("Timeframe").first.select_option("5m")
    expect(page).to_have_url(re.compile("timeframe=5m"))
    expect(page.locator(ROWS)).to_have_count(20)
    page.locator(ROWS).first.get_by_role("link").first.click()
    expect(page.get_by_text("4,680 bars of 5m")).to_be_visible()
    page.get_by_label("From", exact=True).fill("2021-02-01")
    page.get_by_label("To", exact=True).fill("2021-02-02")
    page.get_by_role("button", name="Show range").click()
    expect(page.locator("#chart")).to_contain_text("156 bars")
    address = parse_qs(urlparse(page.url).query)
    assert (address["from"], address["to"]) == (["2021-02-01"], ["2021-02-02"])
    page.reload()
    expect(page.locator("#chart")).to_contain_text("156 bars")
    check(page)
