"""Watching a batch from the click to the final table, through failures of the network and the server."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import (
    WITHOUT_SOCKET,
    WITHOUT_STREAMS,
    cancel,
    field,
    percentage,
    press_cancel,
    start,
    wait_for_progress,
    wait_for_status,
)
from tests.support.stack_process import until

# The grid's best test of each is better than that of any before, but for those in between that lose everything.
BETTER_AND_BETTER = [
    *("BAC", "JPM", "BBY", "PG", "CVX", "HD", "JNJ", "AAPL", "KO", "PEP"),
    *("LLY", "MSFT", "GE", "PFE", "RRC", "MRK", "UNH", "WMT", "AMD", "XOM"),
]


@pytest.fixture
def long_batch(stack):
    """The address of a batch that does not end during a test: two others share the workers."""
    address, *others = [start(stack) for _ in range(3)]
    yield address
    for batch in (address, *others):
        cancel(stack, batch)


def test_one_click_runs_5000_tests_and_ends_with_the_table(stack, page):
    page.goto(stack.url)
    expect(page.locator(".total")).to_have_text("5,000")
    fragments = []
    page.on("request", lambda request: "hx-request" in request.headers and fragments.append(request.url))
    page.get_by_role("button", name="Run batch").click()
    wait_for_status(page, "complete")
    assert re.fullmatch(r"Complete: 5,000 tests in [\d.]+s", field(page, "headline"))
    assert field(page, "percentage") == "100%"
    assert field(page, "successful") == "5,000"
    assert "annual return" in field(page, "best")
    expect(page.locator("#results-title")).to_be_visible()
    expect(page.locator("[aria-labelledby=results-title] tbody tr")).to_have_count(25)
    assert page.title() == "✓ Complete · Backtester"
    assert fragments.count(page.url) <= 1  # the results are fetched once, or came with the page when it was quicker
    page.locator("#parallel").scroll_into_view_if_needed()
    page.locator("#least-sharpe").fill("0.6")
    page.wait_for_timeout(500)
    expect(page.locator("#least-sharpe")).to_have_value("0.6")
    assert len([url for url in fragments if "/parallel/" in url]) == 1


def test_the_bar_moves_the_leaders_change_and_the_clock_ticks(stack, page):
    address = start(stack, symbols=BETTER_AND_BETTER)  # whenever the page comes, better ones still do
    page.goto(address)
    seen = [wait_for_progress(page)]
    leaders, clock = page.locator("[data-leaders] tbody").inner_text(), {field(page, "elapsed")}
    for _ in range(4):
        seen.append(wait_for_progress(page, beyond=seen[-1]))
        clock.add(field(page, "elapsed"))
    assert seen == sorted(set(seen))
    expect(page.locator("[data-leaders] tbody")).not_to_have_text(leaders, use_inner_text=True)
    assert len(clock) > 1
    expect(page.locator("[data-leaders] tbody tr")).to_have_count(10)
    assert re.fullmatch(r"Testing [A-Z]+ \([\d,]+ of [\d,]+\)", field(page, "headline"))
    assert re.fullmatch(r"Beta: \d\.\d\d, Coeff: \d\.\d\d", field(page, "beta"))
    assert re.fullmatch(r"[\d.]+ (ms|µs)", field(page, "perTest"))
    assert re.fullmatch(r"(~.*|Estimating the time left)( remaining)?", field(page, "remaining"))
    assert re.fullmatch(r"\d+% [A-Z]+ · Backtester", page.title())
    cancel(stack, address)


@pytest.mark.extended
def test_the_bar_is_blue_while_it_runs_and_green_when_complete(stack, page):
    address = start(stack)
    page.goto(address)
    wait_for_progress(page)
    expect(page.locator("[data-fill]")).to_have_css("fill", "rgb(60, 78, 200)")
    cancel(stack, address)
    page.goto(start(stack, strategy="sma_cross", parameterRanges={}, enableBetaScaling=False))
    wait_for_status(page, "complete")
    expect(page.locator("[data-fill]")).to_have_css("fill", "rgb(15, 125, 108)")
    assert field(page, "phase") == "Complete"  # and in words


def test_a_refresh_and_a_second_browser_show_the_truth_at_once(stack, visitor, long_batch):
    first, second = visitor().page, visitor().page
    first.goto(long_batch)
    before = wait_for_progress(first)
    first.reload()
    assert percentage(first) >= before
    second.goto(long_batch)
    assert percentage(second) >= before
    wait_for_progress(first, beyond=before)
    wait_for_progress(second, beyond=before)


def test_the_page_goes_on_by_itself_after_the_server_was_killed(stack, visitor, long_batch):
    guest = visitor()
    guest.expects_breaks = True
    page = guest.page
    page.goto(long_batch)
    before = wait_for_progress(page)
    page.evaluate("window.sameDocument = true")
    pid = stack.kill("web")
    expect(page.locator("[data-field=connection]")).to_have_text("Reconnecting…")
    until(lambda: stack.pids().get("web") not in (None, pid), "the server to be back")
    expect(page.locator("[data-field=connection]")).to_have_text("", timeout=30_000)
    wait_for_progress(page, beyond=before)
    assert page.evaluate("window.sameDocument") is True


def test_cancel_stops_the_batch_and_keeps_what_is_done(stack, page, long_batch):
    page.goto(long_batch)
    wait_for_progress(page)
    press_cancel(page)
    wait_for_status(page, "cancelled")
    assert re.fullmatch(r"Cancelled after [\d,]+ of [\d,]+ tests", field(page, "headline"))
    expect(page.locator("[aria-labelledby=results-title] tbody tr")).to_have_count(25)
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.get_by_role("button", name="Continue (")).to_be_visible()


def test_cancel_asks_and_keeps_running_unless_it_is_confirmed(page, long_batch):
    page.goto(long_batch)
    wait_for_progress(page)
    page.locator("[data-question]").evaluate("question => question.dataset.from = 0")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Keep it running").click()
    wait_for_progress(page, beyond=percentage(page))
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the batch").click()
    wait_for_status(page, "cancelled")
    expect(page.get_by_role("button", name=re.compile(r"^Continue \([\d,]+ left\)$"))).to_be_visible()


def test_pause_stops_the_clock_and_resume_goes_on(stack, page, long_batch):
    page.goto(long_batch)
    wait_for_progress(page)
    page.get_by_role("button", name="Pause").click()
    wait_for_status(page, "paused", seconds=5)
    assert field(page, "remaining") == "Paused"
    page.get_by_role("button", name="Resume").click()
    wait_for_status(page, "running", seconds=5)
    wait_for_progress(page, beyond=percentage(page))


@pytest.mark.extended
def test_a_timeout_is_told_and_retry_goes_on_in_a_new_batch(stack, page):
    address = start(stack, timeoutSeconds=1)
    page.goto(address)
    wait_for_status(page, "error")
    assert field(page, "headline") == "Operation timed out after 1 second"
    page.get_by_role("button", name="Run the remaining").click()
    page.wait_for_url(lambda url: "/batches/" in url and url != address)
    assert page.get_by_text("continues an earlier batch").is_visible()
    cancel(stack, page.url)


@pytest.mark.extended
def test_two_batches_at_once_do_not_mix(stack, visitor):
    watched = {symbol: visitor().page for symbol in ("AAPL", "GE")}
    addresses = {
        symbol: start(stack, symbols=[symbol], coefficients=[c / 10 for c in range(1, 41)]) for symbol in watched
    }
    for symbol, page in watched.items():
        page.goto(addresses[symbol])
    for _ in range(2):
        for page in watched.values():
            wait_for_progress(page, beyond=percentage(page))
        for symbol, page in watched.items():
            assert f"Testing {symbol} " in field(page, "headline")
            assert field(page, "best").startswith(f"{symbol} - ")
    for address in addresses.values():
        cancel(stack, address)


@pytest.mark.extended
def test_failures_are_shown_while_it_runs_and_grouped_at_the_end(stack, page):
    ranges = {"fast": {"start": 2, "stop": 40, "step": 2}, "slow": {"start": 100, "stop": 290, "step": 10}}
    page.goto(
        start(stack, strategy="sma_cross", parameterRanges=ranges, enableBetaScaling=False, startDate="2022-06-01")
    )
    wait_for_status(page, "complete")
    assert field(page, "failed") != "0"
    expect(page.get_by_role("heading", name="Failures by cause")).to_be_visible()
    expect(page.locator(".failures li").first).to_contain_text("bars")


@pytest.mark.parametrize("missing", [WITHOUT_SOCKET, WITHOUT_STREAMS], ids=["websocket", "every stream"])
@pytest.mark.extended
def test_browsers_without_streams_watch_it_too(stack, visitor, long_batch, missing):
    guest = visitor()
    guest.context.add_init_script(missing)
    page = guest.page
    page.goto(long_batch)
    before = wait_for_progress(page)
    wait_for_progress(page, beyond=before)
    press_cancel(page)
    wait_for_status(page, "cancelled", seconds=10)
    expect(page.locator("[aria-labelledby=results-title] tbody tr")).to_have_count(25)


@pytest.mark.extended
def test_the_heatmap_fills_while_the_batch_runs_and_gives_way_to_the_results(stack, page, long_batch):
    def tests_seen():
        match = re.search(r"of ([\d,]+) tests", page.locator("[data-live] [data-words]").inner_text())
        return int(match[1].replace(",", "")) if match else 0

    page.goto(long_batch)
    first = until(tests_seen, "the first cells", seconds=20)
    until(lambda: tests_seen() > first, "more cells", seconds=20)
    press_cancel(page)
    expect(page.locator("#results [data-words]")).to_contain_text("cells")
    expect(page.locator("[data-live]")).to_have_count(0)


@pytest.mark.extended
def test_who_asked_for_it_is_notified_of_the_end(stack, visitor, long_batch):
    guest = visitor(permissions=["notifications"])
    page = guest.page
    page.add_init_script(
        """window.notifications = [];
        window.Notification = class {
            static permission = "default";
            static requestPermission = async () => "granted";
            constructor(title, { body }) { window.notifications.push([title, body]); }
        };"""
    )
    page.goto(long_batch)
    page.get_by_role("button", name="Notify me").click()
    expect(page.get_by_role("button", name="Notify me")).to_have_attribute("aria-pressed", "true")
    cancel(stack, long_batch)
    wait_for_status(page, "cancelled")
    [[title, body]] = page.evaluate("window.notifications")
    assert title == "Grid DCA"
    assert body.startswith("Cancelled after ")


def test_an_update_steals_neither_focus_nor_scroll(stack, page, long_batch):
    page.set_viewport_size({"width": 900, "height": 500})
    page.goto(long_batch)
    wait_for_progress(page)
    page.locator("[data-leaders] tbody a").nth(4).focus()
    scrolled = page.evaluate("window.scrollY")
    wait_for_progress(page, beyond=wait_for_progress(page, beyond=percentage(page)))
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 5
    assert page.evaluate("window.scrollY") == scrolled


def test_an_update_of_the_panel_changes_only_what_is_new(stack, page, long_batch):
    page.goto(long_batch)
    wait_for_progress(page)
    page.reload()  # with leaders in its first event
    changes = page.evaluate(
        """async () => {
            const { createPanel } = await import("/static/batches/progress-panel.js");
            const read = (id) => JSON.parse(document.getElementById(id).textContent);
            const event = { ...read("first-event"), status: "running", current: 10, percentage: 1 };
            const root = document.querySelector("[data-panel]").cloneNode(true);  // no events of its own
            const panel = createPanel(root, read("names"), () => 0);
            panel.render(event);
            const observer = new MutationObserver(() => {});
            const options = { subtree: true, childList: true, characterData: true, attributeOldValue: true };
            observer.observe(root, options);
            const changed = (next) => {
                panel.render(next);
                return observer.takeRecords()
                    .filter((record) => record.attributeName
                        ? record.target.getAttribute(record.attributeName) !== record.oldValue
                        : true)
                    .map(({ target, attributeName }) => attributeName
                        ?? target.dataset.field ?? (target.cellIndex === undefined ? target.localName : "cell"));
            };
            const leaders = event.leaders.map((row, i) => i === 1 ? { ...row, sharpe: 12.5 } : row);
            return {
                same: changed(event),
                copy: changed(structuredClone(event)),
                count: changed({ ...event, current: 11 }),
                leader: changed({ ...event, current: 11, leaders }),
            };
        }"""
    )
    assert changes == {"same": [], "copy": [], "count": ["headline", "aria-valuetext"], "leader": ["cell"]}


@pytest.mark.chromium_alone("no other browser counts its layouts")
def test_updates_of_the_panel_force_no_layout(stack, page, long_batch):
    page.goto(long_batch)
    wait_for_progress(page)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def layouts():
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "LayoutCount")

    before = layouts()
    page.evaluate(
        """async () => {
            const { createPanel } = await import("/static/batches/progress-panel.js");
            const read = (id) => JSON.parse(document.getElementById(id).textContent);
            const event = read("first-event");
            const panel = createPanel(document.querySelector("[data-panel]"), read("names"));
            for (let i = 0; i < 200; i += 1) {
                const leaders = event.leaders.map((row) => ({ ...row, index: row.index + i, sharpe: i }));
                panel.render({ ...event, status: "running", current: i, percentage: i / 4, leaders });
            }
        }"""
    )
    assert layouts() - before < 50  # 200 updates in one task: the browser lays out once, and for the page's own events
