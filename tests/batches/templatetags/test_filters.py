"""Template filters and tags take any value: a page is never lost for one of them."""

import math

import pytest
from django.template import Context, Engine
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batches.formatting import MISSING
from batches.templatetags import batch_format, panel_words

FILTERS = batch_format.register.filters | panel_words.register.filters
OF_NUMBERS = (
    "count", "percent", "metric", "price", "took", "per_test", "per_second", "bytes", "signed", "percentage_text",
    "percentage_value",
)  # fmt: skip
NO_NUMBERS = st.one_of(
    st.none(), st.just(""), st.text(), st.booleans(), st.just(math.nan), st.just(math.inf), st.just(-math.inf),
    st.just(10**400), st.binary(), st.lists(st.integers()), st.dictionaries(st.text(), st.integers()),
)  # fmt: skip
ANYTHING = st.one_of(
    NO_NUMBERS, st.floats(), st.integers(), st.dates(), st.datetimes(), st.decimals(), st.complex_numbers(),
    st.dictionaries(st.sampled_from(["status", "phase", "elapsedTime", "parameters"]), st.none() | st.text()),
)  # fmt: skip
ARGUMENTS = {
    "parameters": {},
    "metric": "ratio",
    "beta_text": {},
    "best_text": {},
    "identity_text": {},
    "ahead": None,
    "age": None,
    "item": "",
    "fixed": 2,
}
ODD_ARGUMENTS = st.one_of(st.none(), st.just(""), st.text(), st.integers(-3, 9), st.dictionaries(st.text(), st.none()))


def test_every_filter_is_in_this_test():
    assert {name for name in FILTERS if name in ARGUMENTS or name in OF_NUMBERS} | {
        "as_json", "headline", "phase_text", "elapsed_text", "remaining_text", "shade", "rounded", "bar_size",
        "luck_text", "retry_text", "isolated", "mid_sentence", "bar_time",
    } == set(FILTERS)  # fmt: skip


@pytest.mark.parametrize("name", sorted(FILTERS))
@settings(max_examples=60)
@given(value=ANYTHING, argument=ODD_ARGUMENTS)
@example(value="", argument="")
@example(value=1e308, argument="fraction")
@example(value=-1e30, argument="ratio")
def test_a_filter_takes_anything(name, value, argument):
    FILTERS[name](value, *([argument] if name in ARGUMENTS else []))


@pytest.mark.parametrize("name", OF_NUMBERS)
@settings(max_examples=30)
@given(value=NO_NUMBERS)
@example(value="")
def test_what_is_no_number_is_a_dash(name, value):
    assert FILTERS[name](value, *([ARGUMENTS[name]] if name in ARGUMENTS else [])) == MISSING


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_template_may_hand_a_filter_nothing(name):
    argument = ":nothing" if name in ARGUMENTS else ""
    source = f"{{% load batch_format panel_words %}}{{{{ nothing.at.all|{name}{argument} }}}}"
    libraries = {"batch_format": batch_format.__name__, "panel_words": panel_words.__name__}
    Engine(libraries=libraries).from_string(source).render(Context({"nothing": ""}))


def test_a_number_with_more_digits_than_a_decimal_holds_is_written_out():
    assert FILTERS["percent"](1e30).startswith("100,000,000,000,000,000,000,000,000,000,000.0")
    assert FILTERS["metric"](-1e30, "ratio").startswith("−1,000,000")
