"""Pauses that were begun before their end was kept as a change that waits: each gets it, so that it ends by the rule of the others (decision 0025). One of the provider's own, which nobody asked for here, stays as it is."""

from datetime import datetime

from django.db import migrations

STEP = "backfill"


def keep_ends(apps, editor):
    rows, changes, acts = (apps.get_model("billing", name).objects.using(editor.connection.alias) for name in ("Subscription", "PendingChange", "Act"))
    for row in rows.filter(paused_until__isnull=False).exclude(external_id=""):
        asked = acts.filter(account__workspace=row.workspace_id, kind="plan.paused", state="done").order_by("-done_at", "-pk").first()
        until = asked.result.get("until") if asked else None
        if not until or datetime.fromisoformat(until) != row.paused_until:
            continue
        if not changes.filter(subscription=row, kind="pause", created_at__gte=asked.at).exists():
            changes.create(subscription=row, kind="pause", effective_at=row.paused_until, created_at=asked.at, asked_by=asked.actor)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0004_day_stretches'),
    ]

    operations = [migrations.RunPython(keep_ends, migrations.RunPython.noop)]
