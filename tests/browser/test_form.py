"""The form in a browser."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.steps import transferred, wait_for_status


def test_the_count_follows_the_typing_and_the_link_follows_the_form(stack, page):
    page.goto(stack.url)
    page.locator("[name='fast.stop']").fill("10")
    expect(page.locator(".total")).to_have_text("2,500")
    expect(page.locator("#note-fast")).to_have_text("5 values: 2, 4, 6, 8, 10")
    expect(page).to_have_url(re.compile(r"fast=2:10:2"))
    page.reload()
    expect(page.locator("[name='fast.stop']")).to_have_value("10")
    expect(page.locator(".total")).to_have_text("2,500")


def test_what_is_typed_before_the_scripts_are_here_counts(stack, page):
    held = []
    page.route("**/htmx-2.min.js", lambda route: held.append(route))
    page.goto(stack.url, wait_until="commit")
    page.locator("[name='fast.stop']").fill("10")
    page.get_by_role("radio", name="Both").check()
    held[0].continue_()
    expect(page.locator(".total")).to_have_text("2,500")
    expect(page).to_have_url(re.compile(r"direction=both.*fast=2:10:2|fast=2:10:2.*direction=both"))


def test_a_strategy_chosen_before_the_scripts_are_here_brings_its_parameters(stack, page):
    held = []
    page.route("**/htmx-2.min.js", lambda route: held.append(route))
    page.goto(stack.url, wait_until="commit")
    page.locator("[name='strategy']").select_option("grid_dca")
    held[0].continue_()
    expect(page.locator("[name='fast.stop']")).to_have_count(0)


def test_an_error_appears_at_its_field_and_goes_when_the_value_is_fixed(stack, page):
    page.goto(stack.url)
    step = page.locator("[name='slow.step']")
    step.fill("zero")
    expect(page.locator("#error-slow")).to_contain_text("zero")
    expect(step).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".summary")).to_contain_text("See the fields marked in red")
    step.fill("5")
    expect(page.locator("#error-slow")).to_have_text("")
    expect(step).to_have_attribute("aria-invalid", "false")


def test_an_invalid_value_that_is_submitted_returns_with_its_error(stack, visitor):
    guest = visitor()
    page = guest.page
    page.goto(stack.url)
    page.locator("#initialCapital").fill("-5")
    page.get_by_role("button", name="Run batch").click()
    expect(page.locator("#error-initialCapital")).to_contain_text("-5")
    expect(page.locator("#initialCapital")).to_have_value("-5")
    guest.expects(422)


def test_symbols_are_searched_and_chosen_together(stack, page):
    page.goto(stack.url)
    page.get_by_role("button", name="None").click()
    expect(page.locator("#error-symbols")).to_contain_text("at least one symbol")
    page.get_by_role("searchbox", name="Search symbols").fill("ms")
    expect(page.locator(".chip:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".total")).to_have_text("250")
    page.get_by_role("searchbox", name="Search symbols").fill("")
    page.get_by_role("button", name="All").click()
    expect(page.locator(".total")).to_have_text("5,250")


@pytest.mark.extended
def test_another_strategy_brings_its_own_parameters(stack, page):
    page.goto(stack.url)
    page.locator("#strategy").select_option("grid_dca")
    expect(page.get_by_role("group", name="Grid interval")).to_be_visible()
    expect(page.locator("[name='fast.start']")).to_have_count(0)
    expect(page.locator("#strategy-about")).to_contain_text("lot")
    expect(page).to_have_url(re.compile(r"strategy=grid_dca.*gridInterval="))
    page.get_by_role("switch", name="Scale by beta").check()
    expect(page.locator(".chip .beta").first).to_be_visible()
    page.locator("#coefficients").fill("1")
    expect(page).to_have_url(re.compile(r"enableBetaScaling=true&coefficients=1&"))


@pytest.mark.extended
def test_the_count_waits_for_the_fields_of_a_new_strategy(stack, page):
    """On a slow line the count of a new strategy arrived before its fields, and its errors had no target."""
    page.route("**/?*strategy=grid_dca*", late)
    page.goto(stack.url)
    page.locator("#strategy").select_option("grid_dca")
    expect(page.locator(".total")).not_to_have_text("5,000")
    expect(page.locator("#note-gridInterval")).to_contain_text("values")


def late(route):
    time.sleep(1)  # four times what the count waits for more typing
    route.continue_()


@pytest.mark.extended
def test_a_list_instead_of_a_range(stack, page):
    page.goto(stack.url)
    group = page.get_by_role("group", name="Slow average")
    group.get_by_text("List").click()
    page.locator("[name='slow.values']").fill("50, 100, 200")
    expect(page.locator(".total")).to_have_text("600")
    expect(page).to_have_url(re.compile(r"slow=50,100,200"))


@pytest.mark.extended
def test_a_link_of_the_old_tool_opens_the_form_filled(stack, page):
    page.goto(f"{stack.url}/?symbols=AAPL,MSFT&startDate=2005-01-03&fast=5:50:5&slow=20,50")
    expect(page.locator(".total")).to_have_text("24")
    expect(page.locator("#startDate")).to_have_value("2005-01-03")
    expect(page.get_by_role("checkbox", name="AAPL")).to_be_checked()
    expect(page.get_by_role("checkbox", name="GE")).not_to_be_checked()


def test_the_whole_form_works_by_keyboard(stack, page):
    page.goto(stack.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.get_by_role("checkbox", name="AAPL").focus()
    page.keyboard.press("Space")
    expect(page.locator(".total")).to_have_text("4,750")
    page.locator("#timeoutSeconds").focus()
    page.keyboard.press("Enter")
    wait_for_status(page, "complete")


@pytest.mark.extended
def test_the_same_sweep_again_opens_the_same_form(stack, page):
    page.goto(
        f"{stack.url}/?strategy=grid_dca&symbols=KO,PEP&gridInterval=0.05,0.075&enableBetaScaling=true&fees=0.002"
    )
    page.get_by_role("button", name="Run batch").click()
    wait_for_status(page, "complete")
    page.get_by_role("link", name="Edit and rerun").click()
    expect(page.locator("[name='gridInterval.values']")).to_have_value("5, 7.5")
    expect(page.locator("#fees")).to_have_value("0.2")
    expect(page.get_by_role("switch", name="Scale by beta")).to_be_checked()


def test_the_first_page_is_light(stack, page):
    page.goto(stack.url)
    sizes = transferred(page)
    assert len(sizes) > 5
    assert sum(sizes) < 100_000


@pytest.mark.extended
def test_each_example_can_be_run(stack, page):
    page.goto(stack.url)
    for name, total in (
        ("SMA cross, 5,000 tests", 5_000),
        ("Grid DCA, scaled by beta", 12_960),
        ("A million tests", 995_000),
    ):
        page.get_by_text("Presets", exact=True).click()
        page.get_by_role("link", name=name).click()
        expect(page.locator(".total")).to_have_text(f"{total:,}")


@pytest.mark.extended
def test_a_preset_is_saved_opened_and_deleted(stack, page):
    page.goto(f"{stack.url}/?strategy=sma_cross&symbols=KO,PEP&fast=3,5&slow=50&stopLoss=0.05,0.1&wholeShares=true")
    expect(page.locator(".total")).to_have_text("8")
    page.locator("[name='fast.values']").fill("3, 5, 7")
    expect(page.locator(".total")).to_have_text("12")
    page.get_by_text("Save as a preset").click()
    page.get_by_label("Preset name").fill("My drinks")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Saved as “My drinks”.")).to_be_visible()
    page.goto(stack.url)
    page.get_by_text("Presets", exact=True).click()
    page.get_by_role("link", name="My drinks").click()
    expect(page.locator(".total")).to_have_text("12")
    expect(page.locator("[name='stopLoss.values']")).to_have_value("5, 10")
    expect(page.get_by_label("Whole shares only")).to_be_checked()
    page.get_by_text("Presets", exact=True).click()
    page.get_by_role("button", name="Delete the preset My drinks").click()
    page.get_by_text("Presets", exact=True).click()
    expect(page.get_by_role("link", name="My drinks")).to_have_count(0)


@pytest.mark.extended
def test_a_stop_adds_an_axis_and_the_betas_are_shown(stack, page):
    page.goto(f"{stack.url}/?strategy=sma_cross&symbols=KO,PEP&fast=5&slow=50")
    expect(page.locator(".total")).to_have_text("2")
    page.locator(".stops > summary").click()
    page.get_by_role("group", name="Stop loss").get_by_text("Range").click()
    expect(page.locator(".total")).to_have_text("10")
    expect(page).to_have_url(re.compile(r"stopLoss=0\.05:0\.25:0\.05"))
    page.get_by_role("switch", name="Scale by beta").check()
    expect(page.locator("#betas")).to_contain_text(re.compile(r"KO \d\.\d\d · PEP \d\.\d\d"))
