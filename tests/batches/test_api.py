"""Every route of the contract as a client sees it: status codes, one error shape, headers, and what comes back."""

import gzip
import io
import json
import uuid

import pyarrow.parquet as pq
import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from django.urls import resolve
from django.utils import timezone

from batches import hub, lifecycle, live, submission
from batches.models import BatchSession, ResultChunk

from . import working
from .test_progress import CONTRACT

pytestmark = pytest.mark.django_db(transaction=True)
BATCH = "/api/backtest/batch"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
ON_ONE_BATCH = [
    ("get", ""), ("delete", ""), ("post", "/cancel"), ("post", "/pause"), ("post", "/resume"), ("post", "/retry"),
    ("get", "/results"), ("get", "/results.csv"), ("get", "/results.json"), ("get", "/results.parquet"),
    ("get", "/heatmap"), ("get", "/results/0"),
]  # fmt: skip


@pytest.fixture
def client():
    """As browsers and programs do, and Django's own test client does not, it says which host it means."""
    return Client(headers={"Host": "testserver"})


@pytest.fixture
def post(client):
    """post(path, body, **headers): a JSON request."""

    def send(path, body=None, **headers):
        return client.post(path, json.dumps(body), content_type="application/json", headers=headers)

    return send


def url(session, rest=""):
    return f"{BATCH}/{session.pk}{rest}"


def error_of(response, status, code=None):
    """The body of a refusal, after checking that it has the one shape."""
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/json")
    body = response.json()
    assert set(body) == {"success", "error", "code", "details"}
    assert body["success"] is False
    assert body["error"]
    assert all(set(detail) == {"field", "message"} for detail in body["details"])
    if code:
        assert body["code"] == code
    return body


def nothing_is_stored():
    return not BatchSession.objects.exists() and not ResultChunk.objects.exists()


# ---- starting --------------------------------------------------------------------------------------------------------


def test_a_start_answers_202_with_the_addresses_to_watch(post, start):
    response = post(BATCH, start())
    body = response.json()
    session = BatchSession.objects.get()
    assert response.status_code == 202
    assert body == {
        "success": True,
        "sessionId": str(session.pk),
        "message": f"Batch processing started. Connect to {BATCH}/stream?sessionId={session.pk}",
        "total": 27,
        "streamUrl": f"{BATCH}/stream?sessionId={session.pk}",
        "websocketUrl": f"/ws/backtest/batch/{session.pk}/",
        "pageUrl": f"/batches/{session.pk}/",
    }
    assert response["Location"] == f"{BATCH}/{session.pk}"
    assert response["Retry-After"] == "1"
    assert resolve(body["pageUrl"]).view_name == "batches:detail"
    assert resolve(body["streamUrl"].partition("?")[0]).view_name == "stream"


def test_the_same_start_twice_is_one_batch_and_another_under_its_id_is_a_conflict(post, start):
    chosen = str(uuid.uuid4())
    first, second = post(BATCH, start(sessionId=chosen)), post(BATCH, start(sessionId=chosen))
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert first.json()["sessionId"] == chosen
    error_of(post(BATCH, start(sessionId=chosen, fees=0.1)), 409, "SESSION_ID_TAKEN")
    assert BatchSession.objects.count() == 1


def test_a_wrong_field_is_named_and_nothing_is_stored(post, start):
    body = error_of(post(BATCH, start(fees=2, symbols=["ACMF"])), 422, "INVALID_REQUEST")
    assert [detail["field"] for detail in body["details"]] == ["fees"]
    body = error_of(post(BATCH, start(symbols=["ACMF"])), 422, "INVALID_REQUEST")
    assert body["error"] == "There are no prices for 'ACMF'. Did you mean ACME?"
    assert nothing_is_stored()


def test_limits_are_refused_with_their_own_codes(post, start, settings):
    settings.BATCH_MAX_COMBINATIONS = 26
    error_of(post(BATCH, start()), 422, "TOO_MANY_COMBINATIONS")
    settings.BATCH_MAX_COMBINATIONS, settings.BATCH_MAX_RUNNING = 27, 0
    error_of(post(BATCH, start()), 429, "LIMIT_REACHED")
    assert nothing_is_stored()


