"""The chart of prices: thinning out must not hide what matters, and every range is a link."""

import json
import re

import numpy as np
import pytest

from backtester.engine import Prices
from backtester.engine.bar_sizes import first_bars
from batches.web.charts.lanes import (
    POINTS,
    Curve,
    curve_path,
    depth_lane,
    lane,
    log_ticks,
    money_text,
    ticks,
    time_ticks,
)
from batches.web.charts.price_chart import DOT_HEIGHT, DOT_WIDTH, MOST_MARKS, dots, shade
from batches.web.charts.ranges import View
from tests.support import jobs, market
from tests.support.page_reader import HTMX, text_of, url

pytestmark = [pytest.mark.usefixtures("queued", "published"), pytest.mark.django_db]


def draw(*values, log=None):
    return lane("equity", "Equity", [Curve("equity", "", np.asarray(curve, dtype=float)) for curve in values], log=log)


def places(path):
    return [(int(x), int(y)) for x, y in re.findall(r"(-?\d+) (-?\d+)", path)]


@pytest.mark.parametrize("depth", [0.0, 0.004, 0.01, 0.013, 0.02, 0.3])
def test_each_height_of_the_drawdown_is_named_by_its_own_value(depth):
    drawdown = np.zeros(10)
    drawdown[5] = -depth
    texts = [text for _, text in depth_lane(drawdown).ticks]
    values = [float(text.rstrip("%").replace("−", "-")) / 100 for text in texts]
    assert values == pytest.approx(ticks(min(-depth, -0.01), 0.0, 3))
    assert texts[-1] == "0%"
    assert "−0%" not in texts


def test_a_fall_of_one_bar_is_still_visible_among_ten_thousand():
    drawdown = np.zeros(10_000)
    drawdown[4_330] = -0.6
    depth = depth_lane(drawdown)
    assert depth.paths[0][1].count("L") <= POINTS + 3
    assert max(y for _, y in places(depth.paths[0][1])) == 1000


@pytest.mark.parametrize("n", [1, 2, POINTS, 5_001])
def test_both_ends_are_drawn_and_nothing_lies_outside(n):
    drawn = draw(100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.05, n))), np.linspace(90, 110, n))
    for _, path in drawn.paths:
        assert path.count("L") < POINTS
        assert [places(path)[0][0], places(path)[-1][0]] == ([0, 1000] if n > 1 else [0, 0])
        assert all(0 <= x <= 1000 and 0 <= y <= 1000 for x, y in places(path))


@pytest.mark.parametrize(
    ("end", "log", "is_log"), [(150.0, None, False), (5_000.0, None, True), (150.0, True, True), (5e3, False, False)]
)
def test_a_curve_that_grows_many_times_is_logarithmic_unless_chosen_otherwise(end, log, is_log):
    assert draw(np.geomspace(100, end, 500), log=log).scale.log is is_log


@pytest.mark.parametrize("equity", [[100.0, 100.0, 100.0], [100.0, 50.0, 0.0], [100.0]])
def test_flat_ruined_and_single_bars_are_drawn_too(equity):
    assert "nan" not in str(draw(equity, log=True)).lower()


def test_a_line_begins_where_it_has_values_and_may_have_none():
    scale = draw(np.arange(1.0, 11.0)).scale
    assert places(curve_path(np.array([np.nan] * 5 + [3.0] * 6), scale))[0][0] == 500
    assert curve_path(np.full(5, np.nan), scale) == ""


def test_ticks_are_round_numbers_between_the_ends():
    assert ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert ticks(-0.47, 0, 3) == [-0.4, -0.2, 0]
    assert log_ticks(90, 2_500) == [100, 200, 500, 1000, 2000]
    assert log_ticks(81, 97) == [85, 90, 95]


@pytest.mark.parametrize(
    ("value", "text"), [(150_000, "150k"), (2_500_000, "2.5M"), (3e9, "3B"), (12, "12"), (0.0125, "0.0125")]
)
def test_money_is_short(value, text):
    assert money_text(value) == text


