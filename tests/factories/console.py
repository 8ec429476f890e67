"""A console with something in it, on a throw-away run: firms that pay over some months, unpaid bills, refunds, events, differences, a bank's statement.

`python -m tests.factories.console DATA [MONTHS]`, with `bin/up` on DATA. The firms are rows of the control side, asleep, with no schema behind them.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import datetime, timedelta
from typing import Any

FIRMS = (
    "Dekker Timmerwerk", "Oak & Ash", "Harrow & Finch Recruitment", "Praktijk Hoogeveen", "Зерно и мука", "Лесная артель «Северная Двина», оптовая торговля пиломатериалами", "Oʻzbegim Savdo", "Zavod №7",
    "Café de l’Étoile", "Société Générale d’Équipements Hôteliers et de Restauration du Grand Ouest", "Veldhuis", "Bergh", "Atelier Noord", "=HYPERLINK(1)", "Klok & Zonen", "Samarqand Tekstil", "Тихий дон",
    "Maison Perrault", "De Witte Molen", "Nordlys Regnskap", "Kaffebrenneriet", "Green Harbour", "Pixel & Post", "Rosewood", "Lumen",
)  # fmt: skip
OPERATOR = "Olga Operator <olga@op.example>"


def main() -> None:
    """Fill the run on a data folder."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_platform.config.settings.production")
    from crm_platform.config.embedded import attach

    with attach.environment(sys.argv[1]) as variables:
        os.environ.update(variables)
        import django

        django.setup()
        fill(months=int(sys.argv[2]) if len(sys.argv) > 2 else 8)


def fill(*, months: int) -> None:
    """Everything; on a fresh run, once."""
    from crm_platform.db import sides

    with sides.control_unit():
        rows = _year(months * 30)
    _buy()
    with sides.control_unit():
        _unpaid(rows)
        _money()
        _queues(rows)
        _statement()