DEEP = b"[" * 100_000 + b"]" * 100_000
BODIES = {
    "space": b" ", "truncated": b'{"strategy": ', "not JSON": b"strategy=sma_cross", "NaN": b'{"fees": NaN}',
    "Infinity": b'{"fees": Infinity}', "1e400": b'{"fees": 1e400}', "-1e400": b'{"fees": -1e400}',
    "5,000 digits": b'{"fees": ' + b"9" * 5_000 + b"}", "doubled key": b'{"fees": 1, "fees": 1}',
    "doubled key, nested": b'{"parameterRanges": {"fast": [1], "fast": [2]}}', "depth": DEEP,
    "depth of objects": b'{"a":' * 100_000, "comment": b"{} // no", "trailing comma": b'{"fees": 0,}',
    "invalid UTF-8": b'{"strategy": "\xff"}', "BOM of UTF-16": "{}".encode("utf-16")[:5], "NUL": b"{}\x00",
    "half a surrogate pair": b'{"\\ud800": 1}', "half a pair in a value": b'{"strategy": "\\udfff"}',
    "gzip": gzip.compress(b"{}"), "single quotes": b"{'fees': 0}",
}  # fmt: skip


@pytest.mark.parametrize("path", [BATCH, f"{BATCH}/estimate"], ids=["start", "estimate"])
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_trusted_is_refused(client, instruments, path, name):
    response = client.post(path, BODIES[name], content_type="application/json")
    body = error_of(response, 400, "MALFORMED_JSON")
    assert len(body["error"]) < 500
    assert nothing_is_stored()


@pytest.mark.parametrize("value", [b"[]", b'"x"', b"null", b"5", b"true"])
def test_json_that_is_no_object_is_refused(client, db, value):
    error_of(client.post(BATCH, value, content_type="application/json"), 422, "INVALID_REQUEST")


