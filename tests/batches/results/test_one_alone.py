"""A row of a sweep, tested alone with the same parameters, gives the same numbers to the last digit."""

import pytest

from batches.results.query import ResultsQuery, page
from batches.results.replay import combination
from tests.support import jobs
from tests.support.jobs import METRIC_COLUMNS

pytestmark = pytest.mark.usefixtures("queued", "published")
SWEEPS = [
    {"strategy": "sma_cross", "parameterRanges": {"fast": [3, 5, 8], "slow": [10, 20, 30], "stopLoss": [0.05, 0.1]}},
    {"strategy": "grid_dca", "parameterRanges": {"gridInterval": [0.02, 0.05], "maxLots": [5, 10]}},
    {"strategy": "volatility_target", "parameterRanges": {"window": [10, 20], "target": [0.1, 0.2]}},
]


def rows_of(session):
    return page(session, ResultsQuery.parse(session, {"pageSize": "100"})).rows


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep["strategy"])
def test_a_row_of_a_sweep_run_alone_is_the_same(start, sweep):
    session = jobs.finish(jobs.submit(start(symbols=["ACME", "BOLT"], **sweep)))
    rows = rows_of(session)
    for row in [rows[0], *rows[1::4]]:
        ranges = {name: [value] for name, value in row["parameters"].items()}
        alone = jobs.finish(jobs.submit(start(**sweep | {"symbols": [row["symbol"]], "parameterRanges": ranges})))
        (again,) = rows_of(alone)
        replayed = combination(session, row["index"])["metrics"]
        assert (
            {name: row[name] for name in METRIC_COLUMNS} == {name: again[name] for name in METRIC_COLUMNS} == replayed
        )
