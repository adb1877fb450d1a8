"""Archives, workbooks, Feather and JSON that grow when they are unpacked are refused before they do."""

import bz2
import contextlib
import io
import lzma
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

from batches.prices.tables import BadPriceFile
from tests.support.price_files import read, refusal
from tests.support.workbook_files import workbook

MB = 1024 * 1024
ZEROS = b"0" * (2 * MB)


def packed(**files):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    return sink.getvalue()


def lying(content):
    """Say that a file of an archive has ten bytes."""
    size = len(ZEROS).to_bytes(4, "little")
    assert content.count(size) == 2
    return content.replace(size, (10).to_bytes(4, "little"))


def feather(compression):
    table = pa.table({"date": pa.array(np.zeros(MB, dtype=np.int64)), "close": pa.array(np.ones(MB))})
    sink = io.BytesIO()
    pyarrow.feather.write_feather(table, sink, compression=compression, chunksize=MB)
    return sink.getvalue()


FAR_CELLS = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
CELLS_WITHOUT_PLACE = '<row r="1"><c><v>1</v></c></row><row r="1048576">' + "<c><v>1</v></c>" * 5_000 + "</row>"
LONG_TEXT = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>' * 500

BOMBS = {
    "one file in an archive": (packed(zeros=ZEROS), "PRICES_MAX_UNPACKED_BYTES"),
    "many files that are small": (packed(**{f"f{n}": b"0" * 100_000 for n in range(20)}), "PRICES_MAX_UNPACKED_BYTES"),
    "a file that is larger than it says": (lying(packed(zeros=ZEROS)), "invalid zip archive"),
    "an archive in an archive": (packed(inner=packed(zeros=b"0")), "the archive holds another one, inner.csv"),
    "too many files": (packed(**{f"f{n}": b"" for n in range(2_001)}), "at most 2,000 files, got 2,001"),
    "bzip2": (bz2.compress(ZEROS), "PRICES_MAX_UNPACKED_BYTES"),
    "xz": (lzma.compress(ZEROS), "PRICES_MAX_UNPACKED_BYTES"),
    "zstd": (pa.compress(ZEROS, "zstd", asbytes=True), "PRICES_MAX_UNPACKED_BYTES"),
    "Feather with zstd": (feather("zstd"), "PRICES_MAX_UNPACKED_BYTES"),
    "Feather with LZ4": (feather("lz4"), "PRICES_MAX_UNPACKED_BYTES"),
    "a cell at the far end of a sheet": (workbook(FAR_CELLS), "at most 10,000,000 cells, got 17,179,869,184"),
    "cells that have no place": (workbook(CELLS_WITHOUT_PLACE), "at most 10,000,000 cells"),
    "a long text in many cells": (workbook(LONG_TEXT, texts=["x" * 30_000]), "PRICES_MAX_UNPACKED_BYTES"),
    "JSON": (b"[" + b"[]," * MB + b"[]]", "PRICES_MAX_UNPACKED_BYTES"),
    "deep JSON": (b"[" * 100_000 + b"]" * 100_000, "invalid"),
}


@pytest.mark.parametrize(("content", "message"), BOMBS.values(), ids=BOMBS)
def test_a_file_that_grows_is_refused_before_it_is_unpacked(content, message, settings):
    settings.PRICES_MAX_UNPACKED_BYTES = MB
    assert len(content) < 4 * MB
    assert message in refusal(content, "bomb.json" if content[:1] == b"[" else "bomb")


def test_damaged_containers_are_read_or_refused():
    dice = np.random.default_rng(15)
    sheet = workbook('<row r="1"><c r="A1"><v>1</v></c></row>')
    for content in (packed(a=b"date,close\n2020-01-02,1\n"), feather("lz4")[:4_000], sheet):
        for _ in range(40):
            damaged = bytearray(content)
            for place in dice.integers(0, len(content), 3):
                damaged[place] = dice.integers(0, 256)
            with contextlib.suppress(BadPriceFile):
                read(bytes(damaged))
