"""Lists as spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.records.desk import Desk
from crm_platform.events.backbone import emit
from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.sheets import as_csv, as_xlsx

from . import columns

BATCH = 1000


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


def export(actor: Actor, desk: Desk, query: Any, *, form: str) -> bytes:
    """A list as `csv` or `xlsx`; announces the event, since data leaves the house."""
    content = as_csv(table(actor, desk, query)) if form == "csv" else as_xlsx(table(actor, desk, query))
    emit(actor, f"{desk.kind.code}.exported", entity=desk.kind.code, record_id=None, after={"format": form, "bytes": len(content)}, also=["workspace:1"])
    return content
