"""Events that JSON cannot hold, or that are too large for their watchers."""

import orjson

from batches.sweep.encoding import EVENT_BYTES, RESULTS_BYTES, encode, fitted

ROW = {"index": 1, "symbol": "ACME", "parameters": {"fast": 5}} | {f"metric{n}": 0.1234567890123 + n for n in range(19)}


def results(symbols, errors=0):
    return {
        "results": [ROW] * 100,
        "truncated": False,
        "errors": [{"message": "x" * 500, "count": 1, "example": ROW}] * errors,
        "comparison": {f"S{number}": ROW for number in range(symbols)},
        "summary": {"overallBest": ROW, "bestBySymbol": {f"S{number}": ROW for number in range(symbols)}},
        "validation": {"warnings": ["Few trades."]},
    }


def test_what_is_undefined_leaves_as_null_and_an_event_is_one_line():
    text = encode({"sharpe": float("nan"), "calmar": float("inf"), "error": "two\nlines"})
    assert orjson.loads(text) == {"sharpe": None, "calmar": None, "error": "two\nlines"}
    assert "\n" not in text


def test_no_value_silences_an_event():
    odd = {"text": "half a pair \ud800", "huge": 2**70, "thing": object(), "nan": float("nan"), "rows": [({1: True},)]}
    decoded = orjson.loads(encode(odd))
    assert decoded["text"] == "half a pair \N{REPLACEMENT CHARACTER}"
    assert (decoded["huge"], decoded["nan"], decoded["rows"]) == (str(2**70), None, [[{"1": True}]])


def test_small_results_are_sent_as_they_are():
    small = results(2) | {"results": [ROW]}
    assert fitted(small) is small
    assert fitted(None) is None


def test_a_terminal_event_holds_fewer_entries_and_says_so():
    whole = results(5_000, errors=50)
    cut = fitted(whole)
    assert cut is not None
    assert len(encode(cut)) <= RESULTS_BYTES < EVENT_BYTES
    assert cut["truncated"]
    assert 0 < len(cut["results"]) < 100
    assert cut["results"] == whole["results"][: len(cut["results"])]
    first, warning = cut["validation"]["warnings"]
    assert first == "Few trades."
    assert f"{len(cut['summary']['bestBySymbol'])} of 5,000 symbols with a best row" in warning
    assert len(whole["results"]) == 100
