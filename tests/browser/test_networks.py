"""Networks that break and hang, servers that die, tabs that are hidden or loaded again: the page stays true."""

import itertools
import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.networks import HIDE, NOTE_THE_BAR, TAB_THAT_HIDES, network
from tests.browser.steps import (
    WITHOUT_SOCKET,
    WITHOUT_STREAMS,
    cancel,
    percentage,
    start,
    wait_for_progress,
    wait_for_status,
)
from tests.support.stack_process import until

TRANSPORTS = [
    pytest.param("", id="websocket"),
    pytest.param(WITHOUT_SOCKET, id="event stream", marks=pytest.mark.long),
    pytest.param(WITHOUT_STREAMS, id="polling", marks=pytest.mark.long),
]
TABS = 8  # a browser opens six connections to a server


@pytest.fixture
def long_batch(stack):
    """The address of a batch that does not end during a test."""
    address, *others = [start(stack) for _ in range(3)]
    yield address
    for batch in (address, *others):
        cancel(stack, batch)


def snapshot(stack, address):
    """What the server says now."""
    session_id = address.rstrip("/").rpartition("/")[2]
    return httpx.get(f"{stack.url}/api/backtest/batch/{session_id}", timeout=20).json()


def open_streams(stack):
    """Event streams, as the server counts them."""
    lines = httpx.get(f"{stack.url}/metrics", timeout=20).text.splitlines()
    counts = (line.split()[1] for line in lines if re.match(r"backtester_live_connections\{.*sse", line))
    return int(sum(map(float, counts)))


@pytest.mark.parametrize("missing", TRANSPORTS)
def test_the_page_survives_cut_and_stalled_networks_and_a_dead_server(stack, visitor, long_batch, missing):
    guest = visitor()
    guest.expects_breaks = True
    guest.context.add_init_script(missing)
    page = guest.page
    with network(stack.url) as between:
        page.goto(between.through(long_batch))
        progress = wait_for_progress(page)
        page.evaluate(NOTE_THE_BAR)

        between.cut()
        progress = wait_for_progress(page, beyond=progress)

        between.stall()
        frozen = percentage(page)
        until(lambda: snapshot(stack, long_batch)["percentage"] > frozen + 0.2, "progress that the page cannot see")
        between.heal()
        progress = wait_for_progress(page, beyond=frozen)

        pid = stack.kill("web")
        until(lambda: stack.pids().get("web") not in (None, pid), "the server to be back")
        wait_for_progress(page, beyond=progress)
        expect(page.locator("[data-field=connection]")).to_have_text("", timeout=30_000)

        cancel(stack, long_batch)
        wait_for_status(page, "cancelled", seconds=20)
        values = page.evaluate("values")
        assert all(later >= earlier for earlier, later in itertools.pairwise(values)), "it went back"
        assert percentage(page) == pytest.approx(snapshot(stack, long_batch)["percentage"], abs=0.1)


def test_a_page_that_is_loaded_again_at_any_moment_shows_the_truth(stack, page):
    address = start(stack, symbols=["AAPL", "GE"])
    page.goto(address)
    progress, loads = 0.0, 0
    while page.locator("[data-panel]").get_attribute("data-status") != "complete":
        assert percentage(page) >= progress
        progress, loads = percentage(page), loads + 1
        page.reload()
    assert loads > 3
    assert percentage(page) == 100
    expect(page.locator("[aria-labelledby=results-title] tbody tr")).to_have_count(25)
    assert page.title() == "✓ Complete · Backtester"


@pytest.mark.extended
def test_tabs_in_the_background_leave_room_for_the_one_that_is_seen(stack, visitor, long_batch):
    """Case 49 of the public bug reports."""
    guest = visitor()
    guest.context.add_init_script(WITHOUT_SOCKET + TAB_THAT_HIDES)
    before = open_streams(stack)
    tabs = [guest.page, *(guest.open() for _ in range(TABS - 1))]
    for tab in tabs:
        tab.goto(long_batch)
        wait_for_progress(tab)
        tab.evaluate(HIDE, True)
    until(lambda: open_streams(stack) == before, "the hidden tabs to let go of their streams")
    for tab in tabs:
        wait_for_progress(tab, beyond=percentage(tab))  # their titles stay true
    tabs[0].evaluate(HIDE, False)
    until(lambda: open_streams(stack) == before + 1, "the stream of the tab that is seen")
    wait_for_progress(tabs[0], beyond=percentage(tabs[0]))
