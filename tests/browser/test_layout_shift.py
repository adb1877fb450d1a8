"""Nothing moves while one watches: the places of the results are reserved from the first event on."""

import pytest
from playwright.sync_api import expect

from tests.browser.steps import start, wait_for_progress, wait_for_status

LOOKS = {"laptop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
BOUND = 0.05  # a good page is below 0.1
# Chrome's own definition of the cumulative layout shift: the worst window of at most 5 s, without a gap of 1 s.
OBSERVE = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const sources = entry.sources.map((source) => source.node?.outerHTML?.slice(0, 80) ?? source.node?.nodeValue);
    window.shifts.push({ at: entry.startTime, value: entry.value, sources });
  }
}).observe({ type: "layout-shift", buffered: true });
"""


def cumulative_layout_shift(shifts):
    worst, window = 0.0, []
    for shift in shifts:
        if window and (shift["at"] - window[-1]["at"] > 1000 or shift["at"] - window[0]["at"] > 5000):
            window = []
        window.append(shift)
        worst = max(worst, sum(each["value"] for each in window))
    return worst


@pytest.mark.chromium_alone("only Chromium measures layout shifts")
@pytest.mark.parametrize("look", ["laptop", pytest.param("phone", marks=pytest.mark.extended)])
def test_nothing_moves_from_the_start_to_the_end_of_a_batch(stack, visitor, look):
    page = visitor(viewport=LOOKS[look]).page
    page.add_init_script(OBSERVE)
    page.goto(start(stack, symbols=["AAPL", "AMD", "BAC", "BBY", "CVX", "GE"], coefficients=[1.0]))
    wait_for_progress(page)
    wait_for_status(page, "complete", seconds=90)
    expect(page.locator("[aria-labelledby=results-title] tbody tr")).to_have_count(25)
    expect(page.locator("[data-words]")).to_contain_text("tests in")
    shifts = page.evaluate("window.shifts")
    assert cumulative_layout_shift(shifts) < BOUND, sorted(shifts, key=lambda shift: -shift["value"])[:5]
