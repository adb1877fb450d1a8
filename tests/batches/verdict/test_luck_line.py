"""The luck line of events, panel and estimate, from the batch's own Sharpe ratios."""

import math
from typing import Any

import numpy as np
import pytest

from backtester.engine import METRIC_NAMES
from backtester.engine.statistics.luck import expected_maximum
from batches.running import estimating
from batches.sweep.start_request import parse_start
from batches.verdict.luck import expected_luck, years_text
from batches.web.panel_words import luck_text
from tests.support import jobs
from tests.support.page_reader import field, url

pytestmark = pytest.mark.usefixtures("queued", "published")
SHARPE = METRIC_NAMES.index("sharpe")


def expected_line(session, tries):
    sharpes = jobs.stored(session)[SHARPE]
    return np.nanstd(sharpes, ddof=1) * expected_maximum(tries)


def estimated(request):
    luck = estimating.estimate(request).luck
    assert luck
    return luck


def test_every_event_carries_the_line_of_the_tests_done(submitted, published):
    jobs.finish(submitted)
    events = [event for event in published if event["luck"]]
    assert [event["luck"]["trials"] for event in events] == sorted(event["luck"]["trials"] for event in events)
    last, session = events[-1], jobs.reread(submitted)
    assert last["type"] == "complete"
    luck = last["luck"]
    assert luck["trials"] == luck["trialsEver"] == np.isfinite(jobs.stored(session)[SHARPE]).sum()
    assert luck["sharpe"] == pytest.approx(expected_line(session, luck["trials"]), rel=1e-12)
    assert luck["bestSharpe"] == last["bestSoFar"]["sharpe"] == pytest.approx(np.nanmax(jobs.stored(session)[SHARPE]))
    assert 0 <= luck["deflatedSharpe"] <= 1


def test_the_line_is_the_same_in_any_order_of_work(start, submitted):
    other = jobs.submit(start())
    for chunk in reversed(list(other.chunks.all())):
        chunk.session = other
        jobs.run(chunk)
    lines = [jobs.finish(session).luck for session in (other, submitted)]
    for name in ("trials", "sharpe", "bestSharpe"):
        assert lines[0][name] == pytest.approx(lines[1][name], rel=1e-12)


def test_one_test_has_no_luck_of_choice(start):
    body = start(symbols=["ACME"], parameterRanges={"fast": [3], "slow": [20]})
    session = jobs.finish(jobs.submit(body))
    assert session.luck is None
    assert luck_text({"luck": session.luck}) == ""


def test_tests_that_never_traded_are_no_trials(start):
    body = start(symbols=["CORE"], parameterRanges={"fast": [3, 5, 8], "slow": [70]})
    session = jobs.finish(jobs.submit(body))
    assert session.failed == 3
    assert session.luck is None


def test_a_retry_carries_the_sums_over(halfway):
    from batches.running import lifecycle, retrying

    lifecycle.cancel(halfway.id, halfway.created_at)
    again: Any = retrying.retry(jobs.reread(halfway), now=halfway.created_at)
    assert again.sharpes[0] == jobs.reread(halfway).sharpes[0]
    done = jobs.finish(again)
    assert done.luck["trials"] == np.isfinite(jobs.stored(done)[SHARPE]).sum()
    assert done.luck["trialsEver"] == done.luck["trials"]


def test_the_panel_shows_the_line(client, halfway):
    luck = jobs.reread(halfway).luck
    words = field(client.get(url(halfway)), "luck")
    assert words == luck_text({"luck": luck})
    assert words.startswith("Sharpe ratio ")
    assert f"The best of {luck['trialsEver']} without skill would show about" in words


def test_the_estimate_says_what_luck_alone_would_show(start):
    request = parse_start(start(symbols=["ACME"]))
    luck = estimated(request)
    assert luck["trials"] == luck["trialsEver"] == 9
    assert luck["sharpe"] == pytest.approx(expected_maximum(9) / math.sqrt(luck["years"]))
    jobs.finish(jobs.submit(start(symbols=["ACME"])))
    again = estimated(request)
    assert (again["trials"], again["trialsEver"]) == (0, 9)
    wider = start(symbols=["ACME"], parameterRanges={"fast": [3, 5, 8, 9], "slow": [10, 20, 70]})
    more = estimated(parse_start(wider))
    assert (more["trials"], more["trialsEver"]) == (3, 12)
    assert more["sharpe"] > luck["sharpe"]


def test_the_sentence_before_the_start():
    luck, later = expected_luck(500, 0, 33.0), expected_luck(500, 1500, 33.0)
    assert luck
    assert later
    assert luck["sentence"] == "500 tries on 33 years: a Sharpe ratio up to 0.53 is expected from luck alone."
    assert "after 1,500 earlier ones on these prices" in later["sentence"]
    again = expected_luck(0, 1500, 33.0)
    assert again
    assert again["sentence"].startswith("No new tries on 33 years, after 1,500 earlier ones on these prices:")
    assert expected_luck(1, 0, 33.0) is None
    assert expected_luck(5, 0, 0.0) is None


@pytest.mark.parametrize(
    ("years", "text"), [(33.0, "33 years"), (1.0, "1 year"), (1.43, "1.4 years"), (0.6, "7 months"), (0.01, "1 month")]
)
def test_years_in_words(years, text):
    assert years_text(years) == text
