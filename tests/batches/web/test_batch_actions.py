"""What one does to a batch on its page: cancel, pause, retry, delete; and how it reads after that."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from backtester.engine import buy_and_hold
from batches.formatting import percent
from batches.models import BatchSession
from batches.running import lifecycle
from batches.sweep.plan import plan_of
from tests.support import jobs
from tests.support.page_reader import HTMX, field, text_of, url

pytestmark = pytest.mark.usefixtures("queued", "published")


def test_cancelling_without_scripts_leads_back_to_the_batch(client, halfway):
    response = client.post(url(halfway, "act", "cancel"))
    assert response.status_code == 302
    assert jobs.reread(halfway).status == "cancelled"
    again = client.get(response["Location"])
    assert field(again, "headline") == f"Cancelled after {halfway.current} of {halfway.total} tests"


def test_a_cancel_without_scripts_asks_when_the_batch_has_worked_for_a_while(client, halfway):
    BatchSession.objects.filter(pk=halfway.pk).update(created_at=halfway.created_at - timedelta(seconds=60))
    question = client.post(url(halfway, "act", "cancel"))
    assert question.status_code == 200
    assert f"{halfway.current} of {halfway.total} tests are finished and stay." in text_of(question)
    assert jobs.reread(halfway).status == "running"
    assert client.post(url(halfway, "act", "cancel"), {"sure": "1"}).status_code == 302
    ended = jobs.reread(halfway)
    assert ended.status == "cancelled"
    left = ended.total - ended.successful
    assert f"Continue ({left} left)" in text_of(client.get(url(halfway)))


def test_scripts_ask_themselves(client, halfway):
    BatchSession.objects.filter(pk=halfway.pk).update(created_at=halfway.created_at - timedelta(seconds=60))
    assert client.post(url(halfway, "act", "cancel"), headers=HTMX).status_code == 204
    assert jobs.reread(halfway).status == "cancelled"


def test_pause_and_resume(client, halfway):
    assert client.post(url(halfway, "act", "pause"), headers=HTMX).status_code == 204
    assert jobs.reread(halfway).status == "paused"
    assert client.post(url(halfway, "act", "resume"), headers=HTMX).status_code == 204
    assert jobs.reread(halfway).status == "running"


def test_retry_leads_to_the_new_batch(client, halfway):
    lifecycle.cancel(halfway.id, halfway.created_at)
    response = client.post(url(halfway, "act", "retry"), headers=HTMX)
    retry = BatchSession.objects.get(retry_of=halfway)
    assert response["HX-Redirect"] == url(retry)


def test_a_cancelled_batch_shows_the_winner_of_its_finished_tests(client, halfway):
    lifecycle.cancel(halfway.id, halfway.created_at)
    page = client.get(url(halfway))
    best = jobs.reread(halfway).leaders[0]
    assert f'<a data-winner-link href="{url(halfway)}results/{best["index"]}/"' in page.content.decode()
    assert f"{best['symbol']} - {percent(best['annualizedReturn'])} annual return" in text_of(page)
    lines = {line["symbol"]: line for line in page.context["best_by_symbol"]}
    assert lines[best["symbol"]]["row"]["index"] == best["index"]
    plan = plan_of(halfway)
    held = buy_and_hold(plan.prices(0), plan.rules)
    assert lines[plan.grid.symbols[0]]["hold"]["annualizedReturn"] == held["annualized_return"]


def test_without_a_finished_test_there_is_no_link_to_the_winner(client, start):
    session = jobs.submit(start())
    lifecycle.cancel(session.id, session.created_at)
    assert "<a data-winner-link data-field" in client.get(url(session)).content.decode()


def test_the_rows_of_a_cancelled_batch_are_ahead_of_holding(client, halfway):
    lifecycle.cancel(halfway.id, halfway.created_at)
    table = client.get(url(halfway)).context["table"]
    assert re.fullmatch(r"[+−]\d+\.\d%", table.rows[0].cells[table.names.index("aheadOfHolding")])


def test_a_cancelled_batch_leads_to_the_one_that_continues_it(client, halfway):
    lifecycle.cancel(halfway.id, halfway.created_at)
    assert "Continued in a later batch" not in text_of(client.get(url(halfway)))
    client.post(url(halfway, "act", "retry"))
    retry = BatchSession.objects.get(retry_of=halfway)
    page = client.get(url(halfway))
    assert f'href="{url(retry)}">Continued in a later batch' in page.content.decode()
    assert "Continue (" not in text_of(page)
    assert f'continues <a href="{url(halfway)}">' in client.get(url(retry)).content.decode()
    retry.delete()
    assert "Continue (" in text_of(client.get(url(halfway)))


def test_a_batch_that_failed_runs_the_remaining_tests(client, halfway):
    lifecycle.fail(halfway.id, halfway.created_at, "The summary failed.")
    ended = jobs.reread(halfway)
    assert f"Run the remaining {ended.total - ended.successful}" in text_of(client.get(url(halfway)))


def test_a_refused_action_says_why_on_the_page(client, halfway):
    response = client.post(url(halfway, "act", "delete"), follow=True)
    assert "still active" in text_of(response)
    assert BatchSession.objects.filter(pk=halfway.pk).exists()


def test_deleting_leads_to_the_list(client, finished):
    response = client.post(url(finished, "act", "delete"))
    assert response["Location"] == reverse("batches:list")
    assert not BatchSession.objects.exists()


@pytest.mark.parametrize("action", ["explode", "complete"])
def test_other_actions_do_not_exist(client, finished, action):
    assert client.post(url(finished, "act", action)).status_code == 404


def test_actions_need_a_post(client, halfway):
    assert client.get(url(halfway, "act", "cancel")).status_code == 405
    assert jobs.reread(halfway).status == "running"
