"""The form reads its own fields, links, and links of the old tool, and writes a link that opens it again."""

import pytest
from django.http import QueryDict

from batches.errors import Detail, InvalidRequest
from batches.models import Instrument, InstrumentGroup
from batches.running import estimating
from batches.sweep.link import sweep_query
from batches.sweep.start_request import parse_start
from batches.web.forms.sweep_form import SweepForm


@pytest.fixture
def form(instruments):
    def opened(query=""):
        return SweepForm(QueryDict(query))

    return opened


def test_the_form_opens_with_shares_and_without_the_index(form):
    assert form().choice.symbols == ["ACME", "BOLT", "CORE"]
    assert form().body["parameterRanges"] == {
        "fast": {"start": 2, "stop": 20, "step": 2},
        "slow": {"start": 25, "stop": 145, "step": 5},
    }


def test_twenty_shares_make_a_sweep_of_exactly_5000_tests(form, instruments):
    series = instruments["ACME"].series
    for number in range(17):
        Instrument.objects.create(symbol=f"X{number}", series=series)
    assert estimating.estimate(parse_start(form().body)).total == 5_000


def test_a_link_in_the_style_of_the_old_tool_fills_the_form(form):
    body = form("symbols=ACME,bolt&startDate=2019-06-03&endDate=2020-11-30&fast=5:50:5&slow=60,70&fees=0.002").body
    assert body["symbols"] == ["ACME", "BOLT"]
    assert body["startDate"] == "2019-06-03"
    assert body["parameterRanges"] == {"fast": {"start": 5, "stop": 50, "step": 5}, "slow": [60, 70]}
    assert body["fees"] == 0.002


def test_percentages_are_typed_in_percent_and_sent_as_fractions(form):
    query = (
        "form=1&strategy=grid_dca&symbols=ACME&gridInterval.mode=range&gridInterval.start=5&gridInterval.stop=7"
        "&gridInterval.step=0.5&profitRequirement.mode=list&profitRequirement.values=7%25, 12.5&feesPercent=0.1"
    )
    body = form(query).body
    assert body["parameterRanges"]["gridInterval"] == {"start": 0.05, "stop": 0.07, "step": 0.005}
    assert body["parameterRanges"]["profitRequirement"] == [0.07, 0.125]
    assert body["fees"] == 0.001


@pytest.mark.parametrize(
    "query",
    [
        "",
        "strategy=grid_dca&symbols=BOLT&gridInterval=0.05,0.07&enableBetaScaling=true&coefficients=0.5,1",
        "form=1&symbols=ACME&fast.mode=list&fast.values=3, 5&direction=both&feesPercent=0.25&timeoutMinutes=2.5",
    ],
)
def test_the_link_of_a_form_opens_the_same_form(form, query):
    opened = form(query)
    again = form(opened.query())
    assert parse_start(again.body) == parse_start(opened.body)
    assert again.query() == opened.query()


def test_a_form_with_everything_switched_off_is_not_filled_with_defaults(form):
    assert form("form=1").choice.symbols == []
    assert form("form=1").body["enableBetaScaling"] is False


def test_text_that_is_not_a_number_is_passed_on_to_be_refused(form):
    invalid = form("form=1&symbols=ACME&fast.mode=range&fast.start=abc&fast.stop=&fast.step=5&initialCapital=much")
    assert invalid.body["parameterRanges"]["fast"] == {"start": "abc", "stop": "", "step": 5}
    assert invalid.body["initialCapital"] == "much"
    assert invalid.ranges[0].value().start == "abc"


@pytest.mark.parametrize("text", ["Infinity", "NaN", "sNaN", "1e400", "-1e9999999"])
def test_numbers_that_are_not_finite_stay_text(form, text):
    body = form(f"fast={text}&feesPercent={text}&timeoutMinutes={text}").body
    assert (body["parameterRanges"]["fast"], body["fees"], body["timeoutSeconds"]) == ([text], text, text)
    assert form("timeoutMinutes=1e308").body["timeoutSeconds"] == "1e308"  # in seconds it is not finite


def test_errors_are_shown_at_their_fields(form):
    opened = form()
    opened.refuse(
        InvalidRequest(
            Detail("symbols", "Too few."),
            Detail("parameterRanges.fast", "Too low."),
            Detail("parameterRanges", "Too many."),
            Detail("fees", "A."),
            Detail("fees", "B."),
        )
    )
    assert opened.errors["symbols"] == ["Too few."]
    assert opened.ranges[0].errors == ["Too low."]
    assert opened.non_field_errors() == ["Too many."]
    assert opened.errors["fees"] == ["A. (0.5 is 50%.)", "B. (0.5 is 50%.)"]
    assert opened.request is None


def test_a_note_shows_the_values_of_a_range(form):
    assert form("fast=5:50:5").ranges[0].note == "10 values: 5, 10, 15, … 50"
    assert form("fast=7").ranges[0].note == "1 value: 7"
    assert form("fast=9:3:1").ranges[0].note == ""


def test_a_symbol_that_is_not_stored_has_a_chip(form):
    chips = {chip.symbol: chip for chip in form("symbols=ACME,ACMEE").choice.chips}
    assert chips["ACMEE"].unknown
    assert chips["ACME"].checked
    assert not chips["BOLT"].checked


def test_an_unknown_strategy_is_passed_on_to_be_refused(form):
    opened = form("strategy=sma_crosss")
    assert opened.body["strategy"] == "sma_crosss"
    assert opened.definition.name == "sma_cross"


def test_every_field_of_a_request_goes_into_the_link_and_back(form):
    query = (
        "strategy=sma_cross&symbols=ACME&fast=2:10:2&slow=30&stopLoss=0.05,0.1&direction=both&fees=0.0012345"
        "&wholeShares=true&includeComparison=false&abortFailureShare=0.25&abortMinimumTests=7&startDate=2019-06-03"
        "&initialCapital=12345.678&timeoutSeconds=61&sortBy=sharpe&enableBetaScaling=true&coefficients=0.5,1.25"
    )
    request = parse_start(form(query).body)
    assert (
        request.as_json()
        | {
            "abortFailureShare": 0.25,
            "abortMinimumTests": 7,
            "coefficients": [0.5, 1.25],
            "fees": 0.0012345,
            "includeComparison": False,
            "timeoutSeconds": 61,
            "wholeShares": True,
        }
        == request.as_json()
    )
    assert request.axes["stop_loss"] == [0.05, 0.1]
    assert parse_start(form(sweep_query(request.as_json())).body) == request


def test_stops_are_off_by_default(form):
    assert "stopLoss" not in form().body["parameterRanges"]
    assert [field.value().mode for field in form().stops] == ["off", "off", "off"]
    assert form("form=1&stopLoss.mode=list&stopLoss.values=5").body["parameterRanges"]["stopLoss"] == [0.05]


def test_groups_are_offered_with_their_stored_symbols(form, instruments):
    InstrumentGroup.objects.create(name="Empty")
    InstrumentGroup.objects.create(name="Makers").instruments.add(instruments["CORE"], instruments["ACME"])
    [(makers, query)] = form("fast=5&slow=50").groups()
    assert (makers.name, makers.symbols) == ("Makers", ["ACME", "CORE"])
    assert form(query).choice.symbols == ["ACME", "CORE"]
    assert form(query).body["parameterRanges"]["fast"] == [5]
