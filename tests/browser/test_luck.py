"""Is the best of a sweep luck? From the first tests to the locked days, which are spent once."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import check
from tests.browser.steps import wait_for_status

SENTENCE = re.compile(r"^(No better than holding|Likely luck|Weak|Too little|More than luck|Holds up)\b.*\.$")
PICTURES = (
    "The best of each history without skill",
    "Equity out of sample",
    "PBO",
    "Where the picked row stands",
    "Each dot is a test",
    "The grid of",
)
LOCKED = {"chromium": "RRC", "firefox": "BBY"}  # spent days stay spent, also for the other browser


@pytest.mark.timeout(400)  # a verdict may take two minutes on a busy machine, and axe reads a long page in four looks
def test_the_opening_sweep_is_judged_against_luck(stack, page, looks):
    page.goto(stack.url)
    page.get_by_role("button", name="Run batch").click()
    expect(page.locator("[data-field=luck]")).to_contain_text("without skill would show about")
    wait_for_status(page, "complete")
    sentence = page.locator("#verdict .sentence")
    expect(sentence).to_have_text(SENTENCE, timeout=120_000)
    words = sentence.inner_text()
    page.get_by_role("link", name="How this was found").click()
    expect(page.locator("#verdict .sentence")).to_have_text(words)
    for name in PICTURES:
        picture = page.get_by_role("img", name=name)
        picture.scroll_into_view_if_needed()
        expect(picture).to_be_visible()
        box = picture.bounding_box()
        assert box
        assert (box["width"] > 100, box["height"] > 15) == (True, True), name
    for counts in page.get_by_text("Counts", exact=True).all():
        counts.click()
    check(page)
    page.get_by_role("link", name="The same as a table").click()
    expect(page.get_by_role("heading", name="Heatmap", exact=True)).to_be_visible()
    page.get_by_role("link", name="Batches", exact=True).first.click()
    expect(page.locator(".verdict-line").first).to_have_text(words)


def test_locked_days_are_spent_once(stack, page, vendor):
    page.goto(f"{stack.url}/?symbols={LOCKED[vendor]}&fast=5,10&slow=50,100")
    page.get_by_label("Lock the last").fill("20")
    page.get_by_role("button", name="Run batch").click()
    wait_for_status(page, "complete")
    address = page.url
    expect(page.get_by_text("are locked: nothing here is computed on them")).to_be_visible()
    page.get_by_role("link", name="Spend the locked days").click()
    expect(page.get_by_role("heading", name="Spend the locked days on one row?")).to_be_visible()
    confirmation = page.url
    other = page.context.new_page()
    other.goto(confirmation)
    page.get_by_role("button", name="Evaluate this row, once").click()
    expect(page.get_by_text("This was done once and cannot be repeated.")).to_be_visible()
    expect(page.get_by_role("img", name="Equity on the locked days")).to_be_visible()
    check(page)
    other.get_by_role("button", name="Evaluate this row, once").click()
    expect(other.get_by_text("they can be evaluated only once")).to_be_visible()
    page.goto(address)
    expect(page.get_by_text("were locked and are spent")).to_be_visible()
