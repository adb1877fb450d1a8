"""What a request may say, and what is said about one that may not. Nothing here touches the database."""

import uuid
from datetime import date

import pytest

from batches.errors import InvalidRequest
from batches.sweep.start_request import StartRequest, parse_start
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name

MINIMAL = {"strategy": "sma_cross", "symbols": ["ACME"], "parameterRanges": {"fast": [5], "slow": [20]}}
HUGE = 10**400


def parse(**changes):
    return parse_start(MINIMAL | changes)


def problems(**changes):
    """{field: message} of a refused request."""
    with pytest.raises(InvalidRequest) as refused:
        parse(**changes)
    assert refused.value.status == 422
    return {detail.field: detail.message for detail in refused.value.details}


def test_a_minimal_request_gets_the_defaults_of_the_contract(settings):
    request = parse()
    assert request.symbols == ("ACME",)
    assert request.axes == {"fast": [5], "slow": [20]}
    assert (request.start_date, request.end_date, request.session_id) == (None, None, None)
    assert (request.direction, request.beta_scaling, request.coefficients) == ("long", False, (1.0,))
    assert (request.fees, request.slippage, request.initial_capital) == (0.0, 0.0, 100_000.0)
    assert (request.sort_by, request.include_comparison) == ("annualized_return", True)
    assert request.timeout_s == settings.BATCH_TIMEOUT_S


def test_everything_that_the_contract_shows_is_taken():
    chosen = uuid.uuid4()
    request = parse(
        startDate="2000-01-01",
        endDate="2022-12-28",
        direction="both",
        enableBetaScaling=True,
        coefficients=[1.0, 0.5],
        fees=0.001,
        slippage=0.0005,
        initialCapital=5_000,
        sortBy="maxDrawdown",
        includeComparison=False,
        timeoutSeconds=60,
        sessionId=str(chosen),
    )
    assert (request.start_date, request.end_date) == (date(2000, 1, 1), date(2022, 12, 28))
    assert (request.direction, request.coefficients) == ("both", (1.0, 0.5))
    assert (request.fees, request.slippage, request.initial_capital) == (0.001, 0.0005, 5_000)
    assert (request.sort_by, request.include_comparison) == ("max_drawdown", False)
    assert (request.timeout_s, request.session_id) == (60, chosen)


@pytest.mark.parametrize("body", [None, [], "x", 3, True, [MINIMAL]])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(InvalidRequest, match="must be a JSON object"):
        parse_start(body)


NUMBERS = ["1", True, [], {}, float("nan"), float("inf"), -float("inf"), HUGE, -HUGE]


@pytest.mark.parametrize("value", [*NUMBERS, -1e-9, 0.500001, 5])
@pytest.mark.parametrize("field", ["fees", "slippage"])
def test_a_cost_that_is_no_fraction_up_to_a_half_is_refused(field, value):
    assert "must be between 0 and 0.5" in problems(**{field: value})[field]


@pytest.mark.parametrize("value", [0, -0.0, 5e-324, 0.5])
def test_costs_at_the_limits_are_taken(value):
    assert parse(fees=value).fees == value


@pytest.mark.parametrize("value", [*NUMBERS, 0, -1, 1e16])
def test_a_capital_that_nobody_can_have_is_refused(value):
    assert "initialCapital must be" in problems(initialCapital=value)["initialCapital"]


@pytest.mark.parametrize("value", [*NUMBERS, 0, -1, 1.5, "60"])
def test_a_timeout_that_is_no_whole_number_of_seconds_is_refused(value):
    assert "an integer between 1 and" in problems(timeoutSeconds=value)["timeoutSeconds"]


def test_the_longest_timeout_is_a_setting(settings):
    settings.BATCH_TIMEOUT_MAX_S = 100
    assert parse(timeoutSeconds=100).timeout_s == 100
    assert "between 1 and 100" in problems(timeoutSeconds=101)["timeoutSeconds"]


@pytest.mark.parametrize("field", ["enableBetaScaling", "includeComparison"])
@pytest.mark.parametrize("value", [0, 1, "true", "", []])
def test_a_flag_is_true_or_false_and_nothing_like_it(field, value):
    assert "must be true or false" in problems(**{field: value})[field]


@pytest.mark.parametrize(
    "value",
    ["", "2020", "2020-1-1", "20200101", "2020-02-30", "0000-01-01", "2020-13-01", "2020-01-01T25:00:00",
     "2020-01-01+02:00", " 2020-01-01", "2020-01-01\n", "٢٠٢٠-٠١-٠١", 20200101, True, []],
)  # fmt: skip
@pytest.mark.parametrize("field", ["startDate", "endDate"])
def test_a_date_that_is_none_is_refused(field, value):
    assert "YYYY-MM-DD" in problems(**{field: value})[field]


def test_a_start_after_the_end_is_refused_and_a_single_day_is_taken():
    assert "must not be after endDate" in problems(startDate="2020-01-02", endDate="2020-01-01")["startDate"]
    assert parse(startDate="2020-01-01", endDate="2020-01-01").start_date == date(2020, 1, 1)


