"""A tax id that turned out to be right: what was charged as tax meanwhile is mended by a credit note and a new invoice, and the tax becomes credit.

While an id is pending, refused, or nobody could ask, the tax is charged (`tax.of`): that is never mended by guessing.
"""

from __future__ import annotations

from dataclasses import replace

from billing.models import BillingAccount, MoneyEntry, Payer
from billing.pricing import Quote
from billing.pricing.quoting import part
from crm_platform.db import sides
from crm_platform.kernel import jobs
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor

from . import balance, services, snapshots, tax
from .models import BalanceEntry, Invoice, Kind, Status
from .permissions import require_money
from .services import OURS, Wish

VERIFIED, REFUSED = "verified", "refused"
# The job by which a payment service learns of another tax: done where subscriptions are known.
RETAX = "billing.retax"
# The journal's word for what came back of it.
UNTAXED = "tax.credited"


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


def is_untaxed(account: BillingAccount) -> bool:
    """Whether the account's main payer owes the tax itself, by a number that was verified. Inside a control unit."""
    return tax.of(snapshots.buyer(account)).note == tax.REVERSE_CHARGE


def over_taxed(account: BillingAccount) -> list[tuple[Invoice, int]]:
    """Paid invoices of the account's provider on which tax stands that its payer owes itself, with how much of it is to come back, the newest first. Inside a control unit.

    What was given back with its tax, or credited since (an invoice below nought), is no longer owed; what was corrected comes no second time.
    """
    payer = account.main_payer()
    if account.provider == OURS or payer is None or not payer.tax_id or not is_untaxed(account):
        return []
    rows = Invoice.objects.filter(account=account, provider=account.provider, kind=Kind.INVOICE, status=Status.PAID, buyer__tax_id=payer.tax_id).exclude(tax_minor=0).order_by("-created_at", "-pk")
    done = dict(MoneyEntry.objects.filter(account=account, name=UNTAXED, operation__in=[untaxes(row) for row in rows]).values_list("operation", "after__amount"))
    stands = {row: row.tax_minor - (part(row.tax_minor, row.refunded_minor, row.total_minor) if row.refunded_minor else 0) for row in rows}
    left, found = sum(stands.values()) - sum(done.values()), []
    for row, amount in stands.items():
        back = min(amount, left) if untaxes(row) not in done else 0
        if back > 0:
            left -= back
            found.append((row, back))
    return found


def untaxes(row: Invoice) -> str:
    """The operation by which one is corrected."""
    return f"untax.{row.public_id}"


def came_back(paid: Invoice) -> int:
    """How much of what was paid on a document came back as credit, for tax that was not due: that is not given back a second time. Minor units; inside a control unit."""
    if paid.provider != OURS:
        return sum(MoneyEntry.objects.filter(account=paid.account_id, name=UNTAXED, operation=untaxes(paid)).values_list("after__amount", flat=True)[:1])
    stated = Invoice.objects.filter(bill=paid, kind=Kind.INVOICE).values_list("public_id", flat=True)
    return sum(BalanceEntry.objects.filter(operation__in=[f"untax:{one}" for one in stated]).values_list("change_minor", flat=True))


def correct_tax(account: BillingAccount, *, actor: Actor) -> list[Invoice]:
    """Mend every invoice of the account's main payer on which tax stands that is not due; the new invoices. Inside a control unit with the account locked; twice is once."""
    payer = account.main_payer()
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
