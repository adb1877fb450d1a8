"""From an uploaded file to the contents in it: unpacked within limits, and recognized by their first bytes."""

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, BinaryIO

import pyarrow as pa
from django.conf import settings

from batches.prices.tables import BadPriceFile, check_bytes

STEP_BYTES = 4 * 1024 * 1024
MAX_FILES = 2_000  # in an archive
TABLE_ENDINGS = (
    ".csv", ".tsv", ".parquet", ".pq", ".feather", ".arrow", ".xlsx", ".xlsm", ".xlsb", ".ods", ".json", ".gz",
)  # fmt: skip


class Kind(StrEnum):
    TEXT = "text"
    PARQUET = "Parquet"
    ARROW = "Feather"
    WORKBOOK = "workbook"


@dataclass(frozen=True)
class Content:
    """One file. name : its own in an archive, else that of the upload"""

    name: str
    kind: Kind
    data: bytes


@dataclass(frozen=True)
class Contents:
    """The files of an upload; more than one only in an archive. ignored : names in the archive that hold no table"""

    files: list[Content]
    is_archive: bool = False
    ignored: tuple[str, ...] = ()


PACKED: dict[bytes, tuple[str, Callable[[BinaryIO], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda file: gzip.GzipFile(fileobj=file)),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ\0": ("xz", lzma.LZMAFile),
    b"\x28\xb5\x2f\xfd": ("zstd", lambda file: pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")),
}
SAVE_AS = "save it as CSV or .xlsx"
UNSUPPORTED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xd0\xcf\x11\xe0", f"this is an old Excel workbook (.xls); {SAVE_AS}"),
    (0, b"%PDF", "this is a PDF document; prices must be a table, such as CSV"),
    (0, b"7z\xbc\xaf", "this is a 7-Zip archive; unpack it, or pack it as .zip"),
    (0, b"Rar!", "this is a RAR archive; unpack it, or pack it as .zip"),
    (257, b"ustar", "this is a tar archive; unpack it, or pack it as .zip"),
    (0, b"SQLite format 3\0", "this is an SQLite database; export its table as CSV"),
    (0, b"\x89HDF", "this is an HDF5 file; write it with DataFrame.to_parquet"),
    (0, b"\x93NUMPY", "this is a NumPy array; write it with DataFrame.to_parquet"),
    (0, b"FEA1", "this is a Feather file of version 1; write it with to_parquet"),
    (0, b"ORC", "this is an ORC file; write it with to_parquet"),
    (0, b"Obj\x01", "this is an Avro file; write it as CSV or Parquet"),
    (0, b"RDX", "this is an R data file; write it with write.csv"),
    (0, b"\x89PNG", "this is an image"),
    (0, b"\xff\xd8\xff", "this is an image"),
    (0, b"GIF8", "this is an image"),
    (0, b"{\\rtf", "this is a text document (RTF); save it as plain text or CSV"),
)
OTHER_ZIPS = {
    "mimetype": f"this is an OpenDocument file; {SAVE_AS}",
    "xl/workbook.bin": f"this is a binary Excel workbook (.xlsb); {SAVE_AS}",
    "word/document.xml": "this is a Word document; prices must be a table, such as CSV",
    "Index/Document.iwa": f"this is a Numbers document; {SAVE_AS}",
}
PICKLE = re.compile(rb"\x80[\x02-\x05][\x95}\]cC]")


def contents(source: BinaryIO | Path | bytes, name: str) -> Contents:
    data = _unpacked(_bytes_of(source), name)
    if data[:2] == b"PK" and data[2:4] in (b"\x03\x04", b"\x05\x06", b"\x07\x08"):
        return _of_zip(data, name)
    return Contents([Content(name, _kind(data, name), data)])


def _bytes_of(source: BinaryIO | Path | bytes) -> bytes:
    """Read one byte more than the limit, which is enough to exceed it."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(settings.PRICES_MAX_UNPACKED_BYTES + 1)
    return source.read(settings.PRICES_MAX_UNPACKED_BYTES + 1)


def _unpacked(data: bytes, name: str) -> bytes:
    """Decompress in steps, to stop a bomb early."""
    check_bytes(len(data), name)
    for magic, (kind, opened) in PACKED.items():
        if data.startswith(magic):
            try:
                return _read_in_steps(opened(io.BytesIO(data)), name)
            except EOFError:
                raise BadPriceFile(name, ("", f"the {kind} data is truncated")) from None
            except (OSError, ValueError, zlib.error, lzma.LZMAError) as error:
                raise BadPriceFile(name, ("", f"invalid {kind} data ({str(error)[:100]})")) from None
    return data


def _read_in_steps(file: IO[bytes], name: str, used: int = 0) -> bytes:
    """used : bytes that other files of the same archive take"""
    pieces, size = list[bytes](), used
    while piece := file.read(STEP_BYTES):
        pieces.append(piece)
        size += len(piece)
        check_bytes(size, name)
    return b"".join(pieces)


def _kind(data: bytes, name: str) -> Kind:
    """Raise BadPriceFile with what the file is, if it is of a kind that is not read."""
    if data[:4] == b"PAR1":
        return Kind.PARQUET
    if data[:6] == b"ARROW1" or data[:4] == b"\xff\xff\xff\xff":
        return Kind.ARROW
    for offset, magic, message in UNSUPPORTED:
        if data[offset : offset + len(magic)] == magic:
            raise BadPriceFile(name, ("", message))
    if PICKLE.match(data):
        raise BadPriceFile(name, ("", "this is a Python pickle, which is never read; write it with to_parquet"))
    return Kind.TEXT


def _of_zip(data: bytes, name: str) -> Contents:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if len(members) > MAX_FILES:
                message = f"the archive must have at most {MAX_FILES:,} files, got {len(members):,}"
                raise BadPriceFile(name, ("", message))
            check_bytes(sum(info.file_size for info in members), name)
            names = {info.filename for info in members}
            if message := next((message for entry, message in OTHER_ZIPS.items() if entry in names), ""):
                raise BadPriceFile(name, ("", message))
            if "[Content_Types].xml" in names:
                return Contents([Content(name, Kind.WORKBOOK, _repacked(archive, members, name))])
            return _of_archive(archive, members, name)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, zlib.error) as error:
        raise BadPriceFile(name, ("", f"invalid zip archive ({str(error)[:100]})")) from None
    except RuntimeError:
        raise BadPriceFile(name, ("", "the zip archive has a password; unpack it")) from None


def _is_hidden(filename: str) -> bool:
    """Return whether a system put the file there, not its author."""
    return (
        filename.startswith("__MACOSX/")
        or Path(filename).name.startswith((".", "~$"))
        or filename.endswith("Thumbs.db")
    )


def _repacked(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str) -> bytes:
    """Return the archive without compression: its sizes are then true for any other program."""
    sink, used = io.BytesIO(), 0
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as plain:
        for info in members:
            with archive.open(info) as file:
                piece = _read_in_steps(file, name, used)
            used += len(piece)
            plain.writestr(info.filename, piece)
    return sink.getvalue()


def _of_archive(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str) -> Contents:
    """Files with the ending of a table go before others, such as a readme."""
    members = [info for info in members if not _is_hidden(info.filename)]
    tables = [info for info in members if info.filename.lower().endswith(TABLE_ENDINGS)] or members
    files, used, unusable = list[Content](), 0, list[str]()
    for info in sorted(tables, key=lambda info: info.filename):
        with archive.open(info) as file:
            data = _unpacked(_read_in_steps(file, name, used), name)
        used += len(data)
        check_bytes(used, name)
        if data[:4] == b"PK\x03\x04":
            inner = _of_zip(data, info.filename)
            if inner.is_archive:
                raise BadPriceFile(name, ("", f"the archive holds another one, {info.filename[:60]}; unpack it"))
            files.extend(inner.files)
            continue
        try:
            files.append(Content(info.filename, _kind(data, info.filename), data))
        except BadPriceFile:
            if len(tables) == 1:
                raise
            unusable.append(info.filename)
    if not files:
        raise BadPriceFile(name, ("", "the archive has no tables"))
    ignored = {info.filename for info in members} - {info.filename for info in tables}
    return Contents(files, True, tuple(sorted([*ignored, *unusable])))
