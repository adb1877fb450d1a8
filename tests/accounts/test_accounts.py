"""Login, limits on guessing, tokens, the account page, and writing with cookies."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from backtester.accounts import roles, throttle
from backtester.accounts.models import LoginAttempt, Token
from backtester.accounts.tokens import create_token, hash_secret

pytestmark = pytest.mark.django_db


def log_in(name, password, *, then="", address="127.0.0.1", browser=None):
    fields = {"username": name, "password": password, "next": then}
    return (browser or Client()).post("/login/", fields, REMOTE_ADDR=address)


# ---- login -----------------------------------------------------------------------------------------------------------


def test_a_login_redirects_to_the_requested_page(people):
    answer = log_in("ann", "ann says 42", then="/batches/")
    assert (answer.status_code, answer["Location"]) == (302, "/batches/")
    assert answer.cookies["sessionid"]["httponly"]
    assert answer.cookies["sessionid"]["samesite"] == "Lax"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_a_login_never_redirects_to_another_site(people, elsewhere):
    assert log_in("ann", "ann says 42", then=elsewhere)["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(people):
    wrong, unknown = log_in("ann", "guess"), log_in("zoe", "guess")
    assert "The username or password is wrong, or the account is inactive." in wrong.content.decode()
    pages = [re.sub(r'value="[^"]*"', "", answer.content.decode()) for answer in (wrong, unknown)]
    assert pages[0] == pages[1]


def test_guessing_is_slowed_down_for_that_name_and_address_only(people):
    for _ in range(5):
        assert log_in("ann", "guess").status_code == 200
    refused = log_in("ann", "ann says 42")
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 300
    assert "Too many attempts. Try again in 5 minutes." in refused.content.decode()
    assert log_in("ann", "ann says 42", address="10.0.0.9").status_code == 302
    assert log_in("bob", "bob says 42").status_code == 302


def test_many_names_from_one_address_are_slowed_down_too(people):
    for number in range(50):
        log_in(f"name{number}", "guess")
    assert log_in("ann", "ann says 42").status_code == 429


def test_all_addresses_of_an_ipv6_network_count_as_one(people):
    statuses = [log_in("ann", "guess", address=f"2001:db8:1:2::{number:x}").status_code for number in range(1, 9)]
    assert statuses == [200] * 5 + [429] * 3
    assert log_in("ann", "ann says 42", address="2001:db8:1:3::1").status_code == 302


def lock_out(name):
    """Leave what strangers at twenty addresses leave."""
    attempt = {"name_sha256": throttle.hashed(name), "at": timezone.now()}
    LoginAttempt.objects.bulk_create(LoginAttempt(address=f"10.0.0.{n // 5}", **attempt) for n in range(100))


def test_strangers_cannot_lock_a_user_out_of_a_browser_that_they_have_used(people):
    browser = Client()
    log_in("Ann", "guess", browser=browser)
    assert log_in("ann", "ann says 42", browser=browser).status_code == 302
    browser.post("/logout/")
    lock_out("ann")
    assert log_in("ann", "ann says 42", address="10.9.9.9").status_code == 429
    assert log_in("ann", "ann says 42", browser=browser, address="10.0.0.1").status_code == 302


def test_a_known_browser_guesses_no_faster_and_for_its_own_names_only(people):
    browser = Client()
    for name in ("ann", "bob"):
        log_in(name, f"{name} says 42", browser=browser)
    statuses = [log_in("bob", "guess", browser=browser, address=f"10.0.0.{number}").status_code for number in range(6)]
    assert statuses == [200] * 5 + [429]
    assert log_in("ann", "ann says 42", browser=browser).status_code == 302
    lock_out("eve")
    assert log_in("eve", "eve says 42", browser=browser).status_code == 429


@pytest.mark.parametrize("device", ["", "x", "WyJhIl0:1wAAAA:forged"])
def test_a_forged_device_cookie_is_ignored(people, device):
    browser = Client()
    log_in("ann", "ann says 42", browser=browser)
    cookie = browser.cookies["device"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/login/", True, "Lax")
    browser.cookies["device"] = device
    lock_out("ann")
    assert log_in("ann", "ann says 42", browser=browser).status_code == 429


def test_refused_attempts_do_not_count_and_old_ones_expire(people):
    for _ in range(9):
        log_in("ann", "guess")
    assert LoginAttempt.objects.count() == 5
    LoginAttempt.objects.update(at=timezone.now() - timedelta(minutes=5, seconds=1))
    assert log_in("ann", "ann says 42").status_code == 302
    assert not LoginAttempt.objects.exists()


def test_old_attempts_are_deleted(people):
    LoginAttempt.objects.create(name_sha256="x", address="y", at=timezone.now() - 2 * throttle.KEPT_FOR)
    log_in("ann", "guess")
    assert LoginAttempt.objects.count() == 1


def test_the_admin_has_no_login_of_its_own(people):
    people["ann"].is_staff = True
    people["ann"].save()
    browser = Client()
    assert browser.get("/admin/")["Location"] == "/login/?next=/admin/"
    for _ in range(6):
        answer = browser.post("/login/", {"username": "ann", "password": "guess"})
    assert answer.status_code == 429


def test_a_fragment_redirects_the_whole_page_to_the_login(people):
    answer = Client().get(
        "/batches/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/batches/?status=active"}
    )
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/login/?next=/batches/%3Fstatus%3Dactive"


# ---- writing with cookies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "status"), [({}, 403), ({"Origin": "https://evil.example"}, 403), ({"Origin": "http://testserver"}, 415)]
)
def test_a_cookie_alone_does_not_write_through_the_api(people, origin, status):
    browser = Client(enforce_csrf_checks=True, headers={"Host": "testserver"} | origin)
    browser.force_login(people["ann"])
    assert browser.post("/api/backtest/batch/estimate", "{}", content_type="text/plain").status_code == status


def test_a_token_writes_without_an_origin(people):
    _, secret = create_token(people["ann"], "script")
    script = Client(enforce_csrf_checks=True, headers={"Host": "testserver", "Authorization": f"Bearer {secret}"})
    assert script.post("/api/backtest/batch/estimate", "{}", content_type="text/plain").status_code == 415


# ---- tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_kept_as_a_hash(as_user, people):
    browser = as_user("ann")
    page = browser.post("/account/", {"name": "nightly"})
    token = Token.objects.get()
    secret = page.context["secret"]
    assert secret in page.content.decode()
    assert len(secret) >= 43
    assert token.sha256 == hash_secret(secret)
    assert secret not in str(Token.objects.values())
    assert "no-store" in page["Cache-Control"]
    again = browser.get("/account/").content.decode()
    assert "nightly" in again
    assert secret not in again
    assert browser.post("/account/", {"name": "nightly"}).status_code == 422


def test_the_use_of_a_token_is_recorded_once_a_minute(people, django_assert_num_queries):
    token, secret = create_token(people["ann"], "script")
    script = Client(headers={"Authorization": f"Bearer {secret}"})
    assert script.get("/api/strategies").status_code == 200
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    script.get("/api/strategies")
    token.refresh_from_db()
    assert token.last_used_at == first


def test_a_token_opens_no_page(people):
    _, secret = create_token(people["ann"], "script")
    script = Client(headers={"Authorization": f"Bearer {secret}"})
    assert script.get("/batches/").status_code == 302
    assert script.get("/account/").status_code == 302
    assert script.get("/metrics").status_code == 200


def test_a_user_revokes_only_their_own_tokens(as_user, people):
    token, _ = create_token(people["ann"], "script")
    assert as_user("bob").post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    assert as_user("ann").post(f"/account/tokens/{token.pk}/revoke").status_code == 302
    assert not Token.objects.exists()


def test_a_command_creates_a_token(people, capsys):
    call_command("create_token", "ann", "--for", "cron")
    assert Token.objects.get(user=people["ann"], name="cron").sha256 == hash_secret(capsys.readouterr().out.strip())
    with pytest.raises(SystemExit, match="no active account 'zoe'"):
        call_command("create_token", "zoe", "--for", "cron")
    with pytest.raises(SystemExit, match="already"):
        call_command("create_token", "ann", "--for", "cron")


def test_a_changed_password_keeps_this_browser_and_ends_the_others(people, as_user):
    here, there = as_user("ann"), as_user("ann")
    fields = {"old_password": "ann says 42", "new_password1": "quite another 7", "new_password2": "quite another 7"}
    assert here.post("/account/password/", fields).status_code == 302
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302


# ---- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_refusal_names_the_missing_permission(as_user, with_token, start):
    answer = with_token("eve").post("/api/backtest/batch", start(), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert "batches.add_batchsession" in answer.json()["error"]
    page = as_user("bob").post("/prices/groups/", {"symbols": "ACME", "name": "mine"})
    assert page.status_code == 403
    assert "batches.change_instrument" in page.content.decode()


def test_a_role_that_an_administrator_changed_is_kept(people):
    Group.objects.get(name="Traders").permissions.clear()
    roles.create_missing_roles()
    assert not Group.objects.get(name="Traders").permissions.exists()
    assert User.objects.with_perm("batches.view_batchsession", include_superusers=False).get() == people["olga"]