@pytest.mark.parametrize("value", [[], "ACME", {}, 5, True, [""], [5], ["ACME", None], [["ACME"]]])
def test_symbols_that_are_no_list_of_names_are_refused(value):
    assert "must be a list of at least one symbol" in problems(symbols=value)["symbols"]


@pytest.mark.parametrize("value", ["\x00", "AC\x00ME", "A\r\nB", "\u202eEMCA", "\ud800"])
def test_symbols_that_cannot_be_printed_are_refused_before_any_database_sees_them(value):
    assert "symbols" in problems(symbols=["ACME", value])


def test_symbols_are_compared_in_capitals_and_each_is_taken_once():
    assert parse(symbols=[" acme ", "BOLT", "Acme"]).symbols == ("ACME", "BOLT")


def test_the_number_of_symbols_is_limited_and_the_limit_is_named(settings):
    settings.BATCH_MAX_SYMBOLS = 3
    assert len(parse(symbols=["A", "B", "C"]).symbols) == 3
    assert "at most 3 symbols (BATCH_MAX_SYMBOLS)" in problems(symbols=["A", "B", "C", "D"])["symbols"]


def test_the_values_of_an_axis_are_counted_before_they_are_laid_out_and_the_limit_is_named(settings):
    settings.BATCH_MAX_AXIS_VALUES = 3
    limits = "has more than 3 values (BATCH_MAX_AXIS_VALUES)."
    assert parse(parameterRanges={"fast": {"start": 1, "stop": 3, "step": 1}}).axes["fast"] == [1, 2, 3]
    for spec in ([1, 2, 3, 4], {"start": 1, "stop": 4, "step": 1}, {"start": 1, "stop": 1e300, "step": 1e-300}):
        assert problems(parameterRanges={"fast": spec})["parameterRanges.fast"] == f"fast {limits}"
    scaled = {"enableBetaScaling": True, "coefficients": [1, 2, 3, 4]}
    assert "1 to 3 numbers (BATCH_MAX_AXIS_VALUES)" in problems(**scaled)["coefficients"]


def test_the_limit_may_be_raised_above_its_default(settings):
    settings.BATCH_MAX_AXIS_VALUES = 20_000
    scaled = parse(enableBetaScaling=True, coefficients=[1 + number / 1e6 for number in range(20_000)])
    assert len(scaled.coefficients) == 20_000


def test_the_longest_deadline_is_named(settings):
    settings.BATCH_TIMEOUT_MAX_S = 60
    assert "between 1 and 60 (BATCH_TIMEOUT_MAX_S)" in problems(timeoutSeconds=61)["timeoutSeconds"]


@pytest.mark.parametrize("missing", ["strategy", "symbols"])
def test_what_must_be_there_is_named_when_it_is_missing(missing):
    assert problems(**{missing: None}) == {missing: f"{missing} is missing."}


def test_a_misspelled_strategy_gets_the_near_name():
    assert "sma_cross" in problems(strategy="sma_crosss")["strategy"]
    assert "strategy" in problems(strategy=["sma_cross"])


def test_a_misspelled_field_gets_the_near_name():
    assert problems(symbol=["ACME"])["symbol"].endswith("Did you mean symbols?")
    assert problems(coeficients=[1])["coeficients"].endswith("Did you mean coefficients?")


def test_a_misspelled_parameter_gets_the_near_name():
    found = problems(parameterRanges={"fats": [5], "slow": [20]})
    assert "fast" in found["parameterRanges.fats"]


def test_everything_that_is_wrong_is_said_at_once():
    found = problems(fees="x", direction="up", symbols=[], parameterRanges={"fast": [0], "slow": "x"})
    assert set(found) == {"fees", "direction", "symbols", "parameterRanges.fast", "parameterRanges.slow"}


@pytest.mark.parametrize("value", [[], "fast", 5, True])
def test_ranges_that_are_no_object_are_refused(value):
    assert "must be an object" in problems(parameterRanges=value)["parameterRanges"]


@pytest.mark.parametrize(
    "spec",
    [
        [], None, 5, "5", True, {}, [None], ["5"], [True], [[5]], [5.5], [0], [-5], [5_001], [float("nan")],
        [float("inf")], [HUGE], [1e308], list(range(1, 10_003)),
        {"start": 1, "stop": 5}, {"start": 1, "stop": 5, "step": 0}, {"start": 1, "stop": 5, "step": -1},
        {"start": 5, "stop": 1, "step": 1}, {"start": 1, "stop": 5, "step": 1e-300},
        {"start": 1, "stop": 1_000_000_000, "step": 1}, {"start": 1, "stop": float("nan"), "step": 1},
        {"start": 1, "stop": 5, "step": float("nan")}, {"start": "1", "stop": 5, "step": 1},
        {"start": 1, "stop": 5, "step": 1, "end": 5}, {"start": 1, "stop": 2, "step": 0.5},
    ],
    ids=lambda spec: repr(spec)[:40],
)  # fmt: skip
def test_a_range_that_makes_no_axis_is_refused_under_its_own_name(spec):
    found = problems(parameterRanges={"fast": spec, "slow": [6_000]})
    assert set(found) == {"parameterRanges.fast", "parameterRanges.slow"}


