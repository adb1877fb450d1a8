"""What the batch page costs its reader: bytes, script for each update, memory over an hour, long tasks.

    make bench-page

Starts a stack and a Chromium. An hour of updates is 7,200 events, drawn one after the other by the page's own panel.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, expect, sync_playwright

from tests.browser.launching import launch
from tests.browser.steps import cancel, start, wait_for_progress
from tests.support.stack_process import StackProcess

HOUR = 7_200  # events: two a second
WATCHED_S = 15
NAVIGATIONS = 50
FIRST_FEW = 5  # after so many, everything is there that stays; both numbers end at the same page
PATIENCE_MS = 15_000  # for one step; a page that does not come ends the benchmark with its name
SLOWER = 4  # a mid-range laptop beside the machine that measures

DRAW = """async ([from, to]) => {
    const { createPanel } = await import("/static/batches/progress-panel.js");
    const read = (id) => JSON.parse(document.getElementById(id).textContent);
    const event = read("first-event");
    window.benchPanel ??= createPanel(document.querySelector("[data-panel]"), read("names"));
    const times = [];
    for (let i = from; i < to; i += 1) {
        const better = i / 1000;
        const leaders = event.leaders.map((row, at) => ({ ...row, index: row.index + i * (at % 2), sharpe: better }));
        const bestSoFar = { ...event.bestSoFar, annualizedReturn: better };
        const next = { ...event, status: "running", current: i, percentage: (i % 1000) / 10, leaders, bestSoFar };
        const before = performance.now();
        window.benchPanel.render(next);
        times.push(performance.now() - before);
        if (i % 60 === 0) await new Promise(requestAnimationFrame);
    }
    return times.sort((a, b) => a - b);
}"""
LONG_TASKS = """window.longTasks = [];
new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ type: "longtask", buffered: true });"""


def main() -> None:
    """Measure all of it, a line each."""
    with tempfile.TemporaryDirectory(prefix="bench-page-") as folder:
        stack = StackProcess(Path(folder) / "data", WORKERS="1").start().wait_until_ready()
        try:
            with sync_playwright() as playwright:
                browser = launch(playwright, "chromium")
                page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
                page.set_default_timeout(PATIENCE_MS)
                session = page.context.new_cdp_session(page)
                first_page(stack, page, session)
                address = watch(stack, page, session)
                an_hour(page, session)
                navigations(stack, page, session, address)
                browser.close()
        finally:
            stack.end()


def say(what: str, figure: str, asked: str = "") -> None:
    """A line of the table."""
    print(f"{what:58} {figure:>20}   {asked}", flush=True)


def first_page(stack: StackProcess, page: Page, session: CDPSession) -> None:
    """Everything that comes over the wire for the form, headers included, with nothing cached."""
    sizes: list[int] = []
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(stack.url, wait_until="networkidle")
    say(f"first page, {len(sizes)} requests", f"{sum(sizes) / 1000:.1f} kB", "asked: under 100 kB")


def watch(stack: StackProcess, page: Page, session: CDPSession) -> str:
    """Look at a batch at work, at the pace of this machine and on a slower one; the address of the last one."""
    page.add_init_script(LONG_TASKS)
    for slower in (1, SLOWER):
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        address = start(stack)
        page.goto(address)
        wait_for_progress(page)
        page.evaluate("window.longTasks.length = 0")
        page.wait_for_timeout(WATCHED_S * 1000)
        tasks = page.evaluate("window.longTasks")
        longest = f", longest {max(tasks):.0f} ms" if tasks else ""
        cancel(stack, address)
        page.wait_for_selector("#results table")
        say(f"tasks over 50 ms in {WATCHED_S} s, {slower} x slower", f"{len(tasks)}{longest}", "asked: none")
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    return address


def an_hour(page: Page, session: CDPSession) -> None:
    """Draw as many events as an hour brings."""
    times: list[float] = page.evaluate(DRAW, [0, 600])
    before = heap(session)
    times = page.evaluate(DRAW, [600, HOUR])
    after = heap(session)
    say("script for one update, median", f"{times[len(times) // 2]:.2f} ms", "asked: under 4 ms")
    say("script for one update, 99 of 100", f"{times[len(times) * 99 // 100]:.2f} ms")
    say("heap after 5 minutes of updates", f"{before / 1e6:.2f} MB")
    say("heap after an hour of updates", f"{after / 1e6:.2f} MB", "asked: the same")


def navigations(stack: StackProcess, page: Page, session: CDPSession, address: str) -> None:
    """Go from page to page in one tab, and then through the results of one page, which stays."""
    pages = [stack.url, f"{stack.url}/batches/", address]

    def next_page(number: int) -> None:
        page.goto(pages[number % len(pages)])
        if page.url == address:
            page.wait_for_selector("#results [data-words]:has-text('cells')")  # the heatmap is drawn

    def next_order(number: int) -> None:
        heading = page.locator("[aria-labelledby=results-title] th.number").nth(number % 3)
        heading.locator("a").click()
        # Not `wait_for`: Playwright would hold each heading, and with it the whole table that was swapped away.
        expect(heading).to_have_attribute("aria-sort", re.compile("."), timeout=PATIENCE_MS)

    for what, step in (("navigations, at a batch", next_page), ("tables sorted in one page", next_order)):
        sizes: dict[int, float] = {}
        nodes: dict[int, int] = {}
        for number in range(1, NAVIGATIONS + 1):
            step(number)
            if number in (FIRST_FEW, NAVIGATIONS):
                sizes[number] = heap(session)
                nodes[number] = session.send("Memory.getDOMCounters")["nodes"]
        for number, asked in ((FIRST_FEW, ""), (NAVIGATIONS, "asked: the same")):
            figure = f"{sizes[number] / 1e6:.2f} MB, {nodes[number]:,} nodes"
            say(f"heap after {number} {what}", figure, asked)


def heap(session: CDPSession) -> float:
    """Bytes that are still in use after a collection."""
    session.send("HeapProfiler.collectGarbage")
    usage: dict[str, Any] = session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"])


if __name__ == "__main__":
    main()
