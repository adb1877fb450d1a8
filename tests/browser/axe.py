"""Check a page against axe's rules, light and dark, wide and narrow, without loading it again."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SHORT = [("light", 390), ("dark", 1440)]
LOOKS = [*SHORT, ("light", 1440), ("dark", 390)]


def check(page: Page) -> None:
    """Assert that the page breaks no rule and does not scroll sideways; in Firefox in the look it already has."""
    browser = page.context.browser
    assert browser is not None
    if browser.browser_type.name == "firefox":
        _check_once(page)
        return
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        _check_once(page)


def _check_once(page: Page) -> None:
    is_loaded = page.evaluate("'axe' in window")
    results = (Axe("") if is_loaded else Axe()).run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
