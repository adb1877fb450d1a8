"""A real browser on the real stack. Whatever a page complains about in its console fails the test."""

import pytest
from playwright.sync_api import expect

from tests.browser.launching import FLAGS, browser_path
from tests.browser.story import Visitor

expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """The machine's own browser, where it has one; else the one that Playwright brought."""
    found = browser_path()
    return browser_type_launch_args | {"args": FLAGS} | ({"executable_path": found} if found else {})


@pytest.fixture
def visitor(stack, browser):
    """visitor(**options of the context): someone with a browser of their own, watched for complaints."""
    made = []

    def come(**options):
        made.append(Visitor(stack, browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)))
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
