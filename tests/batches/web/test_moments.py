"""Moments on pages read `2022-12-30 20:59 UTC`: `2022-12-30T20:59:00Z` is for addresses, fields and code."""

import re

import pytest
from django.core.management import call_command

from batches.prices.synthetic import SYMBOL
from batches.verdict import turns
from tests.support import jobs
from tests.support.page_reader import HTMX, text_of, url

pytestmark = pytest.mark.usefixtures("queued", "published")
CODE = re.compile(r"<(pre|textarea|code)\b.*?</\1>", re.DOTALL)
RAW = re.compile(r".{0,30}\d{4}-\d\d-\d\dT\d\d:\d\d")
LABEL = re.compile(r'(?:aria-label|title)="([^"]*)"')


@pytest.fixture
def of_minutes(db):
    call_command("load_sample")
    ranges = {"fast": [5, 10], "slow": [20, 40, 60]}
    session = jobs.submit({
        "strategy": "sma_cross", "symbols": [SYMBOL], "timeframes": ["30m", "1h"], "parameterRanges": ranges,
        "startDate": "2022-06-01T14:30:00Z", "fees": 0.0005, "enableBetaScaling": False,
    })  # fmt: skip
    jobs.finish(session)
    while turns.take_turn(only=session.pk):
        pass
    return jobs.reread(session)


def test_no_page_of_minutes_shows_a_moment_as_in_code(client, of_minutes):
    batch = url(of_minutes)
    parts = [
        "",
        "heatmap/",
        "spread/",
        "parallel/",
        "results/0/",
        "results/9/",
        "results/0/?from=2022-12-01",
        "verdict/",
    ]
    pages = [*(batch + part for part in parts), "/batches/", "/prices/", f"/prices/of/{SYMBOL}/", f"/?symbols={SYMBOL}"]
    raw, with_moments = {}, 0
    for page in pages:
        response = client.get(page, headers=HTMX if page.endswith(("spread/", "parallel/")) else {})
        assert response.status_code == 200, page
        response.content = CODE.sub(" ", response.content.decode())
        texts = [text_of(response), *LABEL.findall(response.content.decode())]
        with_moments += any(re.search(r"\d\d:\d\d UTC", text) for text in texts)
        if found := [excerpt for text in texts for excerpt in RAW.findall(text)]:
            raw[page] = found[:5]
    assert with_moments > 3
    assert not raw