def test_a_flood_of_keys_with_one_doubled_at_the_end_is_refused_quickly(client, db):
    keys = b",".join(b'"k%d":0' % number for number in range(100_000))
    response = client.post(BATCH, b"{" + keys + b',"k99999":0}', content_type="application/json")
    assert "'k99999' is given twice" in error_of(response, 400, "MALFORMED_JSON")["error"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_what_is_not_sent_as_json_is_refused(client, start, kind):
    response = client.post(BATCH, json.dumps(start()), content_type=kind)
    error_of(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert nothing_is_stored()


def test_a_charset_beside_the_content_type_is_no_hindrance(client, start):
    response = client.post(BATCH, json.dumps(start()), content_type="application/json; charset=utf-8")
    assert response.status_code == 202


def test_a_body_as_large_as_the_limit_is_read_and_one_byte_more_is_refused(client, start, settings):
    body = json.dumps(start()).encode()
    settings.BATCH_MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(body)
    refused = client.post(BATCH, body + b" ", content_type="application/json")
    assert "BATCH_MAX_BODY_BYTES" in error_of(refused, 413, "BODY_TOO_LARGE")["error"]
    assert nothing_is_stored()
    assert client.post(BATCH, body, content_type="application/json").status_code == 202


def test_an_estimate_counts_and_stores_nothing(post, start):
    body = post(f"{BATCH}/estimate", start(parameterRanges={"fast": [5, 20], "slow": [10, 30]})).json()
    assert (body["success"], body["total"], body["excluded"]) == (True, 9, 3)
    assert body["estimatedSeconds"] > 0
    assert body["estimatedBytes"] > 0
    assert nothing_is_stored()


# ---- the classic answer ----------------------------------------------------------------------------------------------


@pytest.fixture
def quick_polls(monkeypatch):
    monkeypatch.setattr(hub, "POLL_S", 0.02)


async def classic(body):
    return await AsyncClient().post(f"{BATCH}?async=false", json.dumps(body), content_type="application/json")


async def test_the_classic_answer_waits_for_the_results(start, worker, quick_polls):
    response = await classic(start())
    body = response.json()
    session = await BatchSession.objects.aget()
    assert response.status_code == 200
    assert set(body) == {"success", "sessionId", "executionTimeMs", "data"}
    assert (body["success"], body["sessionId"]) == (True, str(session.pk))
    assert body["executionTimeMs"] > 0
    assert body["data"] == session.results
    assert body["data"]["successfulRuns"] == 24


@pytest.mark.parametrize(("ending", "status", "code"), [("cancel", 409, "CANCELLED"), ("fail", 500, "INTERNAL_ERROR")])
async def test_the_classic_answer_of_a_batch_that_was_ended_is_an_error(start, quick_polls, ending, status, code):
    chosen = uuid.uuid4()
    session = await sync_to_async(working.submit)(start(sessionId=str(chosen)))
    words = {"words": "The disk is full."} if ending == "fail" else {}
    await sync_to_async(getattr(lifecycle, ending))(session.pk, timezone.now(), **words)
    error_of(await classic(start(sessionId=str(chosen))), status, code)


async def test_the_classic_answer_of_a_batch_past_its_deadline_is_a_timeout(start, quick_polls):
    chosen = str(uuid.uuid4())
    session = await sync_to_async(working.submit)(start(sessionId=chosen))
    await sync_to_async(lifecycle.expire)(session, session.deadline_at)
    body = error_of(await classic(start(sessionId=chosen)), 504, "TIMEOUT")
    assert body["error"] == "Operation timed out after 15 minutes."


def test_async_is_true_or_false(post, start):
    error_of(post(f"{BATCH}?async=maybe", start()), 422, "INVALID_REQUEST")
    assert nothing_is_stored()
    assert post(f"{BATCH}?async=TRUE", start()).status_code == 202


# ---- one batch -------------------------------------------------------------------------------------------------------


def test_a_polling_client_reads_the_newest_event(client, halfway):
    event = client.get(url(halfway)).json()
    assert set(event) == CONTRACT
    assert (event["type"], event["status"], event["current"]) == ("progress", "running", halfway.current)
    assert event["sequence"] == halfway.sequence


def test_a_polling_client_reads_the_terminal_event_as_often_as_it_asks(client, finished):
    for _ in range(2):
        event = client.get(url(finished)).json()
        assert event["type"] == "complete"
        assert (event["percentage"], event["estimatedTimeRemaining"]) == (100, 0)
        assert event["results"] == finished.results


def test_cancel_pause_and_resume_can_be_said_twice(post, halfway):
    def said(word):
        body = post(url(halfway, f"/{word}")).json()
        assert body["success"]
        return body["status"], body["changed"]

    assert [said("pause"), said("pause")] == [("paused", True), ("paused", False)]
    assert [said("resume"), said("resume")] == [("running", True), ("running", False)]
    assert [said("cancel"), said("cancel")] == [("cancelled", True), ("cancelled", False)]
    assert [said("pause"), said("resume")] == [("cancelled", False), ("cancelled", False)]


def test_a_retry_answers_like_a_start(post, halfway):
    error_of(post(url(halfway, "/retry")), 409, "STILL_ACTIVE")
    lifecycle.cancel(halfway.pk, timezone.now())
    response = post(url(halfway, "/retry"))
    session = BatchSession.objects.get(retry_of=halfway)
    assert response.status_code == 202
    assert response.json()["sessionId"] == str(session.pk)
    assert response["Location"] == url(session)


def test_an_ended_batch_is_deleted_and_an_active_one_is_not(client, finished, start):
    active = working.submit(start())
    error_of(client.delete(url(active)), 409, "STILL_ACTIVE")
    assert client.delete(url(finished)).json() == {"success": True, "sessionId": str(finished.pk)}
    error_of(client.delete(url(finished)), 404, "NOT_FOUND")
    assert [session.pk for session in BatchSession.objects.all()] == [active.pk]


@pytest.mark.parametrize(("method", "rest"), ON_ONE_BATCH)
def test_an_unknown_batch_and_a_malformed_id_look_the_same(client, db, method, rest):
    bodies = [
        error_of(getattr(client, method)(f"{BATCH}/{name}{rest}"), 404, "NOT_FOUND")
        for name in (UNKNOWN, "nonsense", "1", "%00", "..", "' OR 1=1", "x" * 5_000, UNKNOWN + "0")
    ]
    assert all(body == bodies[0] for body in bodies)


# ---- results ---------------------------------------------------------------------------------------------------------


def test_a_page_of_results(client, finished):
    body = client.get(url(finished, "/results?sort=-calmar&symbol=acme&pageSize=4&page=2&min.trades=0")).json()
    assert (body["sort"], body["defaultSort"], body["status"]) == ("-calmar", "-sharpe", "complete")
    assert (body["total"], body["page"], body["pageSize"], body["pages"]) == (9, 2, 4, 3)
    assert len(body["results"]) == 4
    assert {row["symbol"] for row in body["results"]} == {"ACME"}
    error_of(client.get(url(finished, "/results?sort=nope")), 422, "INVALID_REQUEST")


async def test_downloads_are_streamed_under_their_names(finished):
    response = await AsyncClient().get(url(finished, "/results.csv"))
    text = "".join([part.decode() async for part in response])
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="batch-{finished.pk}.csv"' in response["Content-Disposition"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert text.count("\n") == 28

    response = await AsyncClient().get(url(finished, "/results.parquet"))
    table = pq.read_table(io.BytesIO(b"".join([part async for part in response])))
    assert table.num_rows == 27

    response = await AsyncClient().get(url(finished, "/results.json?sort=-sharpe&symbol=bolt"))
    rows = json.loads(b"".join([part async for part in response]))["results"]
    assert [row["symbol"] for row in rows] == ["BOLT"] * 9
    assert rows[0]["sharpe"] == max(row["sharpe"] for row in rows)


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_a_download_with_a_wrong_filter_is_refused_before_it_starts(client, finished, ending):
    body = error_of(client.get(url(finished, f"/results.{ending}?min.sharp=1")), 422, "INVALID_REQUEST")
    assert "Did you mean sharpe?" in body["error"]


def test_a_heatmap(client, finished):
    body = client.get(url(finished, "/heatmap?x=slow&y=fast&metric=calmar&aggregate=mean&symbol=bolt")).json()
    assert (body["x"]["name"], body["y"]["name"], body["metric"]) == ("slow", "fast", "calmar")
    assert (body["symbol"], body["aggregate"], body["tests"]) == ("BOLT", "mean", 9)
    assert len(body["values"]) == 3
    error_of(client.get(url(finished, "/heatmap?x=nope")), 422, "INVALID_REQUEST")


def test_one_combination_in_full_agrees_with_its_row(client, finished):
    row = client.get(url(finished, "/results?symbol=ACME&pageSize=1")).json()["results"][0]
    body = client.get(url(finished, f"/results/{row['index']}")).json()
    assert body["metrics"] == {name: row[name] for name in working.METRIC_COLUMNS}
    assert (body["symbol"], body["parameters"]) == (row["symbol"], row["parameters"])
    lengths = {len(body[name]) for name in ("dates", "equity", "drawdown", "exposure")}
    assert lengths == {400} == {len(body["buyAndHold"]["equity"])}
    assert body["equity"][-1] == row["finalEquity"]
    assert min(body["drawdown"]) == row["maxDrawdown"]
    assert len([trade for trade in body["trades"] if trade["exitDate"]]) == row["trades"]
    assert set(body["trades"][0]) == {
        "entryDate", "exitDate", "side", "entryPrice", "exitPrice", "shares", "pnl", "return", "bars"
    }  # fmt: skip


@pytest.mark.parametrize("index", ["27", "-1", "x", "1.0", "9" * 50, "１", "0x1"])
def test_a_combination_that_there_is_not_is_not_found(client, finished, index):
    error_of(client.get(url(finished, f"/results/{index}")), 404, "NOT_FOUND")


def test_a_combination_that_cannot_be_tested_says_why(client, finished):
    failed = next(iter(working.computed(finished)[1]))
    body = error_of(client.get(url(finished, f"/results/{failed}")), 422, "TEST_FAILED")
    assert "CORE has 60" in body["error"]


# ---- what can be swept, over what; and the rest ----------------------------------------------------------------------


def test_strategies_and_metrics_are_listed(client, db):
    body = client.get("/api/strategies").json()
    names = {strategy["name"] for strategy in body["strategies"]}
    assert {"sma_cross", "grid_dca"} <= names
    assert {metric["name"] for metric in body["metrics"]} == set(working.METRIC_COLUMNS)
    fast = next(s for s in body["strategies"] if s["name"] == "sma_cross")["parameters"][0]
    assert (fast["name"], fast["kind"]) == ("fast", "int")


def test_instruments_are_listed_with_their_dates(client, instruments):
    found = client.get("/api/instruments").json()["instruments"]
    assert [entry["symbol"] for entry in found] == ["ACME", "BOLT", "CORE", "SP500"]
    assert (found[2]["bars"], found[2]["kind"], found[2]["lastDate"]) == (60, "close", "2020-12-31")


def test_the_schema_and_its_page_are_there(client, db):
    schema = client.get("/api/openapi.json").json()
    assert schema["openapi"].startswith("3.")
    for path in (BATCH, f"{BATCH}/{{session_id}}", f"{BATCH}/{{session_id}}/results", "/api/strategies"):
        assert path in schema["paths"]
    assert client.get("/api/docs").status_code == 200


def test_health_is_told_and_redis_missing_is_not_fatal(client, db):
    response = client.get("/healthz")
    assert (response.status_code, response.json()["database"], response.json()["redis"]) == (200, True, False)


@pytest.mark.parametrize("path", ["/api/", "/api/nothing", f"{BATCH}/{UNKNOWN}/nothing", "/api/strategies/x", "/api//"])
def test_a_path_that_there_is_not_is_answered_in_the_one_shape(client, db, path):
    error_of(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [("put", BATCH), ("get", BATCH), ("delete", "/api/strategies"), ("post", "/api/strategies"),
     ("get", f"{BATCH}/{UNKNOWN}/cancel"), ("post", f"{BATCH}/{UNKNOWN}/results"), ("patch", f"{BATCH}/{UNKNOWN}")],
)  # fmt: skip
def test_a_method_that_there_is_not_is_answered_in_the_one_shape(client, db, method, path):
    response = getattr(client, method)(path)
    error_of(response, 405, "METHOD_NOT_ALLOWED")
    assert method.upper() not in response["Allow"]


def test_a_foreign_host_is_refused_in_the_one_shape(client, db):
    error_of(client.get("/api/strategies", headers={"Host": "evil.example"}), 400)


def test_a_fault_of_ours_is_told_without_its_inside(instruments, start, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("the secret inside")

    monkeypatch.setattr(submission, "estimate", broken)
    client = Client(raise_request_exception=False)
    response = client.post(f"{BATCH}/estimate", json.dumps(start()), content_type="application/json")
    error_of(response, 500)
    assert b"secret" not in response.content


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://testserver.evil.example", "https://", "", "x"]
)
@pytest.mark.parametrize(("method", "rest"), [(method, rest) for method, rest in ON_ONE_BATCH if method != "get"])
def test_pages_of_other_sites_cannot_write(client, finished, method, rest, origin):
    error_of(getattr(client, method)(url(finished, rest), headers={"Origin": origin}), 403, "FOREIGN_ORIGIN")
    error_of(getattr(Client(), method)(url(finished, rest), headers={"Origin": origin}), 403, "FOREIGN_ORIGIN")
    assert BatchSession.objects.count() == 1


def test_pages_of_other_sites_cannot_start_a_batch(post, start):
    error_of(post(BATCH, start(), Origin="http://evil.example"), 403, "FOREIGN_ORIGIN")
    assert nothing_is_stored()


def test_our_own_pages_and_listed_ones_can_write(post, start, settings):
    settings.CORS_ALLOWED_ORIGINS = ["http://friend.example"]
    for origin in ("http://testserver", "http://friend.example"):
        assert post(BATCH, start(), Origin=origin).status_code == 202


def test_answers_carry_the_policies(client, db):
    response = client.get("/api/strategies")
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"


# ---- polling without news --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["", "/results?pageSize=2", "/heatmap", "/results/0"])
def test_who_has_the_newest_state_is_told_so_and_nothing_is_computed(client, halfway, rest, monkeypatch):
    first = client.get(url(halfway, rest))
    assert (first.status_code, first["Cache-Control"]) == (200, "private, no-cache")
    assert not first["ETag"].startswith("W/")
    for name in ("results.page", "results.heatmap", "results.combination", "control.newest_event"):
        monkeypatch.setattr(f"batches.api.{name}", None)
    again = client.get(url(halfway, rest), headers={"If-None-Match": f'"other", {first["ETag"]}'})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])