@pytest.mark.parametrize(
    ("n", "step", "first", "most"),
    [(8_000, "D", "1995", 8), (250, "D", "2000-02", 6), (20, "D", "2000-01-04", 4), (300, "m", "2000-01-03 01:00", 4)],
)
def test_the_axis_has_years_months_days_or_hours(n, step, first, most):
    dates = np.datetime64("2000-01-03", "ns" if step == "m" else "D") + np.arange(n) * np.timedelta64(1, step)
    axis = time_ticks(dates)
    texts = [text for _, _, text in axis]
    assert len(axis) <= most
    assert texts == sorted(texts)
    assert texts[0] == first if step != "D" or n < 1_000 else len(texts[0]) == 4


@pytest.fixture
def chart_of(client, start):
    """chart_of(query, **changes of the request): the chart of combination 0 in that range, and the page."""

    def get(query="", **changes):
        body = start(symbols=["ACME"], parameterRanges={"fast": [3], "slow": [10]}) | changes
        session = jobs.finish(jobs.submit(body))
        page = client.get(url(session, "combination", 0) + query)
        return page.context["chart"], page

    return get


def test_prices_have_the_lines_of_the_strategy_and_the_marks_of_its_trades(chart_of):
    chart, page = chart_of()
    trades = page.context["played"]["trades"]
    price, equity, drawdown = chart.lanes
    assert [label for _, label in price.legend] == ["Close of ACME", "Average of 3 bars", "Average of 10 bars"]
    assert [label for _, label in equity.legend] == ["This combination", "Buy and hold"]
    assert drawdown.name == "drawdown"
    ends = len(trades) + sum(trade["exitDate"] is not None for trade in trades)
    assert len(chart.marks) == ends > 2
    assert {mark.trade for mark in chart.marks} == set(range(len(trades)))
    body = page.content.decode()
    assert body.count("data-mark=") == ends
    assert body.count("data-trade=") == len(trades)
    (sent,) = re.findall(r'id="points"[^>]*>(.*?)</script>', body)
    points = json.loads(sent)
    assert [trade[0] for trade in points["trades"]] == list(range(len(trades)))
    assert points["dates"][-1] == page.context["played"]["dates"][-1]


def test_a_mark_lies_on_the_close_of_its_bar(chart_of):
    chart, page = chart_of()
    trade = page.context["played"]["trades"][0]
    bar = page.context["played"]["dates"].index(trade["entryDate"])
    mark = next(mark for mark in chart.marks if mark.trade == 0 and mark.side == "buy")
    close = market.closes("ACME")[bar]
    assert float(mark.x) == pytest.approx(100 * bar / 399, abs=0.01)
    assert float(mark.y) == pytest.approx(chart.lanes[0].scale.y(np.array([close]))[0] / 10, abs=0.01)


def test_many_trades_are_dots(chart_of, monkeypatch):
    monkeypatch.setattr("batches.web.charts.price_chart.MOST_MARKS", 1)
    chart, page = chart_of()
    assert not chart.marks
    assert sum(path.count("h0") for path in chart.dots.values()) > 2
    assert 'class="dots buy"' in page.content.decode()
    assert MOST_MARKS > 1


