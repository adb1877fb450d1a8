"""What the batch page costs its reader: bytes, script for each update, memory over an hour, long tasks.

    make bench-page

Starts a stack and a Chromium. An hour of updates is 7,200 events, drawn one after the other by the page's own panel.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

from tests.browser.launching import launch
from tests.browser.steps import cancel, start, wait_for_progress
from tests.stack.clients import SHARES
from tests.support.stack_process import StackProcess, until

MINUTE, HOUR = 120, 7_200  # events: two a second
COMPILING_S = 600  # the first start on a busy machine
COMPUTING_S = 600  # a million tests on a busy machine
WATCHED_S = 15
NAVIGATIONS = 50
FIRST_FEW = 5  # after so many, everything is there that stays; both numbers end at the same page
SETTLE_MS = 2_000
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
ENDED = {
    "5,000": {"fast": {"start": 2, "stop": 20, "step": 2}, "slow": {"start": 25, "stop": 145, "step": 5}},
    "995,000": {"fast": {"start": 2, "stop": 200, "step": 1}, "slow": {"start": 205, "stop": 454, "step": 1}},
}
VITALS = """window.vitals = { paint: 0, shift: 0, tasks: [] };
const observe = (type, use) =>
    new PerformanceObserver((list) => list.getEntries().forEach(use)).observe({ type, buffered: true });
observe("largest-contentful-paint", (entry) => { window.vitals.paint = entry.startTime; });
observe("layout-shift", (entry) => { window.vitals.shift += entry.hadRecentInput ? 0 : entry.value; });
observe("longtask", (entry) => window.vitals.tasks.push(entry.duration));"""
LONG_TASKS = """window.longTasks = [];
new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ type: "longtask", buffered: true });"""


def main() -> None:
    """Measure all of it, a line each."""
    with tempfile.TemporaryDirectory(prefix="bench-page-") as folder:
        stack = StackProcess(Path(folder) / "data", WORKERS="1").start()
        try:
            until(stack.is_ready, "the stack", seconds=COMPILING_S)
            with sync_playwright() as playwright:
                browser = launch(playwright, "chromium")
                page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
                page.set_default_timeout(PATIENCE_MS)
                session = page.context.new_cdp_session(page)
                first_page(stack, page, session)
                address = watch(stack, page, session)
                an_hour(page, session)
                navigations(stack, page, session, address)
                for tests, ranges in ENDED.items():
                    ended_batch(stack, browser, tests, ranges)
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


def ended_batch(stack: StackProcess, browser: Browser, tests: str, ranges: dict[str, Any]) -> None:
    """The page of an ended batch in a new browser: bytes on the wire, largest paint, layout shift, longest task."""
    body = {"strategy": "sma_cross", "symbols": SHARES, "parameterRanges": ranges}
    started = httpx.post(f"{stack.url}/api/backtest/batch", json=body, timeout=60).json()
    snapshot = f"{stack.url}/api/backtest/batch/{started['sessionId']}"
    until(lambda: httpx.get(snapshot).json()["status"] == "complete", f"{tests} tests", seconds=COMPUTING_S)
    httpx.get(stack.url + started["pageUrl"], timeout=60)  # the server's own caches are not the browser's
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    sizes: dict[str, float] = {}
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    page.add_init_script(VITALS)
    page.goto(stack.url + started["pageUrl"])
    page.wait_for_selector("#results [data-words]:has-text('cells')")  # the heatmap is drawn
    page.wait_for_timeout(SETTLE_MS)
    vitals = page.evaluate("window.vitals")
    say(
        f"ended batch of {tests}, {len(sizes)} requests",
        f"{sum(sizes.values()) / 1000:.1f} kB",
        "asked: at most 200 kB",
    )
    say(f"ended batch of {tests}, largest contentful paint", f"{vitals['paint']:.0f} ms", "asked: at most 1 s")
    say(f"ended batch of {tests}, layout shift", f"{vitals['shift']:.4f}", "asked: under 0.05")
    longest = max(vitals["tasks"], default=0)
    say(f"ended batch of {tests}, longest task", f"{longest:.0f} ms" if longest else "none", "asked: none over 200 ms")
    context.close()


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
    times: list[float] = page.evaluate(DRAW, [0, MINUTE])
    before = heap(session)
    times = page.evaluate(DRAW, [MINUTE, HOUR])
    after = heap(session)
    say("script for one update, median", f"{times[len(times) // 2]:.2f} ms", "asked: under 4 ms")
    say("script for one update, 99 of 100", f"{times[len(times) * 99 // 100]:.2f} ms")
    say("heap after a minute of updates", f"{before / 1e6:.2f} MB")
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
