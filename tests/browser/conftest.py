"""A real browser on the real stack. Whatever a page complains about in its console fails the test."""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.launching import firefox_path, launch
from tests.browser.steps import Visitor
from tests.conftest import LONG

expect.set_options(timeout=15_000)

# How pages are looked at for axe. The same colours meet in both browsers; what differs is how wide a page becomes, so
# that Firefox is shown each page on a phone.
WAYS = {
    "chromium": [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)],
    "firefox": [("dark", 390)],
}


# Pages that the server makes, with little script of their own: told in Firefox by `make browsers`, so that `make test`
# takes less than ten minutes. What connections decide is always told in both.
SERVED = {
    f"test_{name}" for name in ["form", "heatmap_table", "history", "many_symbols", "accounts", "prices", "results"]
}


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


def pytest_generate_tests(metafunc):
    """Every story is told in both browsers, but for those marked `chromium_alone`, which say why, and SERVED."""
    if "vendor" not in metafunc.fixturenames:
        return
    alone = metafunc.definition.get_closest_marker("chromium_alone")
    later = metafunc.definition.path.stem in SERVED and not LONG
    vendors = ["chromium"] if alone or later else ["chromium", "firefox"]
    if "eyes" in metafunc.fixturenames:
        looks = [(vendor, way) for vendor in vendors for way in WAYS[vendor]]
        ids = [f"{vendor}-{scheme}-{width}" for vendor, (scheme, width) in looks]
        metafunc.parametrize(("vendor", "eyes"), looks, ids=ids, indirect=["eyes"])
    else:
        metafunc.parametrize("vendor", vendors)


@pytest.fixture(scope="session")
def browsers(playwright):
    """browsers(vendor): the machine's own browser; started for the first story that wants it."""
    started = {}

    def browser(vendor):
        if vendor not in started:
            started[vendor] = launch(playwright, vendor)
        return started[vendor]

    yield browser
    for each in started.values():
        each.close()


@pytest.fixture
def visitor(stack, browsers, vendor, playwright):
    """visitor(**options of the context): someone with a browser of their own, watched for complaints."""
    if vendor == "firefox" and not (firefox_path() or os.path.exists(playwright.firefox.executable_path)):
        pytest.skip("There is no Firefox on this machine.")
    made = []

    def come(**options):
        context = browsers(vendor).new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        made.append(Visitor(stack, context))
        return made[-1]

    yield come
    for each in made:
        each.context.close()
    for each in made:
        assert each.complaints == []


@pytest.fixture
def page(visitor):
    """One such visitor's page, for most of the stories."""
    return visitor().page


@pytest.fixture
def eyes(request, visitor, vendor):
    """A visitor who sees it one way."""
    scheme, width = request.param
    someone = visitor(color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 900})
    if vendor == "firefox":  # WebDriver cannot say what the system prefers: here it is the reader who chose
        someone.context.add_init_script(f"location.host && localStorage.setItem('theme', '{scheme}')")
    return someone