def test_tens_of_thousands_of_trades_are_as_many_dots_as_a_screen_shows():
    n = 50_000
    close = np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.001, n)))
    view = View(Prices("ACME", np.arange(n).astype("datetime64[D]"), close), 0, n, None, "", {})
    scale = draw(close).scale
    bars = np.arange(n)
    drawn = dots(np.column_stack((bars, bars, bars % 2 == 0)), close, scale, view)["dots"]
    for side, own in (("buy", bars[::2]), ("sell", bars[1::2])):
        points = np.array(places(drawn[side]))
        assert 100 < len(points) < 10_000
        assert len(np.unique(points, axis=0)) == len(points)
        for bar in own[:: n // 200]:
            across, down = np.abs(points - (1_000 * bar / (n - 1), scale.y(close[[bar]])[0])).T
            assert np.any((across <= DOT_WIDTH / 2 + 1e-6) & (down <= DOT_HEIGHT / 2 + 1e-6))


def test_positions_that_touch_are_one_area():
    ends = np.column_stack((np.arange(0.0, 1_000.0, 0.02), np.arange(0.0, 1_000.0, 0.02) + 0.01))
    assert shade(ends) == "M0.0 970H1000.5V1000H0.0Z"
    assert shade(ends[[0, 5_000]]) == "M0.0 0H0.5V1000H0.0ZM100.0 0H100.5V1000H100.0Z"
    assert shade(ends[:0]) == ""


@pytest.mark.parametrize("unit", ["Y", "M", "D", "h"])
@pytest.mark.parametrize("step", ["D", "h", "m", "s"])
def test_first_bars_are_those_of_a_look_at_every_bar(unit, step):
    distances = np.random.default_rng(7).integers(1, 90 if step == "D" else 9_000, 400)
    dates = np.datetime64("2019-11-30T22:59:30", "ns") + np.cumsum(distances) * np.timedelta64(1, step)
    dates = dates.astype("datetime64[D]") if step == "D" else dates
    periods = dates.astype(f"datetime64[{unit}]")
    assert first_bars(dates, unit).tolist() == (np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist()
    assert first_bars(dates[:1], unit).size == 0


def test_buy_and_hold_starts_with_the_equity_at_the_left_edge(chart_of):
    chart, page = chart_of("?from=2020-03-02")
    equity, hold = (chart.points["series"][k]["values"] for k in (1, 2))
    assert hold[0] == pytest.approx(equity[0], rel=1e-5)
    assert "Buy and hold, from the same start" in text_of(page)
    assert chart.points["dates"][0] == "2020-03-02"
    assert page.context["played"]["range"]["bars"] == 400  # tables are those of the whole test


def test_a_part_is_the_chart_alone(client, start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"])))
    part = client.get(url(session, "combination", 0) + "?from=2020-01-02&scale=log", headers=HTMX).content.decode()
    assert part.lstrip().startswith('<section class="pane price-chart" id="chart"')
    assert "<html" not in part
    assert "metrics-title" not in part


def test_a_wrong_range_shows_all_bars_and_says_why(chart_of):
    chart, page = chart_of("?from=soon&scale=odd")
    assert "from must be a date as YYYY-MM-DD" in text_of(page)
    assert "Showing all bars." in text_of(page)
    assert len(chart.points["dates"]) == 400


def test_ranges_are_links_and_the_current_one_is_named(client):
    market.store("ACME")
    page = client.get("/prices/of/ACME/")
    view = page.context["chart"].view
    assert [(text, is_current) for text, _, is_current in view["spans"]] == [
        ("1 week", False), ("1 month", False), ("1 year", False), ("All", True),
    ][-len(view["spans"]):]  # fmt: skip
    for _, query, _ in view["spans"]:
        chosen = client.get(f"/prices/of/ACME/{query}").context["chart"].view
        assert [query for _, query, is_current in chosen["spans"] if is_current] == [query]
    earlier = dict(client.get("/prices/of/ACME/?from=2020-03-02&to=2020-03-31").context["chart"].view["steps"])
    assert set(earlier) == {"Earlier", "Later"}
    assert client.get(f"/prices/of/ACME/{earlier['Later']}").context["chart"].view["start"] == "2020-04-01"


def test_what_else_is_in_the_address_is_carried_on(client):
    market.store("ACME")
    page = client.get("/prices/of/ACME/?scale=linear&benchmark=ACME&odd=1")
    queries = [query for _, query, _ in page.context["chart"].view["spans"]]
    assert all("scale=linear&benchmark=ACME" in query and "odd" not in query for query in queries)
    assert [(text, current) for text, _, current in page.context["chart"].scales] == [("Log", False), ("Linear", True)]


def test_a_trade_links_to_the_range_around_it(chart_of, client):
    _, page = chart_of()
    line = page.context["trades"][1]
    chart = client.get(page.request["PATH_INFO"] + line.href).context["chart"]
    assert chart.view["start"] < line.row["entryDate"] < line.row["exitDate"] < chart.view["end"]
    assert line.number in {mark.trade for mark in chart.marks}


def test_a_view_of_one_bar_is_drawn(client):
    market.store("ACME")
    chart = client.get("/prices/of/ACME/?from=2020-03-02&to=2020-03-02").context["chart"]
    assert chart.view["bars"] == 1
