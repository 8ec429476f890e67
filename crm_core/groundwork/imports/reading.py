"""Files as tables: CSV in any usual encoding, separator and line ending, XLSX, vCard. Read row by row, memory stays flat."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charset_normalizer import from_bytes
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.errors import Invalid

from . import unpacking, vcards
from .broken import Broken

SAMPLE = 256 * 1024
MOST_COLUMNS = 300
SEPARATORS = (",", ";", "\t", "|")
_FORMULA = frozenset("=+-@\t\r")
# One cell: longer than anything a record holds is kept out of memory.
csv.field_size_limit(2_000_000)
LONGEST_LINE = 4_000_000
# Those in which spreadsheets of our five languages are saved; the person may choose another of CHOICES.
_ENCODINGS = ["utf_8", "cp1251", "cp1252", "koi8_r", "cp866"]
CHOICES = ("utf-8", "cp1251", "cp1252", "koi8_r", "cp866", "cp1250", "cp1254", "utf-16")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class CannotRead(Invalid):
    """The file is not a table we can read; nothing was stored."""

    code = "cannot_read"


def _refuse(sentence: Any) -> CannotRead:
    return CannotRead(fields={"file": [sentence]})


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read: `format` is csv, xlsx or vcard; `doubts` are sentences for the person, `headless` has no names of columns."""

    format: str
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    doubts: list[str] = field(default_factory=list)
    headless: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the import's row."""
        return {"format": self.format, "encoding": self.encoding, "separator": self.separator, "sheet": self.sheet, "doubts": list(self.doubts), "headless": self.headless}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Reading:
        """Back again."""
        return cls(kept["format"], kept.get("encoding", ""), kept.get("separator", ""), kept.get("sheet", ""), list(kept.get("doubts", [])), kept.get("headless", False))


def recognise(path: Path, name: str) -> Reading:
    """How to read a file, by its content first and its name second. Raises CannotRead with the reason."""
    if path.stat().st_size == 0:
        raise _refuse(_("The file is empty."))
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _recognise_workbook(path)
    if head.lstrip()[:11].upper() == b"BEGIN:VCARD" or name.lower().endswith((".vcf", ".vcard")):
        return Reading("vcard", encoding=_encoding(path, head)[0])
    encoding, doubts = _encoding(path, head)
    text = head.decode(encoding, errors="replace")
    if not text.strip("\ufeff \r\n\t,;"):
        raise _refuse(_("The file holds nothing but blanks."))
    return Reading("csv", encoding=encoding, separator=_separator(text), doubts=doubts)


def _recognise_workbook(path: Path) -> Reading:
    try:
        sheets = unpacking.sheets(path)
    except unpacking.CannotUnpack as error:
        raise _why(error) from None
    if not sheets:
        raise _refuse(_("The workbook has no filled sheet."))
    doubts = [str(_("The workbook has several sheets; this is “{sheet}”.")).format(sheet=sheets[0])] if len(sheets) > 1 else []
    return Reading("xlsx", sheet=sheets[0], doubts=doubts)


def _why(error: unpacking.CannotUnpack) -> CannotRead:
    if error.heavy:
        return _refuse(_("Unpacked, this workbook is too large to be read. Save the sheet as CSV, or cut it into parts."))
    return _refuse(_("This looks like an archive or an old document, not like a table. Save it as XLSX or CSV."))


def _encoding(path: Path, head: bytes) -> tuple[str, list[str]]:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, []
    wide = _wide(head)
    if wide:
        return wide, []
    if b"\x00" in head:
        raise _refuse(_("This is not a text but a program’s own format. Save it as CSV or XLSX."))
    if _is_utf8(path):
        return "utf-8", []
    if _mostly_utf8(head):
        return "utf-8", [str(_("Some letters are in another encoding than the rest; they are shown as �."))]
    found = from_bytes(head, cp_isolation=_ENCODINGS).best()
    encoding = found.encoding if found is not None else "cp1252"
    return encoding, [str(_("The letters look like {encoding}. If names look wrong, choose another.")).format(encoding=encoding)]


