"""The ledger counts every finished test once, and nobody can make it smaller."""

import json

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from batches.models import BatchSession, LedgerEntry
from batches.results.columns import columns_of
from batches.running import lifecycle, retrying, watchdog
from batches.sweep.plan import plan_of
from batches.verdict import ledger
from tests.support import jobs

pytestmark = pytest.mark.usefixtures("queued", "published")
RANGES = {"fast": [3, 5, 8], "slow": [10, 20, 70]}


def trials(symbol="ACME", owner=None):
    return ledger.of_symbol(symbol, owner)["trials"]


def run(body, **options):
    return jobs.finish(jobs.submit(body, **options))


def test_a_finished_batch_is_counted_once_for_each_symbol(start):
    run(start())
    assert [trials(symbol) for symbol in ("ACME", "BOLT", "CORE")] == [9, 9, 6]  # CORE is too short for slow=70
    held = ledger.of_symbol("ACME", None)
    assert held["batches"] == 1
    assert held["lastDate"] == "2020-12-31"


def test_a_batch_of_many_symbols_is_one_earlier_batch(start):
    run(start())
    session = run(start(fees=0.002))
    tried = ledger.tried(session.tested_request, plan_of(session), session.instruments, None)
    assert tried.trials == 48
    assert ledger.sweeps_on(ledger.periods_of(session), None) == 2


def test_to_count_many_symbols_takes_no_more_statements_than_one(start):
    statements = []
    for symbols in (["ACME"], ["ACME", "BOLT", "CORE"]):
        session = run(start(symbols=symbols))
        LedgerEntry.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            ledger.count(session, columns_of(session))
        assert LedgerEntry.objects.count() == len(symbols)
        statements.append(len([query for query in queries if "ledgerentry" in query["sql"]]))
    assert statements[0] == statements[1]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="The plan is in SQLite's words.")
def test_an_estimate_reads_a_long_ledger_from_its_index_alone(start):
    session = run(start())
    with CaptureQueriesContext(connection) as queries:
        ledger.tried(session.tested_request, plan_of(session), session.instruments, None)
    sums = [query["sql"] for query in queries if "SUM(" in query["sql"]]
    assert sums
    for sql in sums:
        with connection.cursor() as cursor:
            plan = [detail for *_, detail in cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()]
        reads = [detail for detail in plan if detail.startswith(("SEARCH", "SCAN"))]
        assert reads
        assert all("USING COVERING INDEX ledger_trials (symbol=?" in detail for detail in reads), plan


def test_the_same_request_adds_nothing_however_it_is_spelled(start):
    run(start(symbols=["ACME"]))
    run(start(symbols=["acme"], sortBy="totalReturn", timeoutSeconds=77))
    run(start(symbols=["ACME"], parameterRanges={"fast": [3, 5, 8], "slow": RANGES["slow"]}))
    assert trials() == 9
    assert ledger.of_symbol("ACME", None)["batches"] == 1


@pytest.mark.parametrize(
    "change", [{"fees": 0.002}, {"direction": "both"}, {"startDate": "2020-01-01"}, {"wholeShares": True}]
)
def test_other_rules_are_other_tests(start, change):
    run(start(symbols=["ACME"]))
    run(start(symbols=["ACME"], **change))
    assert trials() == 18


def test_an_extension_counts_what_is_new(start):
    run(start(symbols=["ACME"]))
    run(start(symbols=["ACME"], parameterRanges={"fast": [3, 5, 8, 9], "slow": [10, 20, 70]}))
    assert trials() == 12
    run(start(symbols=["ACME"], parameterRanges={"fast": [3, 5, 8, 9], "slow": [10, 20, 70, 80]}))
    assert trials() == 16


def test_deleting_a_batch_takes_nothing_out(start):
    session = run(start(symbols=["ACME"]))
    before = trials()
    lifecycle.delete(session.pk)
    assert not BatchSession.objects.exists()
    assert trials() == before == 9