@pytest.mark.parametrize("rest", ["", "/results", "/heatmap", "/results/0"])
def test_a_batch_that_moved_on_has_a_new_tag(client, halfway, rest):
    known = client.get(url(halfway, rest))["ETag"]
    working.work_some(halfway, 1)
    response = client.get(url(halfway, rest), headers={"If-None-Match": known})
    assert (response.status_code, response["ETag"] == known) == (200, False)


def test_each_page_and_each_batch_has_a_tag_of_its_own(client, halfway, finished):
    addresses = [url(halfway, "/results"), url(halfway, "/results?page=2"), url(finished, "/results"), url(halfway)]
    assert len({client.get(address)["ETag"] for address in addresses}) == 4


def test_an_unknown_batch_has_no_tag(client, db):
    response = client.get(f"{BATCH}/{UNKNOWN}", headers={"If-None-Match": "*"})
    error_of(response, 404)
    assert "ETag" not in response


# ---- Prefer ----------------------------------------------------------------------------------------------------------


async def preferring(body, prefer, query=""):
    headers = {"Prefer": prefer}
    return await AsyncClient().post(
        f"{BATCH}{query}", json.dumps(body), content_type="application/json", headers=headers
    )


@pytest.mark.parametrize("prefer", ["wait=60", "respond-async, wait=60", 'handling=lenient; x="y" , WAIT = "60"'])
async def test_who_prefers_to_wait_gets_the_results_when_they_are_done_in_time(start, worker, quick_polls, prefer):
    response = await preferring(start(), prefer)
    assert response.status_code == 200
    assert response.json()["data"]["successfulRuns"] == 24
    assert "wait=60" in response["Preference-Applied"]


