"""The server says every number as the browser does: both are held to the same examples."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batches import formatting
from batches.web import panel_words

CASES = json.loads((Path(__file__).parents[1] / "js" / "format-cases.json").read_text())
PYTHON_NAMES = {"midSentence": "mid_sentence", "perTest": "per_test", "perSecond": "per_second"}


@pytest.mark.parametrize(
    ("name", "arguments", "want"),
    [(name, arguments, want) for name, examples in CASES.items() for arguments, want in examples],
)
def test_the_server_formats_as_the_browser(name, arguments, want):
    assert getattr(formatting, PYTHON_NAMES.get(name, name))(*arguments) == want


@pytest.mark.parametrize(
    ("size", "text"),
    [(512, "512 B"), (480_000, "480 kB"), (1_200_000, "1.2 MB"), (95_000_000, "95 MB"), (None, "–")],
)
def test_sizes_are_written_in_their_largest_unit(size, text):
    assert formatting.bytes_(size) == text


def test_halves_are_rounded_as_in_a_browser():
    assert formatting.count(2.5) == "3"
    assert formatting.percent(0.0625, 1) == "6.3%"


@pytest.mark.parametrize(
    ("ago", "want"),
    [
        ({"seconds": 20}, "just now"),
        ({"minutes": 5}, "5 min ago"),
        ({"hours": 3}, "3 h ago"),
        ({"days": 1}, "yesterday"),
        ({"days": 9}, "9 days ago"),
        ({"seconds": -30}, "just now"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(ago, want):
    now = datetime(2026, 1, 10, tzinfo=UTC)
    assert formatting.age(now - timedelta(**ago), now) == want


NAMES = {
    "betaScaling": True,
    "sortBy": "sharpe",
    "parameters": {"fast": {"label": "Fast average", "kind": "int"}},
    "metrics": {"sharpe": {"label": "Sharpe ratio", "unit": "ratio"}},
}


def test_the_best_names_the_figure_it_was_chosen_by():
    best = {"symbol": "TSLA", "annualizedReturn": 0.487, "sharpe": 1.256}
    assert panel_words.best_text(best, NAMES) == "TSLA - 48.7% annual return, Sharpe ratio 1.26"
    assert panel_words.best_text(best, NAMES | {"sortBy": "annualizedReturn"}) == "TSLA - 48.7% annual return"


def test_beta_is_shown_with_beta_scaling_only():
    event = {"currentBeta": 2.1, "currentCoefficient": 1.5}
    assert panel_words.beta_text(event, NAMES) == "Beta: 2.10, Coeff: 1.50"
    assert panel_words.beta_text(event, NAMES | {"betaScaling": False}) == ""


@pytest.mark.parametrize(
    ("value", "want"),
    [(0, "0%"), (49.2, "49.2%"), (49.29, "49.2%"), (99.9, "99.9%"), (99.9999, "99.9%"), (100.0, "100%")],
)
def test_percentages_show_tenths_except_at_the_ends(value, want):
    assert panel_words.percentage_text(value) == want


def test_the_lead_over_buy_and_hold_needs_both():
    assert panel_words.ahead({"annualizedReturn": 0.2}, {"annualizedReturn": 0.15}) == pytest.approx(0.05)
    assert panel_words.ahead({"annualizedReturn": 0.2}, None) is None
    assert panel_words.signed(0.051) == "+5.1%"
    assert panel_words.signed(-0.02) == "−2.0%"


def test_a_batch_whose_tests_all_failed_is_not_just_complete():
    event = {"status": "complete", "successfulTests": 0, "failedTests": 8}
    assert panel_words.phase_text(event) == "Complete, all failed"
    assert panel_words.phase_text(event | {"successfulTests": 1}) == "Complete"


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ("2022-12-30", "2022-12-30"),
        ("2022-12-30T20:00:00Z", "2022-12-30 20:00 UTC"),
        ("2022-12-30T20:59:30Z", "2022-12-30 20:59:30 UTC"),
        ("open", "open"),
    ],
)
def test_the_moment_of_a_bar_is_written_as_other_moments(value, want):
    assert formatting.bar_time(value) == want


def test_both_sides_list_the_same_words_for_states_and_phases():
    script = (Path(__file__).parents[2] / "static" / "batches" / "panel-fields.js").read_text()
    words = dict(re.findall(r'(\w+): "([A-Z][a-z]+)"', script))
    assert {**panel_words.PHASES, **panel_words.STATES}.items() <= words.items()


@pytest.mark.parametrize(
    ("value", "want"), [(None, ""), (0.001, ""), (0.01, "up1"), (-0.04, "down2"), (0.5, "up3"), (-0.0, "")]
)
def test_returns_are_shaded_by_their_size(value, want):
    assert panel_words.shade(value) == want


def test_scaled_parameters_are_shown_with_four_digits():
    assert panel_words.rounded({"gridInterval": 0.0216678421}) == {"gridInterval": 0.02167}


def test_a_negative_number_has_a_real_minus_sign_wherever_it_is_written():
    """A winner that lost read “AAPL - -20.6%”."""
    best = {"symbol": "AAPL", "annualizedReturn": -0.206, "sharpe": -0.5}
    event = {"currentBeta": -0.25, "currentCoefficient": 1.0}
    texts = [
        panel_words.best_text(best, NAMES),
        panel_words.beta_text(event, NAMES),
        panel_words.value_text(-0.5, "sharpe", NAMES),
        formatting.parameter(-0.1, "percent"),
        formatting.metric(-1234.0, "currency"),
    ]
    assert texts[0] == "AAPL - −20.6% annual return, Sharpe ratio −0.50"
    assert not [text for text in texts[1:] if "-" in text]
