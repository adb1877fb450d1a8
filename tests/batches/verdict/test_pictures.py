"""The pictures on the page of a verdict, each with its table, and the charts that they are drawn from."""

import re

import numpy as np
import pytest

from batches.web.charts.marked_histogram import marked_histogram
from batches.web.charts.plateau_map import shades
from batches.web.charts.ranks import rank_chart
from batches.web.charts.share_band import share_band
from batches.web.charts.stitched import stitched_chart
from tests.batches.verdict.conftest import judge, store_prices, walk
from tests.support.page_reader import text_of

pytestmark = pytest.mark.usefixtures("queued", "published")


def test_every_picture_is_on_the_page_without_scripts_and_has_its_table(client, sweep):
    store_prices("WALK", walk(11))
    session = sweep(["WALK"])
    verdict = judge(session)
    page = client.get(f"/batches/{session.id}/verdict/")
    body = page.content.decode()
    assert re.findall(r'<svg class="([\w -]+)" viewBox', body) == [
        "spread marked", "chart", "share-band", "spread marked", "ranks", "map-cells",
    ]  # fmt: skip
    assert body.count('role="img"') == 6
    assert body.count("<table") == 6
    assert body.count('<rect class="window ') == len(verdict["walkForward"]["windows"])
    assert body.count('class="number shade') == 16
    assert "Best fifth" in text_of(page)
    [table] = re.findall(r'href="([^"]+)">The same as a table', body)
    assert client.get(table.replace("&amp;", "&")).status_code == 200


def test_a_part_that_is_missing_has_no_picture(client, sweep):
    store_prices("TINY", walk(11, bars=100))
    session = sweep(["TINY"])
    judge(session)
    body = client.get(f"/batches/{session.id}/verdict/").content.decode()
    assert 'class="share-band"' not in body
    assert "The history is too short." in body


def test_ranks_are_right_and_up_for_good_ones():
    stability = {"points": [[1, 3], [2, 2], [3, 1]], "earlyWinner": {"lateRank": 3, "of": 3}}
    chart = rank_chart(stability)
    assert chart.points == "M4.0 4.0h0M150.0 150.0h0M296.0 296.0h0"
    assert chart.winner == (296.0, 296.0)
    assert [(name, tests, rank) for name, tests, rank in chart.fifths] == [
        ("Worst", 1, 1.0), ("Second", 1, 2.0), ("Fourth", 1, 3.0),
    ]  # fmt: skip


def test_the_strip_begins_each_window_where_its_days_begin():
    dates = [f"2001-01-{day:02}" for day in range(1, 12)]
    windows = [
        {"testFrom": "2001-01-01", "outOfSampleReturn": 0.1, "outOfSampleSharpe": 1.0},
        {"testFrom": "2001-01-06", "outOfSampleReturn": -0.1, "outOfSampleSharpe": None},
    ]
    curve = {"dates": dates, "equity": [1.0 + i / 10 for i in range(11)], "holding": None, "hindsight": None}
    chart = stitched_chart(curve, windows)
    assert chart.strip == [(0.0, 451.0, True, "1.00"), (451.0, 451.0, False, "–")]


def test_gains_and_losses_have_real_signs():
    curve = {"dates": ["2001-01-01", "2001-01-02"], "equity": [0.5, 1.5], "holding": None, "hindsight": None}
    assert [text for _, text in stitched_chart(curve).heights] == ["−40%", "−20%", "0%", "+20%", "+40%"]


def test_a_histogram_marks_what_is_rarely_exceeded():
    stored = {"from": 0.0, "to": 2.0, "counts": [1, 3], "mark": 0.5}
    assert (marked_histogram(stored, "Sharpe ratio").mark_x, marked_histogram(stored, "Sharpe ratio").most_x) == (
        6.0,
        None,
    )
    assert marked_histogram(stored, "Sharpe ratio", most=1.5).most_x == 18.0


def test_the_band_of_noise_is_drawn_to_scale():
    band = share_band(0.5, (0.25, 0.75))
    assert (band.low, band.wide, band.mark) == (123.0, 246.0, 246.0)


def test_shades_are_fifths_from_the_worst():
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, np.nan]])
    assert shades(values).tolist() == [[1, 2, 3], [4, 5, 0]]
    assert shades(values, higher_is_better=False).tolist() == [[5, 4, 3], [2, 1, 0]]
