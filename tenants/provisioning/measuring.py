"""Timing provisioning, for the bench: ours beside stock django-tenants on the same server."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.db import transaction
from psycopg import sql

from crm_platform.db.sides import control_unit
from crm_platform.kernel import clock, ids
from tenants.models import Domain, State, Workspace

from . import owner, pool, template


def _milliseconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def provisioning() -> dict[str, Any]:
    """Medians in milliseconds: a claim (rolled back), a ready schema by script, `migrate_schemas` into an empty schema."""
    script = template.current()
    makes = [_milliseconds(lambda: pool.fill(to=pool.ready(version=script.version) + 1)) for _ in range(5)]
    claims = []
    with control_unit():
        for _ in range(21):
            with transaction.atomic():
                claims.append(_milliseconds(pool.claim))
                transaction.set_rollback(True)
    return {
        "claim_ms": round(statistics.median(claims), 2), "make_ms": round(statistics.median(makes), 1),
        "migrate_ms": round(statistics.median(_migrate() for _ in range(3))), "relations": script.relations, "tables": script.tables,
    }  # fmt: skip


def _migrate() -> float:
    name = f"w_measure{ids.random_id(8)}"
    with owner.seated():
        owner.run(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        took = _milliseconds(lambda: call_command("migrate_schemas", schema_name=name, verbosity=0, interactive=False, stdout=io.StringIO()))
        owner.run(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
    return took


def make_active(count: int, *, prefix: str) -> dict[str, Any]:
    """Make workspaces that count as active, with an address and nobody in them: what a rollout must bring along. Needs the owner's login."""
    script = template.current()
    began = time.perf_counter()
    for number in range(count):
        name, slug = pool.make(script), f"{prefix}-{number}"
        with control_unit():
            row = Workspace.objects.get(schema_name=name)
            row.state, row.slug, row.name, row.claimed_at = State.ACTIVE, slug, slug, clock.real_now()
            row.save(update_fields=["state", "slug", "name", "claimed_at"])
            Domain.objects.create(domain=slug, tenant=row, is_primary=True)
    return {"made": count, "seconds": round(time.perf_counter() - began, 1)}
