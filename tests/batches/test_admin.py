"""The admin shows batches of every kind, changes none of them, and costs the same however many there are."""

import pytest
from django.contrib.auth.models import User
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone

from batches.formatting import percent
from batches.models import BatchSession, Instrument, PriceSeries, Status
from batches.results.blocks import result_bytes
from batches.running import lifecycle
from tests.support import jobs

LIST = "admin:batches_batchsession_changelist"


@pytest.fixture
def admin(client, db):
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def one_of_each(finished, start):
    """A batch in each status, the others with what a real one would carry."""
    for status in Status:
        if status != Status.COMPLETE:
            session = jobs.work_some(jobs.submit(start()), 2)
            BatchSession.objects.filter(pk=session.pk).update(status=status, error="It <b>ended</b>.")
    lifecycle.pause(BatchSession.objects.filter(status="paused").get().pk, timezone.now())
    return BatchSession.objects.all()


def test_the_list_shows_batches_of_every_status(admin, one_of_each):
    page = admin.get(reverse(LIST))
    assert page.status_code == 200
    text = page.content.decode()
    for session in one_of_each:
        assert reverse("admin:batches_batchsession_change", args=[session.pk]) in text
    assert "27 of 27 (3 failed)" in text


def test_the_list_names_batches_and_metrics_as_the_pages_do(admin, finished):
    BatchSession.objects.filter(pk=finished.pk).update(title="Before the <fees>", sort_by="annualizedReturn")
    text = admin.get(reverse(LIST)).content.decode()
    assert "Before the &lt;fees&gt;" in text
    assert "SMA cross <" not in text
    BatchSession.objects.filter(pk=finished.pk).update(title="")
    assert "SMA cross <" in admin.get(reverse(LIST)).content.decode()
    leader = finished.leaders[0]
    assert f"{leader['symbol']} · {percent(leader['annualizedReturn'])}" in text


def test_the_list_says_what_each_batch_keeps(admin, finished):
    assert filesizeformat(result_bytes(finished.total)) in admin.get(reverse(LIST)).text


def test_every_batch_can_be_opened(admin, one_of_each):
    for session in one_of_each:
        page = admin.get(reverse("admin:batches_batchsession_change", args=[session.pk]))
        assert page.status_code == 200
        text = page.content.decode()
        assert reverse("batches:detail", args=[session.pk]) in text
        assert "<b>ended</b>" not in text
        assert "fast: 3, 5, 8" in text


@pytest.mark.parametrize("query", ["q=sma", "q=00000000", "status__exact=running", "strategy=sma_cross", "o=2"])
def test_the_list_can_be_searched_filtered_and_sorted(admin, one_of_each, query):
    assert admin.get(f"{reverse(LIST)}?{query}").status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_batches(admin, start, django_assert_max_num_queries):
    def queries():
        with django_assert_max_num_queries(50) as captured:
            admin.get(reverse(LIST))
        return len(captured)

    jobs.submit(start())
    few = queries()
    for _ in range(4):
        jobs.finish(jobs.submit(start()))
    assert queries() <= few


def test_the_action_cancels_the_active_ones_and_leaves_the_others(admin, one_of_each):
    chosen = [str(session.pk) for session in one_of_each]
    answer = admin.post(reverse(LIST), {"action": "cancel_batches", "_selected_action": chosen}, follow=True)
    assert "Cancelled: 3." in answer.content.decode()
    states = sorted(BatchSession.objects.values_list("status", flat=True))
    assert states == ["cancelled"] * 4 + ["complete", "error"]


def test_actions_pause_and_resume_those_that_can_be(admin, one_of_each):
    chosen = [str(session.pk) for session in one_of_each]
    for action, words in (("pause_batches", "Paused: 2."), ("resume_batches", "Resumed: 2.")):
        answer = admin.post(reverse(LIST), {"action": action, "_selected_action": chosen}, follow=True)
        assert words in answer.content.decode()
    states = sorted(BatchSession.objects.values_list("status", flat=True))
    assert states == ["cancelled", "complete", "error", "paused", "running", "running"]


