import numpy as np
import pytest

from backtester.engine import BadParameters, TooManyValues, axis_values, get_strategy

FAST = get_strategy("sma_cross").parameter("fast")
INTERVAL = get_strategy("grid_dca").parameter("grid_interval")


@pytest.mark.parametrize(
    ("parameter", "spec", "expected"),
    [
        (FAST, {"start": 5, "stop": 50, "step": 15}, [5, 20, 35, 50]),
        (FAST, {"start": 5, "stop": 49, "step": 15}, [5, 20, 35]),
        (FAST, {"start": 5, "stop": 5, "step": 1}, [5]),
        (FAST, [9, 3, 9.0, 4], [9, 3, 4]),
        (FAST, np.array([7, 8]), [7, 8]),
        (INTERVAL, {"start": 0.1, "stop": 0.5, "step": 0.1}, [0.1, 0.2, 0.3, 0.4, 0.5]),
        (INTERVAL, {"start": 0.1, "stop": 0.7, "step": 0.1}, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),  # 5.999... steps
        (INTERVAL, {"start": 0.01, "stop": 0.07, "step": 0.01}, [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07]),
    ],
)
def test_a_spec_gives_its_values_with_the_stop_included(parameter, spec, expected):
    assert axis_values(parameter, spec) == expected


def test_whole_numbers_are_ints_and_percentages_floats():
    assert {type(value) for value in axis_values(FAST, [3.0, np.int64(4)])} == {int}
    assert {type(value) for value in axis_values(INTERVAL, [0.1, np.float64(0.2)])} == {float}


@pytest.mark.parametrize("spec", [[1, 2, 3, 4], {"start": 1, "stop": 4, "step": 1}, range(1, 10**12)])
def test_a_caller_may_allow_fewer_values_than_the_engine(spec):
    with pytest.raises(TooManyValues, match="fast has more than 3 values"):
        axis_values(FAST, spec, most=3)
    assert len(axis_values(FAST, [1, 2, 3], most=3)) == 3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([True], "must be numbers, got True"),
        (["5"], "must be numbers, got '5'"),
        ([None], "must be numbers, got None"),
        ([float("nan")], "finite"),
        ([float("inf")], "finite"),
        ([10**400], "finite"),
        ([0], "between 1 and 5000, got 0"),
        ([2.5], "whole number"),
        ([], "at least one value"),
        ("5", "a list of numbers"),
        (5, "a list of numbers"),
        ({"start": 5, "stop": 10}, "no 'step'"),
        ({"start": 5, "stop": 10, "step": 1, "end": 3}, "unknown 'end'"),
        ({"start": 5, "stop": 10, "step": 0}, "above zero"),
        ({"start": 5, "stop": 10, "step": -1}, "above zero"),
        ({"start": 10, "stop": 5, "step": 1}, "must not be above stop"),
        ({"start": 1, "stop": 5, "step": 0.5}, "whole number"),
        ({"start": 1, "stop": 5_000, "step": 1e-300}, "more than 1,000,000 values"),
        (range(1, 100_000), "between"),
    ],
)
def test_an_unusable_spec_is_refused(spec, message):
    with pytest.raises(BadParameters, match=message) as caught:
        axis_values(FAST, spec)
    assert caught.value.field == "fast"
    assert caught.value.message.startswith("fast ")
