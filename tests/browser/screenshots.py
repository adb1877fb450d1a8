"""Pictures of a real run for docs/screenshots: `make screenshots`."""

import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.launching import launch
from tests.browser.steps import cancel, start, wait_for_progress, wait_for_status
from tests.support.stack_process import ROOT, StackProcess, until

FOLDER = ROOT / "docs" / "screenshots"
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
COMPILING_S = 600  # the first start on a busy machine
VERDICT_MS = 240_000
SETTLE_MS = 700  # the bar glides for half a second


def shoot(page: Page, name: str) -> None:
    """Save with 256 colors: enough for a page, at a quarter of the bytes."""
    page.wait_for_timeout(SETTLE_MS)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} kB")


def open_page(browser: Browser, *, phone: bool = False, dark: bool = False) -> Page:
    """A fresh browser."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport=PHONE if phone else WIDE, color_scheme=scheme, locale="en-GB")
    return context.new_page()


def tell_the_story(stack: StackProcess, browser: Browser) -> None:
    """The form, the results of its sweep, one of them, and a batch on its way; wide and on a phone, light and dark."""
    page, phone, dark = open_page(browser), open_page(browser, phone=True), open_page(browser, dark=True)
    page.goto(stack.url)
    shoot(page, "form")
    page.get_by_role("button", name="Run batch").click()
    wait_for_status(page, "complete")
    page.locator("[aria-labelledby=results-title] tbody tr").first.wait_for()
    page.locator("[data-words]").filter(has_text="tests in").wait_for()
    page.locator("#verdict:not([data-state=''])").wait_for(timeout=VERDICT_MS)
    shoot(page, "results")
    dark.goto(page.url)
    shoot(dark, "results-dark")
    phone.goto(page.url)
    shoot(phone, "results-phone")
    page.goto(f"{page.url}verdict/")
    shoot(page, "verdict")
    page.go_back()
    page.locator("[data-words]").filter(has_text="tests in").wait_for()
    page.evaluate("document.querySelector('[data-heatmap]').scrollIntoView()")
    shoot(page, "heatmap")
    page.locator("#parallel").scroll_into_view_if_needed()
    page.locator("#least-sharpe").fill("0.6")
    page.get_by_role("button", name="Filter the table").click()
    page.locator("#parallel").scroll_into_view_if_needed()  # a click before htmx knew the button loads the page anew
    page.locator("#parallel .brush:not([height='0'])").wait_for()
    page.evaluate("document.querySelector('#parallel').scrollIntoView()")
    shoot(page, "parallel")
    page.locator("[aria-labelledby=results-title] tbody a").nth(1).click()
    page.locator("[data-chart]").wait_for()
    shoot(page, "combination")
    dark.goto(page.url)
    shoot(dark, "combination-dark")
    phone.goto(stack.url)
    shoot(phone, "form-phone")
    page.goto(f"{stack.url}/batches/")
    shoot(page, "batches")
    # Last, so that what is tried here does not count against the winner above.
    address = start(stack)
    for watching, name in ((page, "running"), (dark, "running-dark"), (phone, "running-phone")):
        watching.goto(address)
        wait_for_progress(watching, beyond=8)
        shoot(watching, name)
    cancel(stack, address)


def main() -> None:
    """Start a stack of its own, take the pictures, stop it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="screenshots-"))
    stack = StackProcess(folder).start()
    try:
        until(stack.is_ready, "the stack", seconds=COMPILING_S)
        with sync_playwright() as playwright:
            browser = launch(playwright, "chromium")
            tell_the_story(stack, browser)
            browser.close()
    finally:
        stack.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
