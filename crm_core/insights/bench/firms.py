"""Many small firms for the bench: each a workspace with an owner, some rows and a session, made without the pages."""

from __future__ import annotations

import time
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.sales.deals import services as deals
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.accounts.models import User
from crm_platform.accounts.sessions import SessionStore
from crm_platform.db import sides
from crm_platform.kernel.permissions import robot
from tenants import creating
from tenants.inside import services as inside
from tenants.models import Workspace
from tenants.provisioning import pool, template

CONTACTS, DEALS = 10, 6
ROBOT = robot("bench")


def make(count: int, *, prefix: str) -> dict[str, Any]:
    """Make firms; gives each one's address, session and a contact to open. Needs the owner's login."""
    script = template.current()
    began = time.perf_counter()
    made = []
    for number in range(count):
        pool.make(script)
        slug = f"{prefix}-{number}"
        workspace = creating.create_workspace(creating.Wish(firm=slug, slug=slug, email=f"{slug}@bench.example", password="", plan="business"))
        made.append({"slug": slug} | _fill(workspace))
    return {"firms": made, "seconds": round(time.perf_counter() - began, 1)}


def _fill(workspace: Workspace) -> dict[str, Any]:
    with sides.unit(workspace.place):
        inside.change_preferences(ROBOT, first_steps=False)
        person = User.objects.get(is_active=True)
        firm = companies.create_companies(ROBOT, [{"name": f"Bakker {workspace.slug}", "responsible_id": person.pk}])[0]
        people = contacts.create_contacts(ROBOT, [_contact(at, person.pk) for at in range(CONTACTS)])
        stages = pipelines.everything().open_of(pipelines.first().pk)
        deals.create_deals(ROBOT, [_deal(at, person.pk, firm.pk, stages[at % len(stages)].pk) for at in range(DEALS)])
        return {"session": _session(person), "contact": people[0].pk}


def _contact(at: int, person: int) -> dict[str, Any]:
    return {
        "first_name": f"Anna {at}", "last_name": "Visser", "responsible_id": person,
        "phones": [{"number": f"+31{600_000_000 + at}", "kind": "mobile"}], "emails": [{"address": f"anna{at}@visser.example", "kind": "work"}],
    }  # fmt: skip


def _deal(at: int, person: int, company: int, stage: int) -> dict[str, Any]:
    return {"name": f"Order {at}", "responsible_id": person, "company_id": company, "sum_minor": 10_000 * (at + 1), "currency": "EUR", "stage_id": stage}


def _session(person: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.save()
    UserSession.objects.create(user=person, session_key=session.session_key, ip="127.0.0.1", user_agent="bench")
    return str(session.session_key)