def _year(days: int) -> list[Any]:
    """Firms, and what their owners do day by day, looked at each day."""
    from billing.models import PlanVersion, Subscription
    from billing.reports import daily
    from billing.reports.models import Day
    from crm_platform.kernel import clock
    from tenants.models import State
    from tests.billing.reports.year import Owner, subscription

    Day.objects.all().delete()
    lot, now = random.Random(7), clock.now()  # noqa: S311 (a simulation)
    begins = now - timedelta(days=days)
    versions = {row.code: row for row in PlanVersion.objects.filter(version=1)}
    owners: list[Owner] = []
    for number, name in enumerate(FIRMS):
        at = begins + timedelta(days=lot.randint(0, days * 2 // 3) if number > 5 else number)
        row = subscription(at, number=number, trial_ends_at=at + timedelta(days=lot.randint(1, 21)))
        row.workspace.name, row.workspace.state = name, State.ASLEEP
        row.workspace.save(update_fields=["name", "state"])
        owners.append(Owner(row, lot, versions))
        owners[-1].currency = ("EUR", "EUR", "RUB", "UZS")[number % 4]
    for number in range(days + 1):
        moment = begins + timedelta(days=number)
        with clock.frozen(moment):
            changed = [one.row for one in owners if one.row.workspace.claimed_at <= moment and one.act(moment)]
            Subscription.objects.bulk_update(changed, _FIELDS) if changed else None
            daily.take()
    return [owner.row for owner in owners]


_FIELDS = ["plan", "currency", "interval", "seats", "status", "anchor", "ended_at", "trial_ends_at", "past_due_since", "paused_until", "cancel_at", "add_ons", "discount"]


def _unpaid(rows: list[Any]) -> None:
    """Five with an open bill, from the first day to the day before the erasure."""
    from billing.dunning import calendar
    from billing.dunning.models import DunningStep, StepState
    from crm_platform.kernel import clock

    now = clock.now()
    for row, days in zip(rows[1:6], (0, 8, 17, 60, 230), strict=True):
        row.status, row.past_due_since, row.trial_ends_at, row.paused_until = "past_due", now - timedelta(days=days, hours=2), None, None
        row.currency, row.interval, row.seats = row.currency or "EUR", row.interval or "month", row.seats or 4
        row.save()
        for step, after in calendar.REMINDERS.items():
            if after <= days:
                DunningStep.objects.create(workspace=row.workspace, since=row.past_due_since, step=step, state=StepState.WRITTEN, at=row.past_due_since + timedelta(days=after), letters=2)


def _real() -> Any:
    """The demo workspace's subscription: behind this one there is a place."""
    from billing.models import Subscription
    from tenants.models import State

    return Subscription.objects.select_related("workspace", "plan").filter(workspace__state=State.ACTIVE).order_by("workspace_id")[0]


def _buy() -> None:
    """The demo workspace buys Team by transfer."""
    from billing.pricing import Interval
    from billing.providers.protocol import Target
    from billing.subscribing import checkout
    from crm_platform.db import sides
    from crm_platform.kernel.permissions import robot

    with sides.control_unit():
        place = _real().workspace.place
    target = Target("team", 1, 5, Interval.MONTH, "EUR", {"contacts_10k:1": 2})
    checkout.begin_checkout(place, target, provider="manual_invoice", actor=robot("Marijke Dekker"), success_url="", cancel_url="")


def _account(row: Any) -> Any:
    from billing.models import BillingAccount

    return BillingAccount.objects.get_or_create(workspace=row.workspace, defaults={"slug": row.workspace.slug or ""})[0]


def _bill(account: Any, total: int, at: datetime, *, number: str, **values: Any) -> Any:
    """A bill by transfer, without paper."""
    from billing.documents.models import Invoice, Kind, Status
    from crm_platform.kernel import ids

    given: dict[str, Any] = {
        "kind": Kind.PROFORMA, "status": Status.OPEN, "currency": "EUR", "subtotal_minor": total, "total_minor": total, "number": number, "series": "look", "issued_at": at, "created_at": at,
        "due_at": at + timedelta(days=14), "reference": f"KT{ids.random_id(8).upper()}", "external_id": ids.random_id(),
        "buyer": {"name": "Bouwbedrijf Van der Linden en Zonen B.V.", "tax_id": "NL001"}, "seller": {"name": "Kartoteka", "tax_id": "look"},
        "lines": [{"ref": "plan:team:1:seats", "quantity": 5, "unit": total // 5, "amount": total, "discount": 0, "tax": 0}],
    }  # fmt: skip
    return Invoice.objects.create(account=account, provider="manual_invoice", **{**given, **values})


def _money() -> None:
    """A firm with documents, seats, grants, a coupon, a journal."""
    from billing.documents.models import Payment, Refund, RefundState, Status
    from billing.models import Coupon, MoneyEntry, Override, PendingChange, Redemption, SeatEntry
    from crm_platform.kernel import clock, ids

    row = _real()
    now, account = clock.now(), _account(row)
    paid = _bill(account, 9_500, now - timedelta(days=40), number="P-2026-0001", status=Status.PAID, paid_minor=9_500, paid_at=now - timedelta(days=36))
    Payment.objects.create(invoice=paid, amount_minor=9_500, at=now - timedelta(days=36), method="hand", actor=OPERATOR, operation=ids.random_id())
    _bill(account, 11_300, now - timedelta(days=9), number="P-2026-0002")
    big = _bill(account, 250_000, now - timedelta(days=70), number="K-2026-0009", kind="invoice", status=Status.PAID, paid_minor=250_000, refunded_minor=60_000, paid_at=now)
    for state, amount, asked in ((RefundState.WAITING, 60_000, OPERATOR), (RefundState.DONE, 5_000, OPERATOR), (RefundState.FAILED, 700, "Piet Person <piet@op.example>")):
        Refund.objects.create(invoice=big, amount_minor=amount, state=state, reason="They paid twice, the bank says so", asked_by=asked, decided_by=OPERATOR if state == "done" else "", operation=ids.random_id(), error="the card is gone" if state == "failed" else "")
    for change, seats, why in ((5, 5, "checkout"), (3, 8, "seats.add"), (-3, 5, "seats.remove")):
        SeatEntry.objects.create(workspace=row.workspace, change=change, seats=seats, reason=why, actor="Marijke Dekker", operation=ids.random_id())
    PendingChange.objects.create(subscription=row, kind="plan", target={"plan": "start", "version": 1, "seats": 4, "interval": "month", "currency": "EUR"}, effective_at=now + timedelta(days=21), asked_by="Marijke Dekker")
    Override.objects.create(workspace=row.workspace, metric="contacts", value=150_000, until=now + timedelta(days=50), reason="Promised by sales in October", author=OPERATOR)
    coupon = Coupon.objects.create(code="AUTUMN-26", percent_bp=2_000, duration="repeating", months=3, plans=["team"], most=50, redeemed=1, expires_at=now + timedelta(days=30), created_by=OPERATOR)
    Coupon.objects.create(code="OLD", amount_minor=1_500, currency="EUR", archived_at=now)
    Redemption.objects.create(coupon=coupon, workspace=row.workspace, ends_at=now + timedelta(days=60))
    for name, before, after in (
        ("subscription.changed", {"status": "none", "seats": 0}, {"status": "active", "seats": 5, "plan": "team:1"}), ("proforma.issued", {}, {"number": "P-2026-0001", "total": 9_500, "currency": "EUR"}),
        ("payment.recorded", {}, {"number": "P-2026-0001", "amount": 9_500, "over": 0, "method": "hand"}), ("override.granted", {"contacts": []}, {"contacts": 150_000, "until": now.isoformat()}),
        ("refund.waiting", {}, {"number": "K-2026-0009", "amount": 60_000}), ("payer.added", {}, {"payer": 3, "name": "Bouwbedrijf Van der Linden en Zonen B.V.", "country": "NL", "tax_id": "NL001"}),
    ):  # fmt: skip
        MoneyEntry.objects.create(account=account, name=name, actor=OPERATOR, before=before, after=after, reason="as agreed" if "refund" in name else "")


def _queues(rows: list[Any]) -> None:
    from billing.providers.models import Drift, EventStatus, ProviderEvent
    from crm_platform.kernel import clock, ids

    now = clock.real_now()
    for status, kind in ((EventStatus.DEAD, "invoice.paid"), (EventStatus.FAILED, "customer.subscription.updated"), (EventStatus.ORPHAN, "charge.refunded")):
        ProviderEvent.objects.create(
            provider="stripe", external_id=f"evt_{ids.random_id()}", kind=kind, created=now, raw="{}", status=status, attempts=12, error="No such subscription: sub_1Nf8; the account was looked at three times",
            next_attempt_at=now + timedelta(days=900),
        )  # fmt: skip
    for row, kind, minor, facts in ((_real(), "differs", 9_500, {"status": {"ours": "active", "theirs": "past_due"}, "seats": {"ours": 5, "theirs": 8}}), (rows[6], "two_live", 3_800, {"customer": "cus_9"}), (None, "inbox", 0, {"last": now.isoformat()})):
        account = _account(row) if row else None
        Drift.objects.create(kind=kind, provider="stripe", account=account, subject=ids.random_id(), money_minor=minor, currency="EUR" if minor else "", facts=facts)


def _statement() -> None:
    from billing.documents.models import Invoice
    from billing.providers.manual_invoice.models import StatementFile, StatementLine
    from crm_platform.kernel import clock, ids

    now = clock.now()
    file = StatementFile.objects.create(sha256=ids.random_id(), name="mutaties-2026-11-26-NL91ABNA0417164300.xml", form="camt", lines_read=6, loaded_by=OPERATOR)
    bill = Invoice.objects.get(number="P-2026-0001")
    for number, (state, why) in enumerate((("unknown", "none"), ("review", "payer"), ("paid", ""), ("partial", ""), ("over", ""), ("known", ""), ("ignored", "none"))):
        StatementLine.objects.create(
            file=file, fingerprint=ids.random_id(), at=now - timedelta(days=number), amount_minor=11_300 + number, currency="EUR", state=state, why=why, invoice=bill if state in ("review", "paid", "partial", "over", "known") else None,
            payer={"name": "Bouwbedrijf Van der Linden en Zonen B.V.", "tax_id": "NL001", "account": "NL91 ABNA 0417 1643 00"}, purpose="Factuur november, met dank voor de prettige samenwerking, kenmerk onbekend",
        )  # fmt: skip


if __name__ == "__main__":
    main()
