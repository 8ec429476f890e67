"""Somebody without a seat asks an administrator for one: a letter, at most once a day."""

from __future__ import annotations

from datetime import timedelta

from crm_platform.accounts import directory, roles
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import Access, User
from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.kernel import clock, workspace
from crm_platform.letters import post

ASKED = "seat.asked"


def ask(person: User) -> int:
    """Write to owners and administrators; returns to how many, 0 where they know it since yesterday. In the caller's unit."""
    if Event.objects.filter(name=ASKED, record_id=person.pk, at__gt=clock.now() - timedelta(days=1)).exists():
        return 0
    readers = [one for one in directory.everyone().values() if one.role.code in (roles.OWNER, roles.ADMINISTRATOR) and one.access == Access.ACTIVE and one.email]
    for reader in readers:
        post.write(str(reader.email), "seat_asked", language=reader.language, who=person.name, url=workspace.url("/settings/people"))
    emit(actor_of(person), "seat.asked", entity="person", record_id=person.pk, after={"name": person.name})
    return len(readers)
