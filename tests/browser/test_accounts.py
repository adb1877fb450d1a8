"""Team mode in a browser: login, one's own batches, API tokens, logout."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.axe import check
from tests.browser.steps import WITHOUT_SCRIPTS, field, press_cancel, wait_for_progress, wait_for_status
from tests.support.stack_process import StackProcess

PEOPLE = """
from django.contrib.auth.models import Group, User
for name in ("ann", "bob", "eve"):
    User.objects.create_user(name, password=f"{name} says 42")
for name in ("ann", "bob"):
    User.objects.get(username=name).groups.add(Group.objects.get(name="Traders"))
"""
# The link of `LONG` in story.py: here a batch is started by the form, since the API wants a token.
LONG_SWEEP = (
    "/?strategy=grid_dca&gridInterval=0.02:0.2:0.01&profitRequirement=0.02:0.3:0.01&trailingStop=0:0.1:0.02"
    "&maxLots=5,10,15,20&direction=both&enableBetaScaling=true&coefficients=0.5,1,1.5"
)
UNKNOWN = "/batches/00000000-0000-4000-8000-000000000000/"


@pytest.fixture(scope="module")
def stack(tmp_path_factory, sample):
    """A stack in team mode: Ann and Bob are traders, Eve has no role."""
    running = StackProcess(tmp_path_factory.mktemp("team"), database=sample, ACCESS_MODE="team", VERDICT_BUDGET_S="5")
    try:
        running.start().wait_until_ready()
        running.manage("shell", "-v0", "-c", PEOPLE)
        yield running
    finally:
        running.end()


@pytest.fixture
def member(stack, visitor):
    """member(name, **options of the context): a browser in which the user is logged in."""

    def login(name, **options):
        browser = visitor(**options)
        browser.page.goto(f"{stack.url}/login/")
        log_in(browser.page, name)
        browser.page.wait_for_url(f"{stack.url}/")
        return browser

    return login


def log_in(page, name, password=None):
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password or f"{name} says 42")
    page.get_by_role("button", name="Log in").click()


def open_account(page):
    page.get_by_role("navigation", name="Account").get_by_role("link").click()


def run_long_batch(stack, page):
    """Start a batch, wait for its progress and return its address."""
    page.goto(stack.url + LONG_SWEEP)
    page.get_by_role("button", name="Run batch").click()
    wait_for_progress(page)
    return page.url


def cancel_here(page):
    press_cancel(page)
    wait_for_status(page, "cancelled")


def test_the_login_leads_back_to_the_requested_page(stack, page):
    address = f"{stack.url}/batches/?status=active"
    page.goto(address)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_text("Log in to continue to the page you requested.")).to_be_visible()
    log_in(page, "ann")
    page.wait_for_url(address)
    expect(page.get_by_role("navigation", name="Account")).to_have_text("ann")


def test_a_wrong_password_keeps_the_requested_page(stack, page):
    page.goto(f"{stack.url}/prices/")
    log_in(page, "ann", "guess")
    expect(page.get_by_role("alert")).to_contain_text("The username or password is wrong")
    expect(page.get_by_label("Username")).to_have_value("ann")
    expect(page.get_by_label("Password")).to_have_value("")
    log_in(page, "ann")
    page.wait_for_url(f"{stack.url}/prices/")


@pytest.mark.extended
def test_a_batch_is_started_and_watched_by_its_owner(stack, member):
    page = member("ann").page
    address = run_long_batch(stack, page)
    wait_for_progress(page, beyond=wait_for_progress(page))
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Batches").click()
    expect(page.locator("#list tbody tr:not(.day)").first).to_contain_text("Grid DCA")
    page.goto(address)
    cancel_here(page)
    expect(page.locator("[aria-labelledby=results-title] tbody tr")).to_have_count(25)


@pytest.mark.extended
def test_a_foreign_batch_looks_like_an_unknown_one(stack, member):
    anns, bobs = member("ann"), member("bob")
    address = run_long_batch(stack, anns.page)

    def seen(where):
        assert bobs.page.goto(where).status == 404
        text = bobs.page.locator("main").inner_text()
        return bobs.page.title(), re.sub(r"Request id: [0-9a-f]{32}", "", text)

    assert seen(address) == seen(stack.url + UNKNOWN)
    expect(bobs.page.get_by_role("heading", name="Page not found")).to_be_visible()
    bobs.page.goto(f"{stack.url}/batches/?search={address.rstrip('/').rpartition('/')[2]}")
    expect(bobs.page.locator("#list")).to_contain_text("No batches match")
    bobs.expects(404)
    cancel_here(anns.page)


def test_a_token_is_shown_once_works_and_is_revoked(stack, member, vendor):
    page, name = member("ann").page, f"nightly, from {vendor}"
    open_account(page)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create token").click()
    secret = page.get_by_role("status").locator("code.secret").inner_text()

    def request_status():
        return httpx.get(f"{stack.url}/api/strategies", headers={"Authorization": f"Bearer {secret}"}).status_code

    assert request_status() == 200
    open_account(page)
    expect(page.get_by_role("row", name=name)).not_to_contain_text("never")
    expect(page.locator("main")).not_to_contain_text(secret)
    page.get_by_role("button", name=f"Revoke {name}").click()
    expect(page.get_by_role("status")).to_have_text(f"Token '{name}' revoked.")
    expect(page.get_by_role("row", name=name)).to_have_count(0)
    assert request_status() == 401


def test_a_logout_ends_the_live_page_in_another_tab(stack, member):
    browser = member("ann")
    page = browser.page
    address = run_long_batch(stack, page)
    other = browser.open()
    other.goto(f"{stack.url}/account/")
    other.get_by_role("button", name="Log out").click()
    expect(other.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_text("Log in to continue to the page you requested.")).to_be_visible(
        timeout=30_000
    )  # streams are looked at every 20 s
    log_in(page, "ann")
    page.wait_for_url(address)
    cancel_here(page)
    browser.expects(401)


@WITHOUT_SCRIPTS
@pytest.mark.extended
def test_all_of_it_without_scripts(stack, member):
    page = member("ann", java_script_enabled=False).page
    page.goto(stack.url + LONG_SWEEP)
    page.get_by_role("button", name="Run batch").click()
    first = field(page, "headline")
    expect(page.locator("#headline")).not_to_have_text(first)  # the page looks again by itself
    press_cancel(page)
    expect(page.locator("#headline")).to_contain_text("Cancelled after")
    open_account(page)
    page.get_by_label("Name").fill("plain")
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("code.secret")).to_contain_text("bt_")
    page.get_by_role("button", name="Revoke plain").click()
    expect(page.get_by_role("status")).to_have_text("Token 'plain' revoked.")
    open_account(page)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


@pytest.mark.timeout(400)  # each page in four looks in `make test-all`
def test_the_account_pages_pass_axe(stack, reader, looks):
    page = reader.page
    page.goto(f"{stack.url}/account/")
    check(page)
    log_in(page, "eve", "guess")
    expect(page.get_by_role("alert")).to_be_visible()
    check(page)
    log_in(page, "eve")
    page.get_by_label("Name").fill("seen")
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("code.secret")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Revoke seen").click()
    page.get_by_role("link", name="Change password").click()
    expect(page.get_by_role("heading", name="Change password")).to_be_visible()
    check(page)
    page.goto(f"{stack.url}{UNKNOWN}")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    check(page)
    page.goto(stack.url)
    page.get_by_role("button", name="Run batch").click()
    expect(page.get_by_role("alert")).to_contain_text("This account may not start batches")
    check(page)
    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="Run batch").click()
    expect(page.get_by_role("heading", name="Request refused")).to_be_visible()
    check(page)
    reader.expects(404)
    reader.expects(403)
