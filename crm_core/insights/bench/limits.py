"""A limit under load, inside one workspace: how many statements the check costs, and a hundred creations at once where fewer fit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connections

from billing.metering.models import Counter
from billing.models import BillingAccount
from billing.providers import registry
from billing.providers.protocol import Payer
from crm_core.people.companies.models import Company
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.db import sides
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import PlanRefusal
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.workspace import Place
from tenants.finding import awake
from tenants.inside.models import WorkspaceState

TRIES, ROOM, _AT_ONCE = 100, 37, 20
_METRIC = "contacts"


def customer_of(slug: str) -> dict[str, str]:
    """The workspace's account with a customer at the payment service."""
    workspace = awake(slug)
    with sides.control_unit():
        account, _made = BillingAccount.objects.get_or_create(workspace=workspace, defaults={"slug": slug})
    account.provider = "stripe"
    account.external_id = registry.provider_for(account).ensure_customer(Payer(account.public_id, slug, f"{slug}@bench.example"), external_id=None, key=account.public_id)
    with sides.control_unit():
        account.save(update_fields=["provider", "external_id"])
    return {"customer": account.external_id, "account": account.public_id}


def measure(slug: str) -> dict[str, Any]:
    """Statements of one check; then the hundred."""
    place = awake(slug).place
    with sides.unit(place):
        used = gates.usage(_METRIC).used
        state = WorkspaceState.objects.get(pk=1)
        # The limit itself is the ceiling once the days above it are over.
        WorkspaceState.objects.filter(pk=1).update(limits=state.limits | {_METRIC: used + ROOM})
        Counter.objects.update_or_create(metric=_METRIC, defaults={"reached_at": clock.now() - timedelta(days=99)}, create_defaults={"value": used, "reached_at": clock.now() - timedelta(days=99)})
    statements = _statements(place)
    made = _at_once(place)
    with sides.unit(place):
        counter, counted = gates.usage(_METRIC).used, Contact.objects.filter(binned_at=None).count() + Company.objects.filter(binned_at=None).count()
    return {"statements": statements, "tries": TRIES, "room": ROOM, "made": made, "counter": counter, "count": counted}


def _statements(place: Place) -> int:
    with sides.unit(place), _counted(place.alias) as seen:
        gates.require(_METRIC, adding=1)
        count = len(seen)
        gates.forget()
    return count


@contextmanager
def _counted(alias: str) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(note):
        yield seen


def _at_once(place: Place) -> int:
    made: list[int] = []
    turns = iter(range(TRIES))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                turn = next(turns, None)
            if turn is None:
                connections.close_all()
                return
            try:
                with sides.unit(place):
                    contacts.create_contact(robot("bench"), first_name=f"At once {turn}")
                made.append(turn)
            except PlanRefusal:
                continue

    crew = [threading.Thread(target=work) for _ in range(_AT_ONCE)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    return len(made)
