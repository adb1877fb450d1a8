"""Exactly one of six states, by the first rule that holds, with its numbers."""

import re
from dataclasses import replace

import pytest

from batches.verdict.sentence import Findings, judge

GOOD = Findings(
    tries=500, bars=5000, years=19.8, trades=120, symbol="AAPL", sharpe=1.59, held=0.7, p=0.01, p_holding=0.01,
    shuffled=True, long_only=True, pbo=0.1, outside=1.64, efficiency=0.9, years_needed=9.5, too_short=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "state", "sentence"),
    [
        ({}, "holds_up", "Holds up: beyond luck (p 0.01), ahead of holding, and 1.64 out of sample."),
        ({"trades": 13}, "holds_up", "…ahead of holding, and 1.64 out of sample on only 13 trades."),
        (
            {"p_holding": 0.25, "p": 0.02},
            "holds_up",
            "…1.64 out of sample; its lead over holding may still be chance (p 0.25).",
        ),
        (
            {"too_short": True, "years": 1.17, "trades": 6, "tries": 5000, "years_needed": 13.5992},
            "too_short",
            "Too little to tell: 1.2 years and 6 closed trades. After 5,000 tries a Sharpe ratio of 1.0 needs up to…",
        ),
        (
            {"trades": 9},
            "too_short",
            "Too little to tell: 9 closed trades in 20 years; at least 10 are needed.",
        ),
        ({"p": None, "trades": 2000}, "too_short", "Too little to tell: 20 years and 2,000 closed trades."),
        (
            {"p": 0.3, "sharpe": -1.25, "held": -0.25},
            "no_better_than_holding",
            "No better than holding AAPL: the best of 500 has a Sharpe ratio of −1.25, holding −0.25; shuffled…",
        ),
        ({"outside": -0.1}, "edge_not_choice", "…−0.10 out of sample): trust the plateau, not the peak."),
        ({"p": None}, "too_short", None),
        ({"sharpe": None}, "too_short", "Nothing to judge: no test has a Sharpe ratio, because nothing traded or…"),
        (
            {"p": 0.291, "p_holding": 0.88, "sharpe": 0.7, "held": 0.65},
            "no_better_than_holding",
            "No better than holding AAPL: the best of 500 has a Sharpe ratio of 0.70, holding 0.65; shuffled days do…",
        ),
        ({"p": 0.06, "sharpe": 0.6, "held": 0.65}, "no_better_than_holding", None),
        ({"p": 0.46}, "likely_luck", "Likely luck: the best of 500 on shuffled days reaches this in 46 of 100…"),
        ({"p": 0.46, "long_only": False, "p_holding": 0.9}, "likely_luck", None),
        (
            {"p": 0.18, "sharpe": -0.24, "long_only": False},
            "weak",
            "Weak: the best of 500 has a Sharpe ratio of −0.24, no better than cash.",
        ),
        ({"p": 0.01, "sharpe": -0.24, "pbo": 0.62}, "weak", None),
        ({"p": 0.01, "sharpe": 0.0}, "weak", None),
        ({"p": 0.12}, "weak", "Weak: luck alone gets this far in 12 of 100 histories."),
        (
            {"pbo": 0.62},
            "edge_not_choice",
            "More than luck, but which row you pick hardly matters (PBO 0.62, 1.64 out of sample): trust the plateau,…",
        ),
        ({"outside": -0.1}, "edge_not_choice", None),
        ({"efficiency": 0.4}, "edge_not_choice", None),
        ({"outside": None}, "edge_not_choice", None),
        ({"pbo": None}, "holds_up", None),
        ({"p": 0.05}, "holds_up", None),
    ],
)
def test_the_first_rule_that_holds_decides(changes, state, sentence):
    found, words = judge(replace(GOOD, **changes))
    assert found == state
    if sentence:
        start, _, end = sentence.partition("…")
        assert words.startswith(start)
        assert words.endswith(end)
        assert "…" in sentence or words == sentence
    assert words.endswith(".")
    assert not re.search(r"significant|proven|probability|None|nan", words)


def test_a_symbol_from_right_to_left_does_not_turn_the_sentence_around():
    _, words = judge(replace(GOOD, symbol="שלום", p=0.3, held=2.0))
    assert words.startswith("No better than holding \u2068שלום\u2069: the best of 500")


def test_a_single_test_is_not_the_best_of_many():
    _, words = judge(replace(GOOD, tries=1, p=0.5))
    assert words == "Likely luck: the test on shuffled days reaches this in 50 of 100 histories."


def test_without_shuffles_the_sentence_does_not_speak_of_them():
    for p in (0.1, 0.3):
        for held in (0.7, 2.0):
            assert "shuffled" not in judge(replace(GOOD, p=p, held=held, shuffled=False))[1]
