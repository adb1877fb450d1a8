"""The list of batches: search, notes, comparison and deletion in a browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import WITHOUT_SCRIPTS, cancel, field, start, wait_for_progress, wait_for_status

SMALL = {"strategy": "sma_cross", "symbols": ["CVX"], "enableBetaScaling": False}
RANGES = {"fast": [5, 10, 20], "slow": [50, 100, 200]}


@pytest.fixture
def two(stack, page):
    """Two small batches that have ended; the page is at the second."""
    for changes in ({}, {"fees": 0.01, "symbols": ["CVX", "XOM"]}):
        page.goto(start(stack, **SMALL | {"parameterRanges": RANGES} | changes))
        wait_for_status(page, "complete")
    return page


def test_a_note_is_found_again_and_two_batches_are_compared(stack, two, vendor):
    page, note = two, f"Oil against oil in {vendor}"
    page.locator("summary", has_text="notes").press("Enter")
    page.get_by_label("Notes on this batch").fill(note)
    page.get_by_role("button", name="Save note").click()
    expect(page.get_by_role("status").filter(has_text="Note saved.")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Batches").first.click()
    page.wait_for_url(f"{stack.url}/batches/")
    page.get_by_role("searchbox").fill(note.lower())
    expect(page.locator("#list .batch-line")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"search=oil(\+|%20)against"))
    expect(page.locator("#list")).to_contain_text(note)
    page.get_by_role("searchbox").fill("cvx")
    expect(page.locator("#list .batch-line").nth(1)).to_be_visible()
    for number in (0, 1):
        page.get_by_role("checkbox").nth(number).check()
    page.get_by_role("button", name="Compare selected").click()
    expect(page.get_by_role("heading", name="Settings that differ")).to_be_visible()
    expect(page.get_by_role("table").first).to_contain_text("Fees, slippage")


@pytest.mark.extended
def test_who_leaves_the_search_asks_for_nothing_more(stack, page):
    """A list that came once more would take the button from under the pointer."""
    page.goto(f"{stack.url}/batches/")
    requests = []
    page.on("request", lambda request: "hx-request" in request.headers and requests.append(request.url))
    page.get_by_role("searchbox").fill("2")
    expect(page).to_have_url(re.compile("search=2"))
    page.get_by_label("Sort by").focus()
    page.wait_for_timeout(700)
    assert [url for url in requests if "search=2" in url] == requests[:1]
    page.get_by_label("Sort by").select_option("Oldest")
    expect(page).to_have_url(re.compile("sort=createdAt"))


def save_and_apply(stack, page, name):
    """Save the filter that is set, open the list without one, and apply what was saved."""
    page.get_by_text("Save this filter", exact=True).click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text=f"Saved the filter “{name}”.")).to_be_visible()
    page.goto(f"{stack.url}/batches/")
    page.get_by_role("navigation", name="Saved filters").get_by_role("link", name=name, exact=True).click()


def delete_filter(page, name):
    page.get_by_role("button", name=f"Delete the filter {name}").click()
    expect(page.get_by_role("status").filter(has_text=f"Deleted the filter “{name}”.")).to_be_visible()
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def test_a_filter_is_saved_applied_and_deleted(stack, page, vendor):
    name = f"Oldest, from 2020, in {vendor}"
    page.goto(f"{stack.url}/batches/")
    page.get_by_role("textbox", name="From", exact=True).fill("2020-01-02")
    expect(page).to_have_url(re.compile(r"from=2020-01-02"))  # htmx writes an abort to the console
    page.get_by_label("Sort by").select_option("Oldest")
    expect(page).to_have_url(re.compile(r"from=2020-01-02.*sort=createdAt"))
    save_and_apply(stack, page, name)
    expect(page.get_by_role("textbox", name="From", exact=True)).to_have_value("2020-01-02")
    expect(page.get_by_label("Sort by")).to_have_value("createdAt")
    delete_filter(page, name)


@WITHOUT_SCRIPTS
def test_a_filter_is_saved_applied_and_deleted_without_scripts(stack, visitor):
    page = visitor(java_script_enabled=False).page
    page.goto(f"{stack.url}/batches/?status=complete")
    page.get_by_role("searchbox").fill("sma")
    page.get_by_role("button", name="Apply").click()
    save_and_apply(stack, page, "Averages that ended")
    expect(page.get_by_role("searchbox")).to_have_value("sma")
    expect(page.get_by_role("link", name="Complete", exact=True)).to_have_attribute("aria-current", "true")
    delete_filter(page, "Averages that ended")


@pytest.mark.extended
def test_the_list_on_a_phone_names_its_numbers(stack, two):
    page = two
    page.goto(f"{stack.url}/batches/")
    line = page.locator("#list .batch-line").first
    expect(line).not_to_contain_text("18 tests", use_inner_text=True)  # a heading says so
    page.set_viewport_size({"width": 390, "height": 844})
    expect(line).to_contain_text("18 tests", use_inner_text=True)
    age, best = line.locator(".started").bounding_box(), line.locator(".best").bounding_box()
    assert age
    assert best
    assert age["x"] > 195 < best["x"]  # to the right


@pytest.mark.extended
def test_what_is_picked_and_focused_stays_while_the_list_refreshes_itself(stack, page):
    address = start(stack)
    try:
        page.goto(f"{stack.url}/batches/")
        first = page.get_by_role("checkbox").first
        first.check()
        link = page.locator("#list tbody a").first
        link.focus()
        before = page.locator("#list .batch-line").first.inner_text()
        expect(page.locator("#list .batch-line").first).not_to_have_text(before)
        expect(first).to_be_checked()
        expect(link).to_be_focused()
    finally:
        cancel(stack, address)


@pytest.mark.extended
def test_several_are_deleted_after_a_question(stack, two):
    page = two
    address = page.url
    page.goto(f"{stack.url}/batches/?search={address.rstrip('/').rpartition('/')[2]}")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete selected").click()
    expect(page.get_by_role("heading", name="Delete 1 batch?")).to_be_visible()
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_text("1 batch deleted.")).to_be_visible()
    assert page.request.get(address).status == 404


@pytest.mark.extended
def test_the_best_so_far_is_drawn_while_it_runs(stack, page):
    address = start(stack)
    page.goto(address)
    wait_for_progress(page)
    line = page.locator("[data-best]")
    expect(line).to_have_attribute("d", re.compile(r"^M[\d.]+ [\d.]+(H[\d.]+V[\d.]+)*H[\d.]+$"))
    seen = line.get_attribute("d")
    expect(line).not_to_have_attribute("d", seen)
    cancel(stack, address)


@pytest.mark.extended
def test_a_batch_that_is_deleted_under_its_watchers_has_a_last_word(stack, visitor):
    guest = visitor()
    guest.context.add_init_script(
        """window.WebSocket = class {
            constructor() { setTimeout(() => this.onclose({ code: 4404 }), 200); }
            send() {}
            close() {}
        };"""
    )
    address = start(stack)
    page = guest.page
    page.goto(address)
    expect(page.locator("#headline")).to_have_text("This batch was deleted")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    assert page.title() == "This batch was deleted · Backtester"
    cancel(stack, address)


@pytest.mark.extended
def test_a_reader_in_germany_sees_german_numbers(stack, visitor):
    page = visitor(locale="de-DE", timezone_id="Europe/Berlin").page
    page.goto(stack.url)
    expect(page.locator(".total")).to_have_text("5.000")
    page.get_by_role("button", name="Run batch").click()
    wait_for_status(page, "complete")
    assert re.fullmatch(r"Complete: 5\.000 tests in [\d,]+s", field(page, "headline"))
    assert re.search(r"\d,\d%", field(page, "best"))
    cells = page.locator("[aria-labelledby=results-title] tbody tr").first
    expect(cells).to_contain_text(re.compile(r"\d,\d%"))
    expect(page.locator("time[data-local]").first).to_have_text(re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d$"))
