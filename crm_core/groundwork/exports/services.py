"""Lists as spreadsheets. Cells that a spreadsheet would run as a formula are neutralised."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from django.utils import timezone

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.records.desk import Desk
from crm_platform.events.backbone import emit
from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Actor

from . import columns

BATCH = 1000
# What spreadsheets take for the beginning of a formula (OWASP: CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# One figure or phone, or several parted by commas: nothing that could be run.
_PHONES = re.compile(r"[+-] ?\d[\d ().,-]*(?:[,;] ?\+?\d[\d ().-]*)*\Z")


def neutral(value: Any) -> Any:
    """A text that begins like a formula gets an apostrophe before it; figures and phones stay what they are."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    return value if _PHONES.match(value) else f"'{value}"


def table(actor: Actor, desk: Desk, query: Any) -> Iterator[list[Any]]:
    """The head and then every row the actor may export, batch by batch; raises Forbidden."""
    permissions.require(actor, desk.kind.entity.EXPORT)
    fields, further = custom.fields_of(desk.kind.code), columns.of(desk.kind.code)
    shown = [column for column in desk.columns if further.heads.get(column.name, column.label) != ""]
    heads = [str(further.heads.get(column.name) or column.label or column.name) for column in shown]
    yield [columns.own_number(), *heads, *(str(label) for label, _text in further.columns), *(one.name for one in fields)]
    rows, _chips = desk.narrowed(actor, query)
    rows = rows.filter(desk.reach(actor, action="export"))
    pks = list(rows.values_list("pk", flat=True))
    for start in range(0, len(pks), BATCH):
        wanted = pks[start : start + BATCH]
        found = desk.kind.model.objects.in_bulk(wanted)
        records = [found[pk] for pk in wanted if pk in found]
        given = desk.gather(records) | further.gather(records)
        for record in records:
            own = [*(column.text(record, given) for column in shown), *(text(record, given) for _label, text in further.columns)]
            yield [record.pk, *own, *(custom.shown(one, record.custom.get(str(one.pk))) for one in fields)]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def as_csv(rows: Iterator[list[Any]]) -> bytes:
    """UTF-8 with the mark that spreadsheets look for."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([neutral(_plain(value)) for value in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(rows: Iterator[list[Any]]) -> bytes:
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


def export(actor: Actor, desk: Desk, query: Any, *, form: str) -> bytes:
    """A list as `csv` or `xlsx`; announces the event, since data leaves the house."""
    content = as_csv(table(actor, desk, query)) if form == "csv" else as_xlsx(table(actor, desk, query))
    emit(actor, f"{desk.kind.code}.exported", entity=desk.kind.code, record_id=None, after={"format": form, "bytes": len(content)}, also=["workspace:1"])
    return content