async def test_who_waited_long_enough_is_answered_as_at_once(start, quick_polls):
    response = await preferring(start(), "wait=1")  # nobody works
    assert (response.status_code, response["Preference-Applied"]) == (202, "wait=1")
    assert response["Location"]
    assert not live.hub().watchers


async def test_who_prefers_not_to_wait_is_answered_at_once(start):
    response = await preferring(start(), "respond-async")
    assert (response.status_code, response["Preference-Applied"]) == (202, "respond-async")


async def test_what_is_said_in_the_address_goes_before_what_is_preferred(start, worker, quick_polls):
    response = await preferring(start(), "respond-async", "?async=false")
    assert response.status_code == 200
    assert "Preference-Applied" not in response
    assert (await preferring(start(), "wait=60", "?async=true")).status_code == 202


@pytest.mark.parametrize(
    "prefer", ["", "wait", "wait=", "wait=-1", "wait=soon", "wait=1e9", "x" * 5_000, "wait=9999999999"]
)
async def test_a_preference_that_is_not_understood_is_ignored(start, prefer):
    response = await preferring(start(), prefer)
    assert response.status_code == 202
    assert "Preference-Applied" not in response


# ---- names that are nearly right -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "field", "meant"),
    [("/results?sort=-sharp", "sort", "sharpe"), ("/results?page_size=5", "page_size", "pageSize"),
     ("/results?min.shrape=1", "min.shrape", "sharpe"), ("/results?symbol=ACMEE", "symbol", "ACME"),
     ("/heatmap?x=fastt", "x", "fast"), ("/heatmap?metrc=sharpe", "metrc", "metric"),
     ("/heatmap?metric=calmr", "metric", "calmar"), ("/heatmap?aggregate=means", "aggregate", "mean"),
     ("/heatmap?symbol=BOLTS", "symbol", "BOLT")],
)  # fmt: skip
def test_a_misspelled_part_of_an_address_is_named_with_what_was_meant(client, finished, rest, field, meant):
    body = error_of(client.get(url(finished, rest)), 422, "INVALID_REQUEST")
    assert [detail["field"] for detail in body["details"]] == [field]
    assert f"Did you mean {meant}?" in body["error"]


