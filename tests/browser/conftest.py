"""A real browser on the real stack. Whatever a page complains about in its console fails the test."""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.launching import firefox_path, launch
from tests.browser.steps import Visitor

expect.set_options(timeout=15_000)

# Where browsers differ: connections. `make test` runs these files in both, the others in Chromium; `make test-all` runs
# every story in both.
IN_BOTH = {"test_networks", "test_watching"}


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


def pytest_generate_tests(metafunc):
    """Run every story in both browsers, except those marked `chromium_alone`, which say why."""
    if "vendor" not in metafunc.fixturenames:
        return
    vendors = ["chromium"]
    if not metafunc.definition.get_closest_marker("chromium_alone"):
        in_both = metafunc.definition.path.stem in IN_BOTH
        vendors.append("firefox" if in_both else pytest.param("firefox", marks=pytest.mark.extended))
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
def reader(visitor, vendor):
    """A visitor for tests with axe, which look at each page as `tests/browser/axe.py` says."""
    if vendor == "chromium":
        return visitor(reduced_motion="reduce")
    someone = visitor(reduced_motion="reduce", viewport={"width": 390, "height": 900})
    # WebDriver cannot say what the system prefers: here the reader chose the dark theme.
    someone.context.add_init_script("location.host && localStorage.setItem('theme', 'dark')")
    return someone
