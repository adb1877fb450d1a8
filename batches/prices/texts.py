"""From bytes to UTF-8 text: by the mark at the beginning, by validity, or by what makes the most sense."""

import codecs
import re
from dataclasses import dataclass

import charset_normalizer

from batches.prices.column_names import is_known
from batches.prices.tables import BadPriceFile

SAMPLE_BYTES = 64 * 1024
STEP_BYTES = 4 * 1024 * 1024
MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
# Tried in this order where charset-normalizer has no opinion.
LOCAL = ("cp1252", "gb18030", "big5", "shift_jis", "euc_kr", "cp1250", "cp1251")
LABELS = {"cp1252": "Windows-1252", "cp1250": "Windows-1250", "cp1251": "Windows-1251", "shift_jis": "Shift_JIS"}
CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x19\x1b-\x1f]")


@dataclass(frozen=True)
class Text:
    """data : UTF-8 without a mark; is_guessed : the encoding is not certain"""

    data: bytes
    encoding: str
    is_guessed: bool = False


def decoded(data: bytes, name: str, encoding: str) -> Text:
    """Return the text; encoding : as chosen, or empty to detect it."""
    text = _decoded(data, name, encoding)
    position = text.data.find(b"\0")
    if position < 0 and (control := CONTROLS.search(text.data, 0, SAMPLE_BYTES)):
        position = control.start()
    if position >= 0:
        raise BadPriceFile(name, (_line_of(text.data, position), "this is not text"))
    return Text(_line_ends(text.data.rstrip(b"\x1a")), text.encoding, text.is_guessed)


def _decoded(data: bytes, name: str, encoding: str) -> Text:
    mark, marked = next(((mark, label) for mark, label in MARKS if data.startswith(mark)), (b"", ""))
    own = encoding or marked or _unmarked_utf16(data)
    if own and own != "utf-8":
        if own == "utf-16":
            own = marked or _unmarked_utf16(data) or "utf-16-le"
        try:
            return Text(data[len(mark) :].decode(own).encode(), own.upper())
        except (UnicodeDecodeError, UnicodeEncodeError):
            raise BadPriceFile(name, ("", f"this is not {own.upper()} text. Choose another encoding")) from None
    error = _first_error(data)
    if error is None:
        return Text(data[len(mark) :], "UTF-8")
    if own:
        raise BadPriceFile(name, (_line_of(data, error), "this is not UTF-8 text"))
    return _guessed(data, error, name)


def _unmarked_utf16(data: bytes) -> str:
    """Return the byte order that puts a zero byte beside each character of the Latin alphabet."""
    sample = data[:1024]
    for label, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if len(zeros) >= 4 and zeros.count(0) > 0.8 * len(zeros) and sample.count(0) < 0.6 * len(sample):
            return label
    return ""


def _first_error(data: bytes) -> int | None:
    """Return the position of the first byte that is not UTF-8. In steps, since the text of a whole file is large."""
    if data.isascii():
        return None
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(data)
    for start in range(0, len(data), STEP_BYTES):
        n_pending = len(decoder.getstate()[0])  # bytes of a character that began in the step before
        try:
            decoder.decode(view[start : start + STEP_BYTES], final=start + STEP_BYTES >= len(data))
        except UnicodeDecodeError as error:
            return start + error.start - n_pending
    return None


def _guessed(data: bytes, position: int, name: str) -> Text:
    """Take the encoding in which the most cells of the first lines are names of columns."""
    start = data.rfind(b"\n", 0, position) + 1
    sample = data[:SAMPLE_BYTES] + data[start : start + SAMPLE_BYTES]
    ranked = [match.encoding for match in charset_normalizer.from_bytes(sample, cp_isolation=list(LOCAL))]
    if ranked[:1] == ["cp1250"]:  # of two that differ in a few letters, the more frequent one
        ranked.insert(0, "cp1252")
    fitting = list[tuple[int, str]]()
    for encoding in dict.fromkeys([*ranked, *LOCAL]):
        try:
            head = data[:SAMPLE_BYTES].decode(encoding, errors="ignore")
            data[start : start + SAMPLE_BYTES].decode(encoding, errors="ignore")
        except LookupError:
            continue
        cells = re.split(r"[,;\t|]", "\t".join(head.splitlines()[:10]))
        fitting.append((sum(is_known(cell.strip(' "')) for cell in cells), encoding))
    for _, encoding in sorted(fitting, key=lambda pair: -pair[0]):
        try:
            return Text(data.decode(encoding).encode(), LABELS.get(encoding, encoding.upper()), is_guessed=True)
        except UnicodeDecodeError:
            continue
    raise BadPriceFile(name, (_line_of(data, position), "this is not text in a known encoding. Save it as UTF-8"))


def _line_of(data: bytes, position: int) -> str:
    breaks = data.count(b"\n", 0, position)
    return f"line {breaks + 1}"


def _line_ends(data: bytes) -> bytes:
    """Old Macs end lines with CR alone; some programs write CR CR LF."""
    if b"\r" in data[:SAMPLE_BYTES]:
        if b"\n" not in data[:SAMPLE_BYTES]:
            return data.replace(b"\r", b"\n")
        if b"\r\r\n" in data[:SAMPLE_BYTES]:
            return data.replace(b"\r\r\n", b"\r\n")
    return data
