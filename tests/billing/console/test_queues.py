"""Events that could not be handled, differences, and refunds with a second person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.console import queues
from billing.documents import refunding
from billing.documents.models import Invoice, Kind, Refund, RefundState, Status
from billing.models import BillingAccount
from billing.providers import registry
from billing.providers.models import Drift, EventStatus, ProviderEvent
from crm_platform.accounts.operators import NotYourDuty, Operator
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock, ids
from crm_platform.kernel.errors import NotFound
from tests.conftest import Door

from .desk import ADMIN, LOOKER, TELLER

Desk = Callable[..., Client]


class Giver:
    """A provider that gives back whatever it is asked for."""

    code = "giver"
    capabilities: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def refund(self, invoice: str, *, amount: int, reason: str, key: str) -> str:
        self.asked.append((invoice, amount))
        return f"re-{ids.random_id()}"


@pytest.fixture
def giver(settings: Any) -> Iterator[Giver]:
    settings.CRM_REFUND_APPROVAL = 50_000
    made = Giver()
    with registry.stand_in(made):  # type: ignore[arg-type]  # only what a refund asks of a provider
        yield made


@pytest.fixture
def paid(doors: Door) -> Invoice:
    """An invoice of the workspace that was paid: 1,000.00 EUR."""
    with sides.control_unit():
        account, _made = BillingAccount.objects.get_or_create(workspace=doors.workspace)
        return Invoice.objects.create(
            account=account, provider="giver", external_id=f"in-{ids.random_id()}", number="K-77", kind=Kind.INVOICE, status=Status.PAID, currency="EUR",
            subtotal_minor=100_000, total_minor=100_000, paid_minor=100_000, paid_at=clock.now(), issued_at=clock.now(),
        )  # fmt: skip


def troubled(status: str = EventStatus.DEAD) -> ProviderEvent:
    """An event that could not be handled. Inside a control unit."""
    now = clock.real_now()
    return ProviderEvent.objects.create(
        provider="stripe", external_id=f"evt_{ids.random_id()}", kind="invoice.paid", created=now, raw='{"secret": "body"}', status=status, attempts=12, error="it tripped",
        next_attempt_at=now + timedelta(days=1),
    )  # fmt: skip


def test_an_event_is_asked_for_once_more(control_side: None) -> None:
    event = troubled()
    with pytest.raises(NotYourDuty):
        queues.replay(LOOKER, event.pk)
    assert list(queues.troubled_events("dead").filter(pk=event.pk)) == [event]
    queues.replay(TELLER, event.pk)
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("received", 0)
    assert Job.objects.filter(name="billing.event", target=event.pk).exists()
    assert Event.objects.get(name="provider_event.replayed", record_id=event.pk).before == {"status": "dead"}
    with pytest.raises(NotFound):
        queues.replay(TELLER, 0)


def test_a_small_refund_is_done_at_once_and_once(paid: Invoice, doors: Door, giver: Giver) -> None:
    given = {"document": paid.public_id, "amount": Decimal("120.50"), "reason": "a mistake", "operation": "op-1"}
    made = queues.give_back(TELLER, doors.place.public_id, **given)
    again = queues.give_back(TELLER, doors.place.public_id, **given)
    assert (made.state, again.pk, made.asked_by) == (RefundState.DONE, made.pk, TELLER.signature)
    assert giver.asked == [(paid.external_id, 12_050)]


def test_a_large_one_waits_for_another_operator(paid: Invoice, doors: Door, giver: Giver) -> None:
    made = queues.give_back(TELLER, doors.place.public_id, document=paid.public_id, amount=Decimal(500), reason="they leave", operation="op-2")
    assert made.state == RefundState.WAITING
    assert giver.asked == []
    with pytest.raises(refunding.SecondPerson):
        queues.decide(TELLER, made.public_id, agree=True)
    with pytest.raises(NotYourDuty):
        queues.decide(LOOKER, made.public_id, agree=True)
    namesake = Operator(99, TELLER.name, "other@op.example", TELLER.duty)
    queues.decide(namesake, made.public_id, agree=True)
    assert giver.asked == [(paid.external_id, 50_000)]
    with sides.control_unit():
        done = Refund.objects.get(pk=made.pk)
        assert (done.state, done.decided_by) == (RefundState.DONE, namesake.signature)
    with pytest.raises(refunding.Decided):
        queues.decide(ADMIN, made.public_id, agree=False)


def test_a_refund_is_of_this_workspace_and_bounded(paid: Invoice, doors: Door, session_workspace: Any, giver: Giver) -> None:
    with pytest.raises(NotFound):
        queues.give_back(TELLER, session_workspace.public_id, document=paid.public_id, amount=Decimal(1), reason="because", operation="op-3")
    with pytest.raises(refunding.TooMuch):
        queues.give_back(TELLER, doors.place.public_id, document=paid.public_id, amount=Decimal("1000.01"), reason="because", operation="op-4")
    with pytest.raises(NotYourDuty):
        queues.give_back(LOOKER, doors.place.public_id, document=paid.public_id, amount=Decimal(1), reason="because", operation="op-5")
    assert giver.asked == []


def test_the_pages_of_a_refund(desk: Desk, paid: Invoice, doors: Door, giver: Giver) -> None:
    asks, agrees, looks = desk("money"), desk("admin"), desk("viewer")
    path = f"/workspaces/{doors.place.public_id}/refund/{paid.public_id}"
    assert "K-77" in asks.get(f"/workspaces/{doors.place.public_id}").content.decode()
    assert "€1,000" in asks.get(path).content.decode()
    given = {"document": paid.public_id, "amount": "600", "reason": "they leave", "operation": ids.random_id()}
    assert looks.post(path, given).status_code == 403
    assert asks.post(path, {**given, "amount": "2000"}).status_code == 422
    assert asks.post(path, {**given, "reason": ""}).status_code == 422
    assert asks.post(path, given).status_code == 303
    with sides.control_unit():
        made = Refund.objects.get(invoice=paid)
    assert "another must agree" in asks.get("/refunds").content.decode()
    assert 'value="1"' in agrees.get("/refunds").content.decode()
    assert asks.post(f"/refunds/{made.public_id}", {"agree": "1"}).status_code == 403
    assert looks.post(f"/refunds/{made.public_id}", {"agree": "1"}).status_code == 403
    assert agrees.post(f"/refunds/{made.public_id}", {"agree": "0"}).status_code == 303
    with sides.control_unit():
        assert Invoice.objects.get(pk=paid.pk).refunded_minor == 0
    assert giver.asked == []
    assert "they leave" not in looks.get("/refunds").content.decode()


def test_the_pages_of_events_and_differences(desk: Desk, doors: Door) -> None:
    teller, looks = desk("money"), desk("viewer")
    with sides.control_unit():
        event = troubled()
        account, _made = BillingAccount.objects.get_or_create(workspace=doors.workspace)
        drift = Drift.objects.create(kind="two_live", provider="stripe", account=account, subject=ids.random_id(), money_minor=5_700, currency="EUR", facts={"ours": 1})
    page = looks.get("/events").content.decode()
    assert event.external_id in page
    assert "secret" not in page
    assert "Once more" not in page
    assert event.external_id not in looks.get("/events?status=orphan").content.decode()
    assert looks.post(f"/events/{event.pk}/replay").status_code == 403
    assert teller.post(f"/events/{event.pk}/replay").status_code == 303
    assert event.external_id not in teller.get("/events").content.decode()
    page = looks.get("/drift").content.decode()
    assert "Two live subscriptions" in page
    assert "€57" in page
    with sides.control_unit():
        ProviderEvent.objects.filter(pk=event.pk).delete()
        Job.objects.filter(name="billing.event", target=event.pk).delete()
        Drift.objects.filter(pk=drift.pk).delete()


def test_queues_ask_the_same_with_one_and_with_three(control_side: None) -> None:
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    from tests.billing.reports.year import BEGINS, workspace

    counts = []
    for more in (1, 2):
        for _one in range(more):
            account = BillingAccount.objects.create(workspace=workspace(BEGINS))
            Drift.objects.create(kind="differs", provider="stripe", account=account, subject=account.public_id)
            invoice = Invoice.objects.create(account=account, provider="giver", external_id=ids.random_id(), currency="EUR", paid_minor=9, refunded_minor=5)
            Refund.objects.create(invoice=invoice, amount_minor=5, state=RefundState.WAITING, reason="r", asked_by="a", operation=ids.random_id())
        with CaptureQueriesContext(connections["control"]) as asked:
            assert [row.account.workspace.name for row in queues.drifts() if row.account and row.account.workspace]
            assert [row.invoice.account.workspace for row in queues.refunds(waiting=True)]
            list(queues.troubled_events())
        counts.append(len(asked))
    assert counts[0] == counts[1]
