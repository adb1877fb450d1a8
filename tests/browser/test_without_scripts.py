"""The whole way without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import WITHOUT_SCRIPTS, cancel, field, press_cancel, start

pytestmark = WITHOUT_SCRIPTS


@pytest.fixture
def plain(visitor):
    """The page of someone whose browser runs no scripts."""
    return visitor(java_script_enabled=False).page


def test_from_the_form_to_a_single_result(stack, plain):
    plain.goto(stack.url)
    plain.locator("[name='fast.stop']").fill("6")
    plain.get_by_role("button", name="Count again").click()
    expect(plain.locator(".total")).to_have_text("1,500")
    plain.get_by_role("button", name="Run batch").click()
    expect(plain.locator("#headline")).to_have_text(re.compile("^Complete: 1,500 tests"), timeout=30_000)
    plain.get_by_role("link", name="Trades", exact=True).click()
    expect(
        plain.locator("[role=group][aria-labelledby=results-title]").get_by_role("columnheader", name="Trades")
    ).to_have_attribute("aria-sort", "descending")
    plain.get_by_role("link", name="Next").click()
    expect(plain.locator(".pager")).to_contain_text("26–50 of 1,500")
    plain.locator("[aria-labelledby=results-title] tbody a").first.click()
    expect(plain.locator("[data-chart] .plot .equity")).to_be_visible()
    plain.get_by_role("link", name="5 years", exact=True).click()
    expect(plain.get_by_role("link", name="5 years", exact=True)).to_have_attribute("aria-current", "true")


def test_a_running_batch_refreshes_itself_and_can_be_cancelled(stack, plain):
    address = start(stack)
    plain.goto(address)
    first = field(plain, "headline")
    expect(plain.locator("#headline")).not_to_have_text(first)
    press_cancel(plain)
    expect(plain.locator("#headline")).to_have_text(re.compile("^Cancelled after"))
    cancel(stack, address)


@pytest.mark.extended
def test_another_strategy_by_counting_again(stack, plain):
    plain.goto(stack.url)
    plain.locator("#strategy").select_option("grid_dca")
    plain.get_by_role("button", name="Count again").click()
    expect(plain.locator("[name='gridInterval.start']")).to_be_visible()


@pytest.mark.extended
def test_an_error_stands_at_its_field(stack, visitor):
    guest = visitor(java_script_enabled=False)
    guest.page.goto(stack.url)
    guest.page.locator("[name='slow.stop']").fill("9000")
    guest.page.get_by_role("button", name="Run batch").click()
    expect(guest.page.locator("#error-slow")).to_contain_text("5000")
    guest.expects(422)
