"""Numbers are read as people write them, or refused; never another number in silence."""

import re
from decimal import Decimal

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from batches.web.forms.numbers import number, of_machine, parts, readings
from batches.web.forms.sweep_form import SweepForm
from tests.support import jobs
from tests.support.page_reader import error_at, posted, text_of

pytestmark = pytest.mark.usefixtures("instruments", "queued", "published")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1000,50", 1000.5), ("1.000,50", 1000.5), ("1,000.50", 1000.5), ("1'000.5", 1000.5), ("1 000,5", 1000.5),
        ("1\N{NO-BREAK SPACE}000,5", 1000.5), ("1\N{NARROW NO-BREAK SPACE}000.5", 1000.5), ("1.000.000", 1_000_000),
        ("1,000,000", 1_000_000), ("0,1", 0.1), ("0,125", 0.125), ("0.125", 0.125), ("256,54", 256.54), ("5", 5),
        ("1e5", 100_000), (".5", 0.5), ("−5,5", -5.5), ("-5", -5), ("20%", 20), ("1000,500", 1000.5), ("1_000", 1000),
    ],
)  # fmt: skip
def test_a_number_with_one_reading_is_read(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["1.000", "1,000", "100.000", "12,345"])
def test_a_number_with_two_readings_is_left_as_text(text):
    assert number(text) == text
    assert len(readings(text)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "much",
        "1,2,3",
        "1.00.0",
        "1,00,000",
        "1.000,000,000",
        "1 00",
        "12 34",
        "1..5",
        "1,5.",
        "1.5,",
        "nan",
        "inf",
        "1,000.5.5",
    ],
)
def test_what_is_no_number_is_left_as_text(text):
    assert number(text) == text.strip()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**6), max_value=10**6))
def test_a_number_of_a_link_is_never_grouped(value):
    text = f"{value:f}".rstrip("0").rstrip(".") or "0"
    assert readings(of_machine(text)) == [Decimal(text)]


@given(st.integers(1, 10**9), st.sampled_from([",", ".", " ", "'"]))
def test_a_grouped_number_means_nothing_but_its_digits(whole, group):
    text = f"{whole:,}".replace(",", group)
    assert whole in readings(text)
    assert number(text) in (whole, text)


@pytest.mark.parametrize(
    ("text", "items"), [("0,5; 1; 1,5", ["0,5", "1", "1,5"]), ("1,5", ["1", "5"]), ("5 10,  20", ["5", "10", "20"])]
)
def test_semicolons_leave_the_comma_to_the_decimals(text, items):
    assert parts(text) == items


def form(query):
    return SweepForm(QueryDict(query))


@pytest.mark.parametrize(
    ("text", "capital"),
    [
        ("1000,50", 1000.5),
        ("1.000,50", 1000.5),
        ("100.000", 100_000),
        ("100,000", 100_000),
        ("2.500.000,00", 2_500_000),
    ],
)
def test_the_capital_is_read_as_it_is_meant_and_shown_as_it_was_read(text, capital):
    opened = form(f"form=1&symbols=ACME&fast.mode=list&fast.values=3&initialCapital={text}")
    assert opened.body["initialCapital"] == capital
    assert opened["initial_capital"].note == f"= {capital:,}"


@pytest.mark.parametrize(
    ("field", "text"), [("timeoutMinutes", "1.000"), ("abortMinimumTests", "1,000"), ("fast.start", "1.000")]
)
def test_a_field_refuses_a_number_with_two_readings_by_its_name(client, field, text):
    mode = {"fast.mode": "range", "fast.stop": "2000", "fast.step": "100"} if field == "fast.start" else {}
    response = client.post("/", posted(**mode, **{field: text}))
    assert response.status_code == 422
    name = {"timeoutMinutes": "timeoutSeconds", "fast.start": "fast"}.get(field, field)
    assert f"{text} may be" in error_at(response, name)


def test_a_field_takes_the_only_reading_that_it_can_hold():
    opened = form(
        "form=1&symbols=ACME&fast.mode=list&fast.values=1.125&slow.mode=list&slow.values=2.5&feesPercent=1,125"
    )
    assert opened.body["parameterRanges"]["fast"] == [1125]  # a window is whole
    assert opened.body["fees"] == 0.01125  # 1,125% would be above 100%
    width = form("form=1&strategy=bollinger_reversal&width.mode=range&width.start=0,5&width.stop=1,5&width.step=0,5")
    assert width.body["parameterRanges"]["width"] == {"start": 0.5, "stop": 1.5, "step": 0.5}


def test_a_list_says_how_many_values_it_read():
    opened = form("form=1&strategy=bollinger_reversal&width.mode=list&width.values=1,5&coefficients=1,5")
    assert next(field for field in opened.ranges if field.html_name == "width").note == "2 values: 1, 5"
    assert opened["coefficients"].note == "2 values: 1, 5"


def test_three_decimals_in_a_link_stay_three_decimals():
    opened = form("strategy=bollinger_reversal&symbols=ACME&width=1.125:2:0.125&initialCapital=100.125&fees=0.01125")
    again = form(opened.query())
    assert opened.body["initialCapital"] == again.body["initialCapital"] == 100.125
    assert again.body["parameterRanges"]["width"]["start"] == 1.125
    assert again.body["fees"] == 0.01125


def test_a_batch_runs_with_the_capital_that_was_typed(client):
    response = client.post("/", posted(initialCapital="1000,50"))
    assert response.status_code == 303
    page = client.get(response["Location"])
    assert jobs.reread(page.context["session"]).request["initialCapital"] == 1000.5
    assert re.search(r"Initial capital 1,000\.5", text_of(page))


def test_decimal_commas_of_every_field_reach_the_batch_as_they_were_meant(client):
    """Case 52."""
    typed = {"strategy": "bollinger_reversal", "symbols": "ACME", "initialCapital": "1000,50", "feesPercent": "0,1"}
    listed = {"width.mode": "list", "width.values": "1,5", "window.mode": "list", "window.values": "20"}
    opened = client.get("/", {"form": "1"} | typed | listed)
    assert "2 values: 1, 5" in text_of(opened)
    ranged = {"width.mode": "range", "width.start": "0,5", "width.stop": "1,5", "width.step": "0,5"}
    for width, total in ((listed, 2), (listed | ranged, 3), (listed | {"width.values": "0,5; 1,5"}, 2)):
        response = client.post("/", posted(**typed, **width))
        assert response.status_code == 303, text_of(response)
        batch = jobs.finish(jobs.reread(client.get(response["Location"]).context["session"]))
        assert (batch.request["initialCapital"], batch.request["fees"], batch.total) == (1000.5, 0.001, total)
    rows = client.get(f"/api/backtest/batch/{batch.pk}/results?sort=index").json()["results"]
    assert [row["parameters"]["width"] for row in rows] == [0.5, 1.5]
