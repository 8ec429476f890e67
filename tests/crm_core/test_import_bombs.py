"""Files made to hurt: each is refused with a sentence, or read, and the process that reads it stays small and quick."""

from __future__ import annotations

import resource
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from crm_core.groundwork.imports import mapping, reading, recognising, unpacking
from crm_core.groundwork.imports.parsing import _BETWEEN

HEAD = b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Name</t></is></c></row>'
TAIL = b"</sheetData></worksheet>"


def bomb(tmp_path: Path, pieces: list[bytes]) -> Path:
    """A workbook whose only sheet is what is given."""
    plain, path = tmp_path / "plain.xlsx", tmp_path / "bomb.xlsx"
    book = xlsxwriter.Workbook(str(plain))
    book.add_worksheet().write_row(0, 0, ["Name", "E-mail"])
    book.close()
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != "xl/worksheets/sheet1.xml":
                new.writestr(name, old.read(name))
        with new.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for piece in (HEAD, *pieces, TAIL):
                sheet.write(piece)
    return path


@pytest.mark.parametrize(
    "pieces",
    [
        [b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'],
        [b'<row><c t="inlineStr"><is><t>', *([b"A" * 10_000_000] * 60), b"</t></is></c></row>"],
    ],
    ids=["a cell at the far corner", "one cell of 600 MB"],
)
def test_a_workbook_that_unpacks_to_gigabytes_is_a_sentence(tmp_path: Path, pieces: list[bytes]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = bomb(tmp_path, pieces)
    with pytest.raises(reading.CannotRead) as refused:
        reading.recognise(path, path.name)
    assert "too large" in refused.value.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_reader_that_stops_in_between_leaves_no_child(tmp_path: Path) -> None:
    path = tmp_path / "long.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("All")
    for row in range(5000):
        sheet.write_row(row, 0, [f"Person {row}", row, 1.5])
    book.close()
    assert unpacking.sheets(path) == ["All"]
    lines = unpacking.rows(path, "All")
    assert next(lines) == ["Person 0", "0", "1.5"]
    lines.close()
    assert sum(1 for _line in unpacking.rows(path, "All")) == 5000


def test_a_line_longer_than_any_row_is_said_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_LINE", 1000)
    path = tmp_path / "long.csv"
    path.write_text("Name,City\n" + "x" * 5000 + "\nAnna,Delft\n")
    _head, broken, row = reading.rows(path, reading.Reading("csv", encoding="utf-8", separator=","))
    assert broken == []
    assert broken.reason
    assert row == ["Anna", "Delft"]


def test_cells_beyond_the_columns_are_let_go_and_examples_are_cut(tmp_path: Path, inside: Any) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("Name,City\nAnna," + "y" * 9000 + "," * 100_000 + "\n")
    read = reading.Reading("csv", encoding="utf-8", separator=",")
    assert max(len(row) for row in reading.rows(path, read)) == reading.MOST_COLUMNS + 1
    [example] = mapping.profile(path, read)["examples"]
    assert [len(cell) for cell in example] == [4, mapping.LONGEST_SHOWN]


def test_a_picture_written_as_letters_is_no_date_and_is_seen_to_be_none_at_once() -> None:
    began = time.process_time()
    picture = "Ab" * 500_000
    assert recognising.date_order([picture]) is None
    assert recognising.read_date(picture, "dmy") is None
    assert recognising.read_number("1" * 100_000, ".") is None
    assert not recognising.looks_like_figure(picture)
    assert len(_BETWEEN.split(" " * 500_000 + ";")) == 2
    assert time.process_time() - began < 2
    assert recognising.read_date("12 May 2024", "dmy")


def test_a_card_that_goes_on_for_ever_is_cut(tmp_path: Path) -> None:
    began = time.process_time()
    path = tmp_path / "cards.vcf"
    path.write_text("BEGIN:VCARD\nFN:Anna\nNOTE;ENCODING=QUOTED-PRINTABLE:x=\n" + "aa=\n" * 1_500_000 + "\nEND:VCARD\nBEGIN:VCARD\nFN:Ben\nEND:VCARD\n")
    _head, anna, ben = reading.rows(path, reading.recognise(path, path.name))
    assert (anna[0], ben[0]) == ("Anna", "Ben")
    assert max(map(len, anna)) <= 2_000_000
    assert time.process_time() - began < 10
