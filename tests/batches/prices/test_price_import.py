"""What is stored of the prices that were read: the bars, their versions, the betas."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command

from batches.models import Instrument, PriceSeries
from batches.prices.series import decode_bars
from tests.support.price_files import LONG, WIDE, parquet, read, store_prices

SAMPLE = Path(__file__).resolve().parents[3] / "backtester/sample_data/sp500_20_close.csv.gz"


def test_stored_bars_are_the_file_to_the_bit(db):
    text = "symbol,date,open,high,low,close,volume\nACME,2020-01-02,0.1,0.3,0.1,0.2,7\nACME,2020-01-03,1,3,1,2,8\n"
    assert str(store_prices(read(text))) == "1 added"
    series = Instrument.objects.get(symbol="ACME").series
    assert (series.n_bars, series.has_ohlc, series.source) == (2, True, "a test")
    assert (str(series.first_date), str(series.last_date)) == ("2020-01-02", "2020-01-03")
    columns = decode_bars(bytes(series.data))
    assert list(columns) == ["date", "close", "open", "high", "low", "volume"]
    assert list(columns["close"]) == [0.2, 2.0]
    assert list(columns["volume"]) == [7.0, 8.0]


def test_the_same_content_again_changes_nothing_whatever_its_form(db):
    store_prices(read(LONG), source="csv")
    frame = pd.read_csv(io.StringIO(WIDE), index_col="Date", parse_dates=True)
    report = store_prices(read(parquet(frame), "x.parquet"), source="parquet")
    assert report.unchanged == ("ACME", "BOLT")
    assert PriceSeries.objects.count() == 2


def test_changed_content_is_a_new_version_and_the_old_one_stays(db):
    store_prices(read(LONG), source="first")
    report = store_prices(read(LONG.replace("11", "12")), "second", "replace")
    assert (report.updated, report.unchanged) == (("ACME",), ("BOLT",))
    assert PriceSeries.objects.filter(symbol="ACME").count() == 2
    assert Instrument.objects.get(symbol="ACME").series.source == "second"


def walk(seed, n_bars=300):
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, n_bars)))


def wide(**columns):
    dates = pd.bdate_range("2020-01-01", periods=300, name="date")
    return parquet(pd.DataFrame(columns, index=dates))


def test_beta_is_measured_over_the_common_dates(db):
    market = walk(1)
    late = np.where(np.arange(300) < 100, np.nan, market**2)  # listed late, moves twice as much
    store_prices(read(wide(SP500=market, LATE=late)))
    own, other = (pd.Series(values[100:]).pct_change().dropna() for values in (late, market))
    expected = own.cov(other) / other.var()
    assert Instrument.objects.get(symbol="LATE").beta == pytest.approx(expected, rel=1e-12)
    assert Instrument.objects.get(symbol="SP500").beta == pytest.approx(1.0)


def test_betas_are_measured_anew_when_the_benchmark_comes_or_changes(db):
    store_prices(read(wide(ACME=walk(2))))
    assert Instrument.objects.get(symbol="ACME").beta is None
    store_prices(read(wide(SP500=walk(2))))
    assert Instrument.objects.get(symbol="ACME").beta == pytest.approx(1.0)
    Instrument.objects.update(manual_beta=3.0)
    store_prices(read(wide(SP500=walk(3))), on_overlap="replace")
    acme = Instrument.objects.get(symbol="ACME")
    assert acme.beta == pytest.approx(0, abs=0.5)
    assert acme.manual_beta == 3.0


def test_the_command_loads_the_sample_and_says_so(db, capsys):
    call_command("load_prices", str(SAMPLE))
    assert "sp500_20_close.csv.gz: 21 added" in capsys.readouterr().out
    apple = Instrument.objects.get(symbol="AAPL")
    assert apple.series.n_bars == 8_313
    assert apple.beta == pytest.approx(1.2, abs=0.4)


def test_the_command_stores_nothing_of_a_bad_file_and_ends_with_1(db, capsys, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(LONG + "CORE,2020-01-02,-1\n")
    for path, words in [(bad, "error: bad.csv: line 6: CORE on"), (tmp_path / "none.csv", "No such file")]:
        with pytest.raises(SystemExit) as caught:
            call_command("load_prices", str(path))
        assert caught.value.code == 1
        assert words in capsys.readouterr().err
    assert not Instrument.objects.exists()
