"""Notes that an import wrote on records that stay go with its undo."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.groundwork.imports.traces import Trace, sweeps
from crm_core.groundwork.records import registry
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor

from .models import Note

AT_ONCE = 1000


@sweeps("note.added", entity="note")
def notes(actor: Actor, added: Sequence[Trace]) -> int:
    """Those of this import; what lies in the bin keeps its notes. They are no leftovers to count."""
    pks = [trace.pk for trace in added if trace.mine]
    for start in range(0, len(pks), AT_ONCE):
        for kind in registry.kinds():
            living = kind.model.objects.filter(binned_at=None).values("pk")
            Note.objects.filter(pk__in=pks[start : start + AT_ONCE], entity=kind.code, binned_at=None, record_id__in=living).update(binned_at=clock.now(), binned_by=actor.user_id)
    return 0