@pytest.mark.parametrize(
    ("changes", "field", "meant"),
    [({"strategy": "sma_corss"}, "strategy", "sma_cross"), ({"sortBy": "sharp"}, "sortBy", "sharpe"),
     ({"direction": "lnog"}, "direction", "long"), ({"symbol": ["ACME"]}, "symbol", "symbols"),
     ({"parameterRanges": {"fasst": [1]}}, "parameterRanges.fasst", "fast"),
     ({"symbols": ["ACMY"]}, "symbols", "ACME")],
)  # fmt: skip
def test_a_misspelled_word_in_a_request_is_named_with_what_was_meant(post, start, changes, field, meant):
    body = error_of(post(BATCH, start(**changes)), 422, "INVALID_REQUEST")
    assert field in {detail["field"] for detail in body["details"]}
    assert f"Did you mean {meant}?" in body["error"].replace('"', "")
    assert nothing_is_stored()


def test_a_misspelled_parameter_of_a_start_is_refused_before_anything_is_stored(post, start):
    assert "Did you mean async?" in error_of(post(f"{BATCH}?asycn=false", start()), 422)["error"]
    error_of(post(f"{BATCH}?async=true&async=false", start()), 422)
    assert nothing_is_stored()


# ---- one shape, also beside the API ----------------------------------------------------------------------------------


