"""Prices from Yahoo Finance: a stub of yfinance where it would answer, the real one where there is no network."""

import sys
from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest
import yfinance
from django.core.management import call_command

from batches.models import Instrument, PriceImport
from batches.prices import yahoo
from batches.prices.yahoo import YahooError, fetch

START, END = date(2020, 1, 2), date(2020, 1, 6)


def history(closes):
    """As yfinance returns it: the index in the exchange's time, some days without a price."""
    index = pd.DatetimeIndex(["2020-01-02", "2020-01-03", "2020-01-06"], tz="America/New_York", name="Date")
    columns = dict.fromkeys(("Open", "High", "Low", "Close"), closes)
    return pd.DataFrame(columns | {"Volume": 100, "Dividends": 0.0, "Stock Splits": 0.0}, index=index)


class Yahoo:
    """answers : for each symbol a list of what is returned or raised, in turn."""

    exceptions = yfinance.exceptions

    def __init__(self, **answers):
        self.answers = answers
        self.requests = []

    def Ticker(self, symbol):
        def respond(**options):
            self.requests.append((symbol, options["start"], options["end"]))
            answer = self.answers[symbol].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return SimpleNamespace(history=respond)


@pytest.fixture
def ask(monkeypatch):
    """ask(SYMBOL=[answers]): the parsed file, the messages, and the waits."""

    def ask(**answers):
        stub, messages, waited = Yahoo(**answers), [], []
        monkeypatch.setitem(sys.modules, "yfinance", stub)
        parsed = fetch(list(answers), START, END, say=messages.append, sleep=waited.append)
        return SimpleNamespace(parsed=parsed, messages=messages, waited=waited, requests=stub.requests)

    return ask


def test_the_bars_of_all_symbols_are_read_by_their_own_days(ask):
    result = ask(NVDA=[history([1.0, float("nan"), 3.0])], TSLA=[history([4.0, 5.0, 6.0])])
    nvda, tsla = result.parsed.series
    assert list(nvda.columns["date"].astype(str)) == ["2020-01-02", "2020-01-06"]
    assert list(tsla.columns["close"]) == [4.0, 5.0, 6.0]
    assert {"open", "high", "low", "volume"} <= tsla.columns.keys()
    assert result.requests == [("NVDA", START, date(2020, 1, 7)), ("TSLA", START, date(2020, 1, 7))]


def test_a_refused_request_is_retried(ask):
    limited = yfinance.exceptions.YFRateLimitError()
    result = ask(NVDA=[limited, ConnectionError("reset by peer"), history([1.0, 2.0, 3.0])])
    assert result.waited == [1.0, 4.0]
    assert result.messages[2] == "NVDA: reset by peer. Retrying in 4 s."


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            [ConnectionError("no route")] * 4,
            r"cannot be reached \(attempts for NVDA: 4\): no route. Check the network",
        ),
        ([yfinance.exceptions.YFRateLimitError()] * 4, "limits the rate of requests"),
        ([yfinance.exceptions.YFPricesMissingError("NVDA", "")], "has no prices for NVDA"),
        ([history([float("nan")] * 3)], "no prices for NVDA from 2020-01-02 to 2020-01-06"),
    ],
)
def test_an_error_says_what_could_not_be_fetched(ask, answers, message):
    with pytest.raises(YahooError, match=message):
        ask(NVDA=answers)


def test_one_symbol_that_fails_stores_none_of_them(db, monkeypatch, capsys):
    answers = {"NVDA": [history([1.0, 2.0, 3.0])], "NOPE": [yfinance.exceptions.YFPricesMissingError("NOPE", "")]}
    monkeypatch.setitem(sys.modules, "yfinance", Yahoo(**answers))
    with pytest.raises(SystemExit):
        call_command("load_prices", "--yahoo", "nvda", "nope")
    assert "error: Yahoo Finance has no prices for NOPE" in capsys.readouterr().err
    assert not Instrument.objects.exists()


def test_the_command_stores_and_records_what_it_fetched(db, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "yfinance", Yahoo(NVDA=[history([1.0, 2.0, 3.0])]))
    call_command("load_prices", "--yahoo", "nvda", "--start", "2020-01-02", "--end", "2020-01-06")
    assert "Yahoo Finance: 1 added" in capsys.readouterr().out
    assert Instrument.objects.get().series.source == "Yahoo Finance"
    assert (PriceImport.objects.get().name, PriceImport.objects.get().channel) == ("NVDA", "command")


def test_without_yfinance_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(YahooError, match="yfinance is not installed"):
        fetch(["NVDA"], START, END, say=print)


def test_without_a_network_the_real_yfinance_raises_our_error(monkeypatch, tmp_path):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # no server listens there
    monkeypatch.setattr(yahoo, "WAITS_S", ())
    yfinance.set_tz_cache_location(str(tmp_path))
    with pytest.raises(
        YahooError, match=r"Yahoo Finance cannot be reached \(attempts for NVDA: 1\): .*Check the network"
    ):
        fetch(["NVDA"], START, END, say=print)
