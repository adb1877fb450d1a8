"""A share that costs more than a purchase has is named as the reason why nothing was traded."""

import numpy as np
import pytest

from tests.support import jobs
from tests.support.page_reader import text_of, url
from tests.support.sweep_switches import store_odd_instruments

pytestmark = pytest.mark.usefixtures("queued", "published")


@pytest.fixture
def run(start):
    store_odd_instruments()

    def finished(**changes):
        return jobs.finish(jobs.submit(start(symbols=["DEAR", "ACME"], wholeShares=True, **changes)))

    return finished


def warnings(session):
    return [text for text in session.results["validation"]["warnings"] if "whole shares" in text]


def test_a_price_above_the_capital_is_named_as_the_reason(client, run):
    session = run(initialCapital=1000)
    (warning,) = warnings(session)
    assert "nothing of DEAR is bought: one share costs at least 59,5" in warning
    assert "a purchase has 1,000.00, the initial capital." in warning
    assert warning in text_of(client.get(url(session)))
    assert warning in text_of(client.get(url(session, "combination", 0)))
    dear = jobs.frame(session).query("symbol == 'DEAR'")
    assert np.all(dear["trades"] == 0)


def test_a_lot_has_a_part_of_the_capital(run):
    lots = {"strategy": "grid_dca", "parameterRanges": {"maxLots": [10, 20]}, "initialCapital": 500_000}
    (warning,) = warnings(run(**lots))
    assert "a purchase has 50,000.00, the initial capital divided by 10." in warning


@pytest.mark.parametrize("changes", [{"initialCapital": 100_000}, {"initialCapital": 1000, "wholeShares": False}])
def test_what_can_be_bought_is_not_named(run, start, changes):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"]) | changes))
    assert warnings(session) == []


def test_a_warning_is_also_there_when_nothing_can_be_ranked(run):
    assert len(warnings(run(initialCapital=1000, sortBy="winRate", parameterRanges={"fast": [3], "slow": [390]}))) == 1
