"""Formulas that rank tests: what they compute, and that nothing but arithmetic is in them."""

import numpy as np
import pytest

from batches.errors import InvalidRequest
from batches.results.formula import BadFormula, check, evaluate
from batches.results.query import ResultsQuery, page
from tests.support import jobs

COLUMNS = {"sharpe": np.array([1.0, -2.0, np.nan]), "trades": np.array([4.0, 9.0, 16.0])}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("sharpe * sqrt(trades)", [2.0, -6.0, np.nan]),
        (" -sharpe + 2 ** 3 / 4 ", [1.0, 4.0, np.nan]),
        ("min(abs(sharpe), 1.5)", [1.0, 1.5, np.nan]),
        ("log(sharpe)", [0.0, np.nan, np.nan]),
        ("1 / (trades - 4)", [np.nan, 0.2, 1 / 12]),
        ("10 ** (trades * 100)", [np.nan, np.nan, np.nan]),
    ],
)
def test_a_formula_is_arithmetic_and_undefined_where_it_has_no_value(text, values):
    check(text, COLUMNS)
    np.testing.assert_allclose(evaluate(text, COLUMNS.__getitem__), values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sharp", "Unknown name 'sharp' in the formula. Did you mean sharpe?"),
        ("sharpe +", "is not a formula"),
        ("", "is not a formula"),
        ("(" * 150, "is not a formula"),
        ("sharpe.real", "'sharpe.real' is not allowed"),
        ("sharpe[0]", "is not allowed"),
        ("open('x')", "is not allowed"),
        ("__import__('os')", "is not allowed"),
        ("lambda: 1", "is not allowed"),
        ("sqrt(sharpe, 2)", "is not allowed"),
        ("min(*trades)", "is not allowed"),
        ("max(a=1)", "is not allowed"),
        ("'a' * 9", "is not allowed"),
        ("1e999", "is not allowed"),
        ("True", "is not allowed"),
        ("sharpe if trades else 1", "is not allowed"),
        ("sharpe" + " " * 200, "at most 200 characters"),
        ("sharpe\0", "is not a formula"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(BadFormula, match="^.*" + message.replace("(", r"\(").replace("?", r"\?")):
        check(text, COLUMNS)


@pytest.mark.django_db
def test_results_are_ranked_by_a_formula(finished):
    table = jobs.frame(finished)
    table["formula"] = table["sharpe"] * np.sqrt(table["trades"]) + table["fast"]
    ordered = table.sort_values(["formula", "index"], ascending=[False, True], na_position="last", kind="stable")
    query = ResultsQuery.parse(finished, {"sort": "-=sharpe*sqrt(trades)+fast", "pageSize": "100"})
    assert [row["index"] for row in page(finished, query).rows] == ordered["index"].tolist()
    with pytest.raises(InvalidRequest, match="Unknown name 'nope'"):
        ResultsQuery.parse(finished, {"sort": "=nope"})
