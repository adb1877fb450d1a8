"""The routes and pages of a verdict, of batches in every state."""

import json
import uuid

import pytest
from django.contrib.auth.models import User

from batches.models import Verdict
from batches.verdict import turns as verdict_turns
from batches.verdict.options import CHECKS, Options
from tests.batches.verdict.conftest import judge, store_prices, walk
from tests.support import jobs

pytestmark = pytest.mark.usefixtures("queued", "published")


@pytest.fixture
def ended(sweep):
    store_prices("WALK", walk(11))
    return sweep(["WALK"])


def address(session):
    return f"/api/backtest/batch/{session.id}/verdict"


def post(client, session, **body):
    return client.post(address(session), json.dumps(body), content_type="application/json")


def test_the_results_name_the_address_of_the_verdict(client, ended):
    event = client.get(f"/api/backtest/batch/{ended.id}").json()
    assert event["results"]["verdictUrl"] == address(ended)


def test_the_status_goes_from_waiting_to_ready(client, ended):
    first = client.get(address(ended)).json()
    assert (first["status"], first["state"], first["luck"]) == ("waiting", None, None)
    verdict_turns.work_on(verdict_turns.claim_next(ended.ended_at), 0.01)
    running = client.get(address(ended)).json()
    assert running["status"] == "running"
    assert running["progress"]
    judge(ended)
    ready = client.get(address(ended)).json()
    assert ready["status"] == "ready"
    assert ready["sentence"].endswith(".")
    assert ready["reasons"].keys() <= {"state"}
    assert "NaN" not in client.get(address(ended)).content.decode()


def test_an_active_batch_waits_and_refuses(client, sweep, submitted):
    body = client.get(address(submitted)).json()
    assert (body["status"], body["reasons"]) == ("waiting", {"verdict": "batch_active"})
    refused = post(client, submitted)
    assert (refused.status_code, refused.json()["code"]) == (409, "STILL_ACTIVE")


def test_a_batch_of_an_older_version_is_judged_on_request(client, ended):
    Verdict.objects.all().delete()
    body = client.get(address(ended)).json()
    assert (body["status"], body["reasons"]) == ("unavailable", {"verdict": "not_requested"})
    assert body["estimatedSeconds"] >= 0
    queued = post(client, ended)
    assert (queued.status_code, queued["Location"]) == (202, address(ended))
    judge(ended)
    assert post(client, ended).status_code == 200  # nothing is computed again


def test_other_options_are_refused_while_one_is_computed(client, ended):
    refused = post(client, ended, seed=7)
    assert (refused.status_code, refused.json()["code"]) == (409, "VERDICT_RUNNING")
    assert client.delete(address(ended)).json()["reasons"] == {"verdict": "cancelled"}
    assert client.delete(address(ended)).status_code == 200
    assert post(client, ended, seed=7, shuffles=19).status_code == 202
    judge(ended)
    assert client.get(address(ended)).json()["options"]["seed"] == 7


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"shuffles": -1}, "shuffles"),
        ({"shuffles": 1.5}, "shuffles"),
        ({"blocks": 5}, "blocks"),
        ({"blocks": "16"}, "blocks"),
        ({"benchmark": "index"}, "benchmark"),
        ({"anchored": "yes"}, "anchored"),
        ({"train": 100}, "train"),
        ({"train": 100, "test": 50, "step": 20}, "step"),
        ({"sead": 1}, "sead"),
        ({"replicates": 10**9}, "replicates"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_queued(client, ended, body, field):
    Verdict.objects.all().delete()
    refused = post(client, ended, **body)
    assert refused.status_code == 422
    assert refused.json()["details"][0]["field"] == field
    assert not Verdict.objects.exists()


def test_options_survive_the_database():
    options = Options(seed=3, train=100, test=50, anchored=True)
    assert Options.from_json(json.loads(json.dumps(options.as_json()))) == options
    assert Options.parse(dict.fromkeys(CHECKS)) == Options()


def test_an_unknown_batch_has_no_verdict(client, db):
    assert client.get(f"/api/backtest/batch/{uuid.uuid4()}/verdict").status_code == 404


def test_the_verdict_of_another_user_does_not_exist(client, ended, settings):
    settings.ACCESS_MODE = "team"
    client.force_login(User.objects.create_user("eve"))
    for method in (client.get, client.post, client.delete):
        assert method(address(ended)).status_code == 404


def test_the_results_page_begins_with_the_sentence(client, ended):
    page = client.get(f"/batches/{ended.id}/").content.decode()
    assert "The verdict is about to be computed." in page
    answer = judge(ended)
    page = client.get(f"/batches/{ended.id}/").content.decode()
    assert page.index(answer["sentence"].replace("'", "&#x27;")) < page.index('id="results-title"')
    assert f'data-state="{answer["state"]}"' in page


def test_the_results_that_follow_the_end_bring_the_sentence(client, ended):
    part = client.get(f"/batches/{ended.id}/", headers={"HX-Request": "true"}).content.decode()
    assert part.index('id="verdict"') < part.index('id="results-title"')
    sentence = client.get(f"/batches/{ended.id}/verdict/", headers={"HX-Request": "true"}).content.decode()
    assert sentence.lstrip().startswith('<section class="card verdict')


def test_the_page_of_the_verdict_has_each_picture_and_its_table(client, ended):
    answer = judge(ended)
    page = client.get(f"/batches/{ended.id}/verdict/").content.decode()
    assert page.count("<svg") >= 3
    assert page.count("<table") >= 4
    assert page.count('scope="row"><a href=') >= len(answer["walkForward"]["windows"])
    for heading in ("Your best against luck", "Choosing again and again", "Do good ones stay good?"):
        assert heading in page
    assert "None" not in page


def test_a_page_of_every_state_of_the_job(client, ended, db):
    assert "Stop" in client.get(f"/batches/{ended.id}/verdict/").content.decode()
    client.post(f"/batches/{ended.id}/verdict/", {"intent": "cancel"})
    stopped = client.get(f"/batches/{ended.id}/verdict/").content.decode()
    assert "was stopped" in stopped
    assert "Compute the whole verdict" in stopped
    assert client.post(f"/batches/{ended.id}/verdict/").status_code == 302
    assert Verdict.objects.get().status == "waiting"


def test_what_cannot_be_judged_has_a_page_without_numbers(client, sweep):
    store_prices("TINY", walk(1, bars=90))
    session = sweep(["TINY"])
    judge(session)
    page = client.get(f"/batches/{session.id}/verdict/").content.decode()
    assert "The history is too short." in page
    assert "None" not in page


def test_a_new_verdict_makes_stored_answers_stale(client, ended):
    results = f"/api/backtest/batch/{ended.id}/results"
    etag = client.get(results)["ETag"]
    assert client.get(results, headers={"If-None-Match": etag}).status_code == 304
    judge(ended)
    assert client.get(results, headers={"If-None-Match": etag}).status_code == 200
    assert jobs.reread(ended).sequence == ended.sequence
