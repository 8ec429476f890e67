"""A tax id that turned out to be right: what was charged as tax meanwhile is mended by a credit note and a new invoice, and the tax becomes credit.

While an id is pending, refused, or nobody could ask, the tax is charged (`tax.of`): that is never mended by guessing.
"""

from __future__ import annotations

from dataclasses import replace

from billing.models import BillingAccount, Payer
from billing.pricing import Quote
from crm_platform.db import sides
from crm_platform.kernel import jobs
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor

from . import balance, services, snapshots, tax
from .models import Invoice, Kind
from .permissions import require_money
from .services import OURS, Wish

VERIFIED, REFUSED = "verified", "refused"
# The job by which a payment service learns of another tax: done where subscriptions are known.
RETAX = "billing.retax"


def judge(account_id: int, tax_id: str, state: str, *, actor: Actor) -> list[Invoice]:
    """Note what the registry says of a payer's tax id, VERIFIED or REFUSED; the invoices that are made anew because of it. Opens a control unit. Raises NotFound."""
    require_money(actor)
    with sides.control_unit():
        account = services.locked(account_id)
        rows = Payer.objects.filter(account=account, tax_id=tax_id, archived_at=None).exclude(tax_id="")
        before = list(rows.values_list("tax_state", flat=True))
        if not before:
            raise NotFound
        if set(before) != {state}:
            rows.update(tax_state=state)
            services.note(account, f"tax_id.{state}", actor=actor, tax_id=tax_id, before=before[0])
            jobs.later(RETAX, account.pk, key=f"{RETAX}.{account.pk}")
        return correct_tax(account, actor=actor)


def correct_tax(account: BillingAccount, *, actor: Actor) -> list[Invoice]:
    """Mend every invoice of the account's main payer on which tax stands that is not due; the new invoices. Inside a control unit with the account locked; twice is once."""
    payer = snapshots.main_payer(account)
    if payer is None or not payer.tax_id:
        return []
    buyer = snapshots.buyer(account)
    rule = tax.of(buyer)
    if rule.bp:
        return []
    wrong = Invoice.objects.filter(account=account, provider=OURS, kind=Kind.INVOICE, tax_minor__gt=0, buyer__tax_id=payer.tax_id, corrections=None).order_by("pk")
    return [_mend(account, row, buyer=buyer, rule=rule, actor=actor) for row in wrong]


def _mend(account: BillingAccount, row: Invoice, *, buyer: dict[str, object], rule: tax.Tax, actor: Actor) -> Invoice:
    lines = snapshots.read(row.lines)
    period = (row.period_start, row.period_end) if row.period_start and row.period_end else None
    back = tuple(replace(line, unit=-line.unit, amount=-line.amount, discount=-line.discount, tax=-line.tax) for line in lines)
    old = tax.Tax(row.terms.get("tax_bp", 0), row.terms.get("note", ""))
    taken_back = Wish(
        Kind.CREDIT_NOTE, Quote(row.currency, back), f"untax:{row.public_id}", tax=old, buyer=row.buyer, period=period, subscription=row.subscription, language=row.language, corrects=row,
        reason=str(row.buyer.get("tax_id", "")),
    )  # fmt: skip
    services.issue(account, taken_back, actor=actor)
    right = Quote(row.currency, tuple(replace(line, tax=0) for line in lines))
    made = services.issue(account, replace(taken_back, kind=Kind.INVOICE, quote=right, operation=f"retax:{row.public_id}", tax=rule, buyer=buyer, corrects=None, bill=row.bill), actor=actor)
    balance.enter(account, row.tax_minor, currency=row.currency, reason=row.number, actor=actor.name, operation=f"untax:{row.public_id}", document=row)
    return made
