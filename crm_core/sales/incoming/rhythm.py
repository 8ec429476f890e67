"""How often a source speaks: its last lead, and the usual pause between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from .models import LeadSource


def heard(moments: Mapping[int, Sequence[datetime]]) -> None:
    """Keep by source (its pk) that leads came at these moments. The pause is a moving mean in seconds, in which a burst counts as one."""
    for source in LeadSource.objects.select_for_update().filter(pk__in=moments).order_by("pk") if moments else ():
        last, usual = source.last_lead_at, source.rhythm_seconds
        for moment in sorted(moments[source.pk]):
            gap = int((moment - last).total_seconds()) if last is not None else 0
            if gap >= 60:
                usual = gap if usual is None else (usual * 4 + gap) // 5
            last = moment if last is None else max(last, moment)
        LeadSource.objects.filter(pk=source.pk).update(last_lead_at=last, rhythm_seconds=usual)