def test_who_asks_for_json_is_refused_in_json_everywhere(client, db):
    body = error_of(client.get("/nothing/", headers={"Accept": "application/json"}), 404, "NOT_FOUND")
    assert body["error"] == "Not Found: GET /nothing/."
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*", "text/html, application/json"):
        assert client.get("/nothing/", headers={"Accept": accept})["Content-Type"].startswith("text/html")


def test_a_wrong_method_is_told_which_are_right(client, db):
    response = client.put("/api/strategies")
    assert "Allowed: GET." in error_of(response, 405, "METHOD_NOT_ALLOWED")["error"]


def test_depth_and_digits_have_limits_that_are_named(client, instruments, settings):
    settings.BATCH_MAX_DEPTH, settings.BATCH_MAX_DIGITS = 2, 5

    def post(text):
        return client.post(BATCH, text, content_type="application/json")

    for text, name in (
        ('{"a": [[1]]}', "BATCH_MAX_DEPTH"),
        ("[[{}]]", "BATCH_MAX_DEPTH"),
        ('{"fees": 123456}', "BATCH_MAX_DIGITS"),
        ('{"fees": 0.12345}', "BATCH_MAX_DIGITS"),
    ):
        assert name in error_of(post(text), 400, "MALFORMED_JSON")["error"]
    for text in ('{"a": [1, {}]}'.replace("{}", "2"), '{"fees": 12345}', '"x"'):
        error_of(post(text), 422)
