"""Timing provisioning, for the bench: ours beside stock django-tenants on the same server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django_tenants.models import TenantMixin
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
    """Medians in milliseconds: a claim (rolled back), a ready schema by script alone and by all hands, and what stock django-tenants' `tenant.save()` takes."""
    script = template.current()
    _saved()  # the first of a process reads its migrations from the disk
    makes, by_hands, saves = [], [], []
    for _ in range(5):  # in turns: a machine whose speed changes changes all alike
        makes += [_milliseconds(lambda: pool.fill(to=pool.ready(version=script.version) + 1)) for _ in range(3)]
        saves.append(_saved())
        by_hands.append(_milliseconds(lambda: pool.fill(to=pool.ready(version=script.version) + 10)) / 10)
    claims = []
    with control_unit():
        for _ in range(21):
            with transaction.atomic():
                claims.append(_milliseconds(pool.claim))
                transaction.set_rollback(True)
    return {
        "claim_ms": round(statistics.median(claims), 2), "make_ms": round(statistics.median(makes), 1),
        "each_of_ten_ms": round(statistics.median(by_hands), 1),
        "migrate_ms": round(statistics.median(saves)), "relations": script.relations, "tables": script.tables,
    }  # fmt: skip


def _saved() -> float:
    """What a firm of stock django-tenants waits for: `tenant.save()` with `auto_create_schema`, which makes the row, the schema, and migrates it.

    On the owner's connection, whose search path is django-tenants' own, in a process that has done so before; without what it prints.
    """
    tenant = Workspace(schema_name=f"w_measure{ids.random_id(8)}", state=State.SPARE)
    tenant.auto_create_schema = True
    with owner.seated() as connection:
        connection.set_schema_to_public()
        try:
            return _milliseconds(lambda: TenantMixin.save(tenant, verbosity=0, using=connection.alias))
        finally:
            connection.set_schema_to_public()
            owner.run(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(tenant.schema_name)))
            Workspace.objects.using(connection.alias).filter(schema_name=tenant.schema_name).delete()


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
