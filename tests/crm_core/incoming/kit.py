"""Leads for the tests: a source, one that came through it, and the reading of what came."""

from __future__ import annotations

from typing import Any

from crm_core.sales.incoming import reading_job, sources
from crm_core.sales.incoming.models import IncomingLead, LeadSource
from crm_core.sales.incoming.services import take
from crm_platform.kernel.permissions import robot

ROBOT = robot("test")


def source(kind: str = "api", **values: Any) -> LeadSource:
    """A source of a kind."""
    return sources.add(ROBOT, name=values.pop("name", "Our site"), kind=kind, **values)


def came(payload: Any = None, *, through: LeadSource | None = None, category: str = "api", **more: Any) -> IncomingLead:
    """A lead that came and was read."""
    said = {"name": "Camille Duquesnoy", "email": "camille@maison.example", "phone": "+31 6 5555 0142", "message": "Bonjour"} if payload is None else payload
    lead = take(through, said, category=category, **more)
    reading_job.read_some()
    return IncomingLead.objects.get(uid=lead.uid)