def test_a_cancelled_batch_counts_what_it_finished_and_its_retry_the_rest(halfway):
    lifecycle.cancel(halfway.id, timezone.now())
    counted = sum(trials(symbol) for symbol in ("ACME", "BOLT", "CORE"))
    assert counted == jobs.reread(halfway).luck["trials"] < 24
    jobs.finish(retrying.retry(jobs.reread(halfway), now=timezone.now()))
    assert sum(trials(symbol) for symbol in ("ACME", "BOLT", "CORE")) == 24


def test_a_batch_that_times_out_is_counted(halfway):
    now = timezone.now()
    BatchSession.objects.filter(pk=halfway.pk).update(deadline_at=now)
    lifecycle.expire(jobs.reread(halfway), now)
    assert jobs.reread(halfway).counted
    assert LedgerEntry.objects.exists()


def test_other_dates_that_do_not_overlap_are_not_tried_before(start):
    run(start(symbols=["ACME"], endDate="2019-12-31"))
    later = jobs.submit(start(symbols=["ACME"], startDate="2020-01-01"))
    assert later.tried_before == 0
    overlapping = jobs.submit(start(symbols=["ACME"], startDate="2019-12-01"))
    assert overlapping.tried_before == 9


def test_the_events_count_what_was_tried_before(start):
    run(start(symbols=["ACME"]))
    session = run(start(symbols=["ACME"], fees=0.002))
    assert (session.luck["trials"], session.luck["trialsEver"]) == (9, 18)
    again = run(start(symbols=["ACME"], fees=0.002))
    assert again.luck["trialsEver"] == 18
    assert again.luck["sharpe"] == pytest.approx(session.luck["sharpe"], rel=1e-12)


def test_batches_of_older_versions_are_counted_by_the_watchdog(start):
    session = run(start())
    LedgerEntry.objects.all().delete()
    BatchSession.objects.update(counted=False, sharpes=None, luck=None)
    watchdog.do_round(timezone.now())
    assert [trials(symbol) for symbol in ("ACME", "BOLT", "CORE")] == [9, 9, 6]
    assert jobs.reread(session).counted


def test_a_batch_of_an_older_version_is_counted_before_it_is_deleted(start):
    session = run(start(symbols=["ACME"]))
    LedgerEntry.objects.all().delete()
    BatchSession.objects.update(counted=False, sharpes=None, luck=None)
    lifecycle.delete(session.pk)
    assert trials() == 9


def test_a_batch_whose_strategy_is_gone_is_tried_once(start):
    session = run(start(symbols=["ACME"]))
    LedgerEntry.objects.all().delete()
    request = session.request | {"strategy": "gone"}
    BatchSession.objects.update(counted=False, sharpes=None, strategy="gone", request=request)
    from batches.sweep import plan

    plan._plans.clear()
    assert ledger.count_uncounted() == 1
    assert ledger.count_uncounted() == 0
    assert trials() == 0


def test_in_team_mode_everyone_has_a_ledger(start, settings):
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    run(start(symbols=["ACME"]), owner=ann)
    run(start(symbols=["ACME"]), owner=bob)
    settings.ACCESS_MODE = "team"
    assert (trials(owner=ann), trials(owner=bob)) == (9, 9)
    settings.ACCESS_MODE = "personal"
    assert trials() == 18


def test_the_route_and_the_page_show_it(client, start):
    empty = client.get("/api/ledger?symbol=acme").json()
    assert (empty["symbol"], empty["trials"], empty["meanSharpe"]) == ("ACME", 0, None)
    run(start(symbols=["ACME"]))
    held = client.get("/api/ledger?symbol=ACME").json()
    assert (held["success"], held["trials"], held["batches"]) == (True, 9, 1)
    assert held["sharpeDeviation"] > 0
    page = client.get("/prices/of/ACME/").content.decode()
    assert "Tried so far" in page
    assert "<strong>9</strong> tests in 1 batch" in page


@pytest.mark.parametrize("query", ["", "?symbol=", "?symbol=%20", "?symbl=ACME"])
def test_the_route_wants_a_symbol(client, db, query):
    response = client.get(f"/api/ledger{query}")
    assert response.status_code == 422
    assert json.loads(response.content)["details"][0]["field"] in ("symbol", "symbl")
