"""Several workers compute one verdict: pieces in any order, lost, claimed again, and never counted twice."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from batches.models import BatchSession, Verdict, VerdictRows
from batches.verdict import jobs as verdict_jobs
from batches.verdict import steps, turns
from batches.verdict.options import Options
from batches.verdict.pieces import Piece, Pieces
from tests.batches.verdict.conftest import judge, store_prices, walk
from tests.support import jobs

pytestmark = pytest.mark.usefixtures("queued", "published")
OPTIONS = Options()


@pytest.fixture
def noise(sweep):
    store_prices("NOIS", walk(11))
    store_prices("LATE", walk(12, bars=900), first="2001-07-02")
    return sweep(["NOIS", "LATE"], sortBy="maxDrawdown")


@pytest.fixture
def small_pieces(monkeypatch):
    """Positions of a claim, and tests of a step."""
    monkeypatch.setattr(steps, "FIRST_TESTS", 3)
    monkeypatch.setattr(steps, "MOST_TESTS", 3)
    monkeypatch.setattr(turns, "_most", lambda *_: 7)


def requested(session, options=OPTIONS):
    Verdict.objects.all().delete()
    steps._judges.clear()
    verdict_jobs.request(session, options, timezone.now())


def claimed():
    return turns.claim_next(timezone.now())


def at_stage(stage):
    """Work alone until a stage is reached."""
    while Verdict.objects.get().stage != stage:
        turns.work_on(claimed(), 0.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_bits_for_any_workers_order_pieces_and_losses(noise, monkeypatch, seed):
    requested(noise)
    whole = judge(noise)
    assert whole["shuffle"]["stoppedEarly"]
    columns = bytes(Verdict.objects.get().columns)
    chance = random.Random(seed)
    monkeypatch.setattr(steps, "FIRST_TESTS", 7)
    monkeypatch.setattr(steps, "MOST_TESTS", 7)
    monkeypatch.setattr(turns, "_most", lambda *_: chance.randint(1, 25))
    requested(noise)
    held, lost, together = [], 0, 0
    while Verdict.objects.get().status != "ready":
        while len(held) < 3 and (claim := claimed()):
            held.append(claim)
        together += len(held) > 1
        claim = held.pop(chance.randrange(len(held)))
        if chance.random() < 0.15 and all(other.piece.attempts == 1 for other in (claim, *held)):
            lost += turns.free_if_gone(lambda _: True)  # all of them: those that go on find their pieces taken
            continue
        turns.work_on(claim, chance.choice([0.0, 0.01]))
        if chance.random() < 0.1:
            steps._judges.clear()  # as another process
    assert (lost > 0, together > 5) == (True, True)
    assert judge(noise) == whole
    assert bytes(Verdict.objects.get().columns) == columns


def test_a_piece_that_was_freed_and_finished_by_another_worker_counts_once(noise, small_pieces):
    requested(noise)
    at_stage("family")
    late = claimed()
    turns.free_if_gone(lambda _: True)
    while Verdict.objects.get().stage == "family":
        turns.work_on(claimed(), 0.0)
    before = bytes(Verdict.objects.get().work)
    turns.work_on(late, 0.0)
    assert bytes(Verdict.objects.get().work) == before
    assert sorted(VerdictRows.objects.values_list("first", flat=True))[0] == 0
    assert sum(len(bytes(rows.block)) for rows in VerdictRows.objects.all()) == 40 * 4 * 8


def test_a_lease_that_ran_out_is_claimed_by_another_worker(noise, small_pieces, settings):
    requested(noise)
    first = claimed()
    assert claimed() is None
    assert verdict_jobs.waiting_since(timezone.now()) is None
    later = timezone.now() + timedelta(seconds=settings.CHUNK_LEASE_S + 1)
    assert verdict_jobs.waiting_since(later) is not None
    second = turns.claim_next(later)
    assert (second.piece.start, second.piece.attempts) == (first.piece.start, 2)


def test_two_workers_hold_pieces_of_one_stage_and_the_second_takes_a_short_turn(noise, small_pieces):
    requested(noise)
    at_stage("family")
    one, two = claimed(), claimed()
    assert (one.is_shared, two.is_shared) == (False, True)
    assert one.piece.stop == two.piece.start


def test_a_users_own_strategy_has_one_worker_only(noise, small_pieces, monkeypatch):
    requested(noise)
    at_stage("family")
    monkeypatch.setattr(turns, "is_built_in", lambda _: False)
    one = claimed()
    assert claimed() is None
    assert verdict_jobs.waiting_since(timezone.now()) is None  # or workers would ask again and again
    turns.work_on(one, 0.0)
    assert claimed()


def test_a_cancelled_verdict_that_is_requested_again_takes_nothing_from_before(noise, small_pieces):
    requested(noise)
    at_stage("family")
    stale = claimed()
    verdict_jobs.cancel(noise)
    verdict_jobs.request(noise, Options(shuffles=9), timezone.now())
    at_stage("family")
    rows, state = VerdictRows.objects.count(), Verdict.objects.values("work", "pieces", "run").get()
    turns.work_on(stale, 60.0)
    assert Verdict.objects.values("work", "pieces", "run").get() == state
    assert VerdictRows.objects.count() == rows


def test_a_failure_in_one_piece_ends_the_verdict_for_all(noise, small_pieces, monkeypatch):
    requested(noise)
    at_stage("family")
    one, two = claimed(), claimed()
    turns.work_on(one, 0.0)
    monkeypatch.setattr(steps.Judge, "compute", lambda *_: 1 / 0)
    turns.work_on(two, 0.0)
    row = Verdict.objects.get()
    assert (row.status, row.reason, row.stage, row.rows.count()) == ("unavailable", "internal_error", "", 0)


def test_what_the_version_before_had_begun_begins_again(noise):
    requested(noise)
    whole = judge(noise)
    requested(noise)
    verdict = Verdict.objects.get()
    VerdictRows.objects.create(verdict=verdict, first=0, block=bytes(4 * 8 * 16))
    lease = timezone.now() + timedelta(minutes=5)  # of a worker that was replaced
    Verdict.objects.update(status="running", work=b"of another form", run=7, attempts=2, lease_until=lease)
    assert judge(noise) == whole


def test_a_batch_that_an_upgrade_meets_in_its_middle_is_judged_like_any_other(db):
    store_prices("MIDD", walk(11))
    body = {"strategy": "sma_cross", "symbols": ["MIDD"], "sortBy": "sharpe", "fees": 0.0005}
    ranges = {"parameterRanges": {"fast": [3, 5, 8, 12, 16], "slow": [20, 30, 45, 70]}}
    whole = judge(jobs.finish(jobs.submit(body | ranges)))
    session = jobs.work_some(jobs.submit(body | ranges), 2)
    assert 0 < session.current < session.total
    BatchSession.objects.filter(pk=session.pk).update(sharpes=None, luck=None, engine_version="0")
    answer = judge(jobs.finish(session))
    for name in ("state", "trials", "best", "luck", "holding", "pbo", "walkForward", "stability", "plateau"):
        assert answer[name] == whole[name]
    assert Verdict.objects.filter(session=session, answer__engineVersion="0").exists()  # that it was started under


def test_workers_of_the_version_before_keep_away_from_a_verdict_of_this_one(noise, small_pieces):
    requested(noise)
    at_stage("ranks")
    assert Verdict.objects.get().lease_until > timezone.now()  # they claim what has none, or one that ran out


NOW = timezone.now()
LATER = NOW + timedelta(seconds=60)


def test_pieces_are_claimed_in_order_and_the_rest_joins_its_neighbor():
    pieces = Pieces.whole(100)
    one = pieces.claim(30, "a", NOW, LATER)
    two = pieces.claim(30, "b", NOW, LATER)
    assert ((one.start, one.stop), (two.start, two.stop), pieces.left) == ((0, 30), (30, 60), 100)
    pieces.finish(two.token, 40)
    assert pieces.all == [one, Piece(40, 100)]
    pieces.finish(one.token, 30)
    assert (pieces.all, pieces.left) == ([Piece(40, 100)], 60)
    pieces.finish(one.token, 30)
    assert pieces.left == 60


def test_what_killed_a_worker_is_claimed_alone():
    pieces = Pieces.whole(100)
    deadly = pieces.claim(30, "a", NOW, LATER)
    assert pieces.free(lambda piece: piece.claimed_by == "a")
    again = pieces.claim(60, "b", NOW, LATER)
    assert (again.start, again.stop, again.attempts) == (deadly.start, deadly.stop, 2)
    assert pieces.claim(100, "b", NOW, LATER).start == 30
    assert pieces.claim(1, "b", NOW, LATER) is None
    assert Pieces.load(pieces.as_json()) == pieces
