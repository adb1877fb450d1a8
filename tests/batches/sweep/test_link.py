"""Lists become ranges only when nothing is lost."""

import pytest

from batches.sweep.link import compact, exact


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ([5, 10, 15], "5:15:5"),
        ([0.1, 0.2, 0.3], "0.1:0.3:0.1"),
        ([0.1, 0.2, 0.30000000000000004], "0.1,0.2,0.30000000000000004"),
        ([5, 10], "5,10"),
        ([5, 5, 5], "5,5,5"),
        ([5, 10, 20], "5,10,20"),
        (["five", 10, 15], "five,10,15"),
        ({"start": 5, "stop": "x", "step": 0.5}, "5:x:0.5"),
    ],
)
def test_a_list_that_is_a_range_is_written_as_one(spec, text):
    assert compact(spec) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1e-7, "0.0000001"), (100000.0, "100000"), (True, "true"), (1e15, "1000000000000000")]
)
def test_numbers_are_written_without_an_exponent(value, text):
    assert exact(value) == text