def test_an_action_retries_what_has_ended_with_something_left_to_do(admin, one_of_each):
    before = {session.pk for session in one_of_each}
    answer = admin.post(
        reverse(LIST), {"action": "retry_batches", "_selected_action": [str(pk) for pk in before]}, follow=True
    )
    started = BatchSession.objects.exclude(pk__in=before)
    assert f"Retried: {started.count()}." in answer.content.decode()
    assert {session.retry_of.status for session in started} == {"cancelled", "complete", "error"}
    assert answer.content.decode().count("still active") == 3


def test_batches_and_instruments_are_not_added_by_hand(admin, instruments):
    for name in ("batchsession", "instrument", "priceseries"):
        assert admin.get(reverse(f"admin:batches_{name}_add")).status_code == 403


def test_batches_are_not_changed_by_hand(admin, finished):
    before = BatchSession.objects.values().get()
    admin.post(reverse("admin:batches_batchsession_change", args=[finished.pk]), {"status": "running"})
    assert BatchSession.objects.values().get() == before


def test_an_ended_batch_can_be_deleted_and_an_active_one_cannot(admin, finished, start):
    active = jobs.submit(start())
    for session, status in ((active, 403), (finished, 302)):
        answer = admin.post(reverse("admin:batches_batchsession_delete", args=[session.pk]), {"post": "yes"})
        assert answer.status_code == status
    assert [session.pk for session in BatchSession.objects.all()] == [active.pk]


def test_deleting_a_selection_with_an_active_batch_deletes_nothing_active(admin, finished, start):
    active = jobs.submit(start())
    chosen = {"action": "delete_selected", "_selected_action": [str(active.pk), str(finished.pk)], "post": "yes"}
    admin.post(reverse(LIST), chosen, follow=True)
    assert BatchSession.objects.filter(pk=active.pk).exists()


def test_only_the_name_and_the_manual_beta_of_an_instrument_are_written_by_hand(admin, instruments):
    instrument = instruments["ACME"]
    url = reverse("admin:batches_instrument_change", args=[instrument.pk])
    admin.post(url, {"name": "Acme", "manual_beta": "1.5", "symbol": "EVIL", "beta": "9"})
    instrument.refresh_from_db()
    assert (instrument.name, instrument.manual_beta) == ("Acme", 1.5)
    assert (instrument.symbol, instrument.beta) == ("ACME", None)


def test_price_series_are_shown_without_their_bytes_and_never_deleted(admin, instruments):
    series = PriceSeries.objects.first()
    assert admin.get(reverse("admin:batches_priceseries_changelist")).status_code == 200
    assert admin.get(reverse("admin:batches_instrument_changelist")).status_code == 200
    assert admin.get(reverse("admin:batches_priceseries_change", args=[series.pk])).status_code == 200
    assert admin.post(reverse("admin:batches_priceseries_delete", args=[series.pk]), {"post": "yes"}).status_code == 403
    assert Instrument.objects.count() == PriceSeries.objects.count() == 4


def test_a_stranger_sees_nothing(client, finished):
    assert client.get(reverse(LIST)).status_code == 302
    client.force_login(User.objects.create_user("guest"))
    assert client.get(reverse(LIST)).status_code == 302


def test_the_list_reads_a_page_of_the_table_and_never_all_of_it(admin, one_of_each, django_assert_max_num_queries):
    for query in ("", "?status__exact=running", "?strategy=sma_cross", "?q=sma"):
        with django_assert_max_num_queries(10) as captured:
            assert admin.get(reverse(LIST) + query).status_code == 200
        reads = [each["sql"] for each in captured if "batches_batchsession" in each["sql"]]
        assert reads
        assert [sql for sql in reads if "LIMIT" not in sql or '"results"' in sql or '"request"' in sql] == []


def test_an_action_exports_one_batch_at_a_time(admin, one_of_each, finished):
    chosen = {"action": "export_batch", "_selected_action": [str(finished.pk)]}
    assert admin.post(reverse(LIST), chosen)["Location"] == f"/api/backtest/batch/{finished.pk}/results.csv"
    chosen["_selected_action"] = [str(session.pk) for session in one_of_each]
    assert "Select one batch" in admin.post(reverse(LIST), chosen, follow=True).content.decode()
