"""Years of minutes in one file, as people have them (case 38 of the public bug reports)."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from batches.models import Instrument
from batches.prices.series import load_series

pytestmark = pytest.mark.django_db


def minutes_file(bars):
    moments = pd.date_range("2018-01-01", periods=bars, freq="min").strftime("%Y-%m-%d %H:%M:%S")
    prices = 100 + np.arange(bars) % 977 * 0.01
    table = pd.DataFrame(
        {
            "Datetime": moments,
            "Open": prices,
            "High": prices + 0.05,
            "Low": prices - 0.05,
            "Close": prices + 0.01,
            "Volume": np.arange(bars) % 50 + 0.5,
        }
    )
    return table.to_csv(index=False, float_format="%.4f").encode()


@pytest.mark.parametrize("bars", [15_000, pytest.param(1_500_000, marks=pytest.mark.extended)])
def test_years_of_minutes_are_read_from_one_file_packed_or_not(client, settings, bars):
    content = minutes_file(bars)
    for symbol, name, data in (
        ("FMIN", "FMIN.csv", content),
        ("FMINZ", "FMINZ.csv.gz", gzip.compress(content, compresslevel=1)),
    ):
        response = client.post("/api/instruments", {"file": SimpleUploadedFile(name, data)})
        assert response.status_code == 201, response.content
        entry = next(entry for entry in response.json()["instruments"] if entry["symbol"] == symbol)
        assert (entry["bars"], entry["barSeconds"]) == (bars, 60)
        series = load_series(Instrument.objects.get(symbol=symbol).series_id)
        assert series.close[-1] == pytest.approx(100 + (bars - 1) % 977 * 0.01 + 0.01, abs=1e-4)
    settings.PRICES_MAX_BYTES = len(content) - 1
    refused = client.post("/api/instruments", {"file": io.BytesIO(content)})
    assert refused.status_code == 413
    assert "Compress it with gzip, or load it with manage.py load_prices." in refused.json()["error"]