def _mostly_utf8(head: bytes) -> bool:
    """A mixed file: few bytes that are no UTF-8, or whole lines that are.

    Letters of another encoding make a right UTF-8 line by the rarest chance only, so a quarter of such lines says enough:
    read so, the other lines become errors to mend; read the other way, these would be gibberish that nobody notices.
    """
    text = head.decode("utf-8", errors="replace")
    wrong = text.count("\ufffd")
    right = sum(1 for letter in text if letter > "\x7f") - wrong
    lines = [line for line in text.splitlines() if not line.isascii()]
    sound = sum(1 for line in lines if "\ufffd" not in line)
    return right > 10 * wrong or (sound > 0 and sound * 4 >= len(lines))


def _wide(head: bytes) -> str:
    """UTF-16 without its mark: every second byte of Latin text is nought."""
    even, odd = head[0:4000:2].count(0), head[1:4000:2].count(0)
    length = max(1, min(len(head), 4000) // 2)
    if odd / length > 0.3 and even / length < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even / length > 0.3 and odd / length < 0.05 else ""


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _separator(text: str) -> str:
    """The sign that cuts the first lines into the same number of cells, more than one."""
    lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:60] if line.strip()]
    best, score = ",", 0.0
    for sign in SEPARATORS:
        counts = [len(row) for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=sign)]
        common, times = Counter(counts).most_common(1)[0] if counts else (1, 0)
        rated = common * times / max(1, len(counts)) if common > 1 else 0.0
        if rated > score:
            best, score = sign, rated
    return best


def rows(path: Path, reading: Reading) -> Iterator[list[str]]:
    """The rows as texts, the head first; cells stripped of outer blanks."""
    if reading.format == "xlsx":
        yield from _workbook_rows(path, reading.sheet)
    elif reading.format == "vcard":
        yield from vcards.rows(path, reading.encoding)
    else:
        with path.open("r", encoding=reading.encoding, errors="replace", newline=None) as file:
            yield from _csv_rows(file, reading.separator)


def _csv_rows(file: Any, separator: str) -> Iterator[list[str]]:
    lines = _Lines(file, separator)
    reader = csv.reader(lines, delimiter=separator)
    while True:
        lines.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Broken([], lines.swallowed() or _now("A cell of this row is longer than anything that can be kept."))
            continue
        cells = [_freed(cell.strip().lstrip("\ufeff")) for cell in row[: MOST_COLUMNS + 1]]
        lines.width = lines.width or len(cells)
        yield Broken(cells, lines.swallowed()) if lines.count > 1 and lines.quote_is_open(len(cells)) else cells


class _Lines:
    """The lines of a file; knows what a row has taken in, so that a quotation mark without its pair is noticed."""

    def __init__(self, file: Any, separator: str) -> None:
        self._file, self._separator, self.width, self._ended = file, separator, 0, False
        self.begin()

    def begin(self) -> None:
        """A row begins."""
        self.count = self._quotes = self._like_rows = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line: str = self._file.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            self._skip_rest()
            raise csv.Error("a line longer than any row")
        if not line:
            self._ended = True
            raise StopIteration
        if "\x00" in line:
            line = line.replace("\x00", "")
        self.count += 1
        self._quotes += line.count('"')
        if self.count > 1 and line.count(self._separator) >= max(1, self.width - 1):
            self._like_rows += 1
        return line

    def _skip_rest(self) -> None:
        """The rest of a line that is too long goes by in pieces."""
        while (piece := self._file.readline(LONGEST_LINE)) and not piece.endswith("\n"):
            pass

    def quote_is_open(self, cells: int) -> bool:
        """Whether the row goes to the end of the file inside a quotation, or has eaten lines that are rows themselves."""
        return (self._ended and self._quotes % 2 == 1) or (self._like_rows > 0 and cells < self.width)

    def swallowed(self) -> str:
        """What has happened, in words; nothing for a row of one line."""
        return _now("A quotation mark in this row is not closed; further lines taken in by it: %(count)d.") % {"count": self.count - 1} if self.count > 1 else ""


def _freed(cell: str) -> str:
    """A cell without the apostrophe that our own export puts before what a spreadsheet would run."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell


def _workbook_rows(path: Path, sheet: str) -> Iterator[list[str]]:
    try:
        for row in unpacking.rows(path, sheet):
            yield [_freed(cell) for cell in row[: MOST_COLUMNS + 1]]
    except unpacking.CannotUnpack as error:
        raise _why(error) from None
