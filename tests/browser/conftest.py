"""A real browser on the real stack. Whatever a page complains about in its console fails the test."""

import os
import sqlite3
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.launching import firefox_path, launch
from tests.browser.result_page import ROWS, SMALL
from tests.browser.steps import Visitor, start, wait_for_status

expect.set_options(timeout=15_000)

OPERATOR = """
from django.contrib.auth.models import User
User.objects.create_superuser("operator", password="opens the admin 42")
"""

# Where browsers differ: connections. `make test` runs this one in both, the others in Chromium; `make test-all` runs
# every test in both.
IN_BOTH = "test_the_page_survives_cut_and_stalled_networks_and_a_dead_server"


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


def pytest_generate_tests(metafunc):
    """Run every test in both browsers, except those marked `chromium_alone`, which say why."""
    if "vendor" not in metafunc.fixturenames:
        return
    vendors = ["chromium"]
    if not metafunc.definition.get_closest_marker("chromium_alone"):
        in_both = metafunc.definition.originalname == IN_BOTH
        vendors.append("firefox" if in_both else pytest.param("firefox", marks=pytest.mark.extended))
    if "looks" not in metafunc.fixturenames:
        metafunc.parametrize("vendor", vendors)
        return
    longer = pytest.mark.timeout(400)  # axe may read a long page for half a minute in each look, beside other tests
    runs = [
        pytest.param("chromium", axe.SHORT, id="chromium in two looks", marks=longer),
        pytest.param("chromium", axe.LOOKS, id="chromium in all looks", marks=[pytest.mark.extended, longer]),
        pytest.param("firefox", axe.LOOKS, id="firefox", marks=pytest.mark.extended),  # `check` leaves it as it is
    ]
    metafunc.parametrize(("vendor", "looks"), runs, indirect=["looks"])


@pytest.fixture
def looks(request, monkeypatch):
    """`check` looks at a page twice in `make test`, and in all looks in `make test-all`."""
    monkeypatch.setattr(axe, "LOOKS", request.param)


@pytest.fixture(scope="session")
def browsers(playwright):
    """browsers(vendor): the installed browser, started when it is first used."""
    started = {}

    def browser(vendor):
        if vendor not in started:
            started[vendor] = launch(playwright, vendor)
        return started[vendor]

    yield browser
    for running in started.values():
        running.close()


@pytest.fixture
def visitor(stack, browsers, vendor, playwright):
    """visitor(**options of the context): a new browser context, whose console must stay free of errors."""
    if vendor == "firefox" and not (firefox_path() or os.path.exists(playwright.firefox.executable_path)):
        pytest.skip("Firefox is not installed.")
    visitors = []

    def open_context(**options):
        context = browsers(vendor).new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        visitors.append(Visitor(stack, context))
        return visitors[-1]

    yield open_context
    for guest in visitors:
        guest.context.close()
    for guest in visitors:
        assert guest.complaints == []


@pytest.fixture
def page(visitor):
    """The page of a visitor, for most tests."""
    return visitor().page


@pytest.fixture(scope="module")
def finished(stack):
    """The address of a batch of 192 tests."""
    return start(stack, **SMALL)


@pytest.fixture
def results(page, finished):
    """The page of that batch, when it is complete."""
    page.goto(finished)
    wait_for_status(page, "complete")
    expect(page.locator(ROWS)).to_have_count(25)
    return page


@pytest.fixture
def reader(visitor, vendor):
    """A visitor for tests with axe, which look at each page as `tests/browser/axe.py` says."""
    if vendor == "chromium":
        return visitor(reduced_motion="reduce")
    guest = visitor(reduced_motion="reduce", viewport={"width": 390, "height": 900})
    # WebDriver cannot say what the system prefers: here the reader chose the dark theme.
    guest.context.add_init_script("location.host && localStorage.setItem('theme', 'dark')")
    return guest


@pytest.fixture(scope="session")
def operator(stack):
    """A user of the admin: `log_in` of steps.py."""
    stack.manage("shell", "-v0", "-c", OPERATOR)


@pytest.fixture
def instruments_as_they_were(stack) -> Iterator[None]:
    """Restore the sample's instruments: the other tests of the shared stack need them, also in the other browser."""
    path = stack.data_dir / "db.sqlite3"
    with sqlite3.connect(path) as database:
        before = database.execute("SELECT series_id, beta, gaps, id FROM batches_instrument").fetchall()
    yield
    with sqlite3.connect(path, timeout=20) as database:
        ids = ",".join(str(row[-1]) for row in before)
        database.execute(f"DELETE FROM batches_instrument WHERE id NOT IN ({ids})")
        database.executemany("UPDATE batches_instrument SET series_id = ?, beta = ?, gaps = ? WHERE id = ?", before)