def test_a_range_is_a_list_or_start_stop_and_step_with_stop_included():
    by_step = parse(parameterRanges={"fast": {"start": 5, "stop": 15, "step": 5}, "slow": [20, 50, 20]})
    assert by_step.axes == {"fast": [5, 10, 15], "slow": [20, 50]}
    fractions = parse(strategy="grid_dca", parameterRanges={"gridInterval": {"start": 0.1, "stop": 0.3, "step": 0.1}})
    assert fractions.axes["grid_interval"] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("spelling", ["gridInterval", "grid_interval"])
def test_parameters_are_taken_in_camel_case_and_in_snake_case(spelling):
    assert parse(strategy="grid_dca", parameterRanges={spelling: [0.02]}).axes["grid_interval"] == [0.02]


def test_one_parameter_in_two_spellings_is_refused():
    found = problems(strategy="grid_dca", parameterRanges={"gridInterval": [0.02], "grid_interval": [0.03]})
    assert "given twice" in next(iter(found.values()))


def test_parameters_that_are_left_out_take_their_defaults():
    assert parse(parameterRanges={"fast": [7]}).axes == {"fast": [7], "slow": [100]}
    assert parse(parameterRanges=None).axes == {"fast": [20], "slow": [100]}


@pytest.mark.parametrize("outside", [{}, {"symbols": None, "startDate": None, "endDate": None}])
def test_symbols_and_dates_are_also_taken_from_where_older_clients_put_them(outside):
    inside = {"fast": [5], "symbols": ["ACME", "BOLT"], "startDate": "2020-01-01", "endDate": "2020-02-01"}
    request = parse_start({"strategy": "sma_cross", "parameterRanges": inside} | outside)
    assert request.symbols == ("ACME", "BOLT")
    assert (request.start_date, request.end_date) == (date(2020, 1, 1), date(2020, 2, 1))
    assert set(request.axes) == {"fast", "slow"}


def test_what_stands_outside_the_ranges_wins_over_what_stands_inside():
    assert parse(symbols=["ACME"], parameterRanges={"symbols": ["BOLT"]}).symbols == ("ACME",)


@pytest.mark.parametrize("value", [[], "1", 1, [0], [-1], [100.1], [True], ["1"], [HUGE], [None], [1.0] * 10_001])
def test_coefficients_that_scale_nothing_sensible_are_refused(value):
    assert "coefficients" in problems(enableBetaScaling=True, coefficients=value)


def test_without_beta_scaling_coefficients_are_ignored():
    assert parse(coefficients=[0.5, 2]).coefficients == (1.0,)
    assert parse(coefficients="anything").as_json() == parse().as_json()


@pytest.mark.parametrize("name", sorted(METRICS_BY_WIRE_NAME))
def test_every_metric_can_be_sorted_by(name):
    assert wire_name(parse(sortBy=name).sort_by) == name


@pytest.mark.parametrize("value", ["annualized_return", "", "fast", 5, [], None])
def test_only_metrics_under_their_wire_names_can_be_sorted_by(value):
    if value is None:
        assert parse(sortBy=None).sort_by == "annualized_return"
    else:
        assert "one of totalReturn" in problems(sortBy=value)["sortBy"]


@pytest.mark.parametrize("value", ["", "x", "123", 5, [], "00000000-0000-0000-0000-00000000000g", "\ud800"])
def test_a_session_id_that_is_no_uuid_is_refused(value):
    assert "must be a UUID" in problems(sessionId=value)["sessionId"]


def test_equal_requests_give_equal_json_whatever_way_they_were_spelled():
    spelled = parse(
        symbols=["acme", "ACME"],
        parameterRanges={"slow": {"start": 20, "stop": 20, "step": 1}, "fast": [5.0, 5]},
        coefficients=[3],
        fees=0,
        initialCapital=100_000,
        sessionId=str(uuid.uuid4()),
    )
    assert spelled.as_json() == parse().as_json()
    assert parse(fees=0.001).as_json() != parse().as_json()


def test_the_stored_form_is_a_request_that_parses_to_itself():
    request = parse(startDate="2020-01-01", enableBetaScaling=True, coefficients=[1, 2], sortBy="calmar")
    assert parse_start(request.as_json()) == request
    assert StartRequest.from_json(request.as_json()) == request


def test_a_stored_request_stays_readable_when_limits_fall_and_fields_are_added(settings):
    request = parse(parameterRanges={"fast": [5, 7], "slow": [20]})
    stored = {name: value for name, value in request.as_json().items() if name != "wholeShares"}
    settings.BATCH_MAX_AXIS_VALUES = 1
    assert StartRequest.from_json(stored) == request


def test_a_flood_of_unknown_names_is_answered_shortly():
    found = problems(**{f"field{n}": 1 for n in range(5_000)}, parameterRanges={f"p{n}": 1 for n in range(5_000)})
    assert len(found) < 100


def test_a_huge_value_is_not_sent_back():
    found = problems(fees="9" * 100_000, parameterRanges={"fast": "9" * 100_000, "x" * 100_000: [1]})
    assert sum(len(field) + len(message) for field, message in found.items()) < 5_000
