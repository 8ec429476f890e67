"""Spreadsheets that we write. Cells that a spreadsheet would run as a formula are neutralised."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from django.utils import timezone

TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
# What spreadsheets take for the beginning of a formula (OWASP: CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# One figure or phone, or several parted by commas: nothing that could be run.
_PHONES = re.compile(r"[+-] ?\d[\d ().,-]*(?:[,;] ?\+?\d[\d ().-]*)*\Z")


def neutral(value: Any) -> Any:
    """A text that begins like a formula gets an apostrophe before it; figures and phones stay what they are."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    return value if _PHONES.match(value) else f"'{value}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def as_csv(rows: Iterable[list[Any]]) -> bytes:
    """UTF-8 with the mark that spreadsheets look for."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([neutral(_plain(value)) for value in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(rows: Iterable[list[Any]]) -> bytes:
    """A workbook whose texts are texts, written row by row."""
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held, {"in_memory": True, "constant_memory": False, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    for number, row in enumerate(rows):
        for position, value in enumerate(row):
            plain = _plain(value)
            if isinstance(plain, (int, float, Decimal)) and not isinstance(plain, bool):
                sheet.write_number(number, position, float(plain))
            else:
                sheet.write_string(number, position, str(plain), bold if number == 0 else None)
    sheet.freeze_panes(1, 0)
    book.close()
    return held.getvalue()
