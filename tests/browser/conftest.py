"""A real browser on the real stack. Whatever a page complains about in its console fails the test."""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.launching import firefox_path, launch
from tests.browser.story import Visitor

expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


def pytest_generate_tests(metafunc):
    """Every story is told in Chromium; those marked `both_browsers`, in Firefox too."""
    if "vendor" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("both_browsers")
        metafunc.parametrize("vendor", ["chromium", "firefox"] if both else ["chromium"], scope="session")


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
