"""Giving money back: bounded by what was paid, above a threshold with a second person, a credit note beside it.

A refund does not end a subscription, and a cancellation gives nothing back: two decisions. The sum is held on the invoice from
the first moment by a conditional update; what the provider refuses, or reports as failed later, is free again.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from billing.models import BillingAccount
from billing.pricing import Quote
from billing.pricing.quoting import part
from billing.providers import registry
from billing.providers.protocol import AccountSeen, ProviderUnavailable
from crm_platform.db import sides
from crm_platform.kernel import clock, money
from crm_platform.kernel.errors import Conflict, CrmError, Forbidden, Invalid, NotFound
from crm_platform.kernel.permissions import Actor, robot

from . import correcting, services, snapshots
from .models import Invoice, Kind, Refund, RefundState
from .permissions import require_money
from .services import OURS, Wish
from .tax import Tax

# The provider's words for money that went out and came back.
_LOST = ("failed", "canceled")


class TooMuch(Invalid):
    """More than is left of what was paid."""

    code = "refund_too_much"
    sentence = _("At most {left} can be given back on this document. Nothing was given back.")


class Disputed(Conflict):
    """The bank decides at present: a refund beside a dispute would give the money back twice."""

    code = "disputed"
    sentence = _("The payer's bank is looking into this payment. Wait for its decision; a refund now would give the money back twice.")


class SecondPerson(Forbidden):
    """Who asked cannot be who agrees."""

    code = "second_person"
    sentence = _("A second person must agree to this refund.")


class Decided(Conflict):
    """Somebody has decided already."""

    code = "refund_decided"
    sentence = _("This refund was decided already.")


def approval_from(currency: str) -> int:
    """The sum in minor units from which money needs a second person; nought in a currency for which none is named: there each does."""
    held: Mapping[str, int] | int = settings.CRM_REFUND_APPROVAL
    return held if isinstance(held, int) else held.get(currency, 0)


def refund(document: str, amount: int, *, reason: str, actor: Actor, operation: str) -> Refund:
    """Give back part or all of what was paid; `document` is its public id. Opens units of its own; the same operation gives the same refund.

    From CRM_REFUND_APPROVAL on, with what was given back on the document before, it waits for `approve_refund`. Raises TooMuch, Disputed, NotFound.
    """
    require_money(actor)
    row = _written(document, amount, reason=reason.strip(), actor=actor, operation=operation)
    return _ask(row) if row.state == RefundState.ASKED else row


def _written(document: str, amount: int, *, reason: str, actor: Actor, operation: str) -> Refund:
    if not reason:
        raise Invalid(fields={"reason": [_("Say why.")]})
    with sides.control_unit():
        invoice = _locked(document)
        known = Refund.objects.filter(operation=operation).first()
        if known is not None:
            return known
        if invoice.disputed in ("open", "needs_response", "under_review", "warning_needs_response", "warning_under_review"):
            raise Disputed
        credited = correcting.came_back(invoice)
        if amount < 1 or invoice.kind not in (Kind.INVOICE, Kind.PROFORMA) or not Invoice.objects.filter(
            pk=invoice.pk, paid_minor__gte=F("refunded_minor") + amount + credited
        ).update(refunded_minor=F("refunded_minor") + amount):
            raise TooMuch(left=money.show(left_of(invoice), currency=invoice.currency))
        together = invoice.refunded_minor + amount  # in small parts it is the same sum
        state = RefundState.WAITING if together >= approval_from(invoice.currency) else RefundState.ASKED
        made = Refund.objects.create(invoice=invoice, amount_minor=amount, state=state, reason=reason, asked_by=actor.name, operation=operation)
        services.note(invoice.account, f"refund.{state}", actor=actor, operation=operation, reason=reason, number=invoice.number, amount=amount)
        return made


def left_of(document: Invoice) -> int:
    """How much can still be given back on a document, in minor units: of what was paid, neither given back nor come back as credit. Inside a control unit."""
    paid = document.bill or document
    return max(0, paid.paid_minor - paid.refunded_minor - correcting.came_back(paid))


def _locked(document: str) -> Invoice:
    """The bill that was paid, with its account locked. One of our invoices states a proforma: the money is on that one."""
    found = Invoice.objects.select_related("bill").filter(public_id=document).first()
    if found is None:
        raise NotFound
    paid = found.bill or found
    services.locked(paid.account_id)
    return Invoice.objects.select_related("account").get(pk=paid.pk)


def approve_refund(public_id: str, *, agree: bool, actor: Actor) -> Refund:
    """The second person's decision. Opens units of its own. Raises SecondPerson, Decided, NotFound."""
    require_money(actor)
    with sides.control_unit():
        row = _waiting(public_id)
        if row.asked_by == actor.name:
            raise SecondPerson
        row.state = RefundState.ASKED if agree else RefundState.REFUSED
        row.decided_by, row.decided_at = actor.name, clock.now()
        row.save(update_fields=["state", "decided_by", "decided_at"])
        services.note(row.invoice.account, "refund.approved" if agree else "refund.refused", actor=actor, number=row.invoice.number, amount=row.amount_minor)
        if not agree:
            _release(row)
    return _ask(row) if agree else row


def _waiting(public_id: str) -> Refund:
    row = Refund.objects.select_for_update(of=("self",)).select_related("invoice__account").filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    if row.state != RefundState.WAITING:
        raise Decided
    return row


def _release(row: Refund) -> None:
    Invoice.objects.filter(pk=row.invoice_id).update(refunded_minor=Greatest(F("refunded_minor") - row.amount_minor, 0))


def _ask(row: Refund) -> Refund:
    """Ask the provider, with the refund's own key; an answer that does not come leaves it `asked`, to be asked again by `ask_again`."""
    with sides.control_unit():
        invoice = Invoice.objects.select_related("account").get(pk=row.invoice_id)
        provider = registry.by_code(invoice.provider)
    try:
        external = provider.refund(invoice.external_id, amount=row.amount_minor, reason=row.reason, key=f"refund:{row.public_id}")
    except ProviderUnavailable as error:
        _noted(row, error=error.code)
        raise
    except CrmError as error:
        _fail(row, error=f"{error.code}: {error}")
        raise
    return _done(row, external)


def _noted(row: Refund, *, error: str) -> None:
    with sides.control_unit():
        Refund.objects.filter(pk=row.pk, state=RefundState.ASKED).update(error=error)


def _done(row: Refund, external: str) -> Refund:
    with sides.control_unit():
        account = services.locked(BillingAccount.objects.get(invoices=row.invoice_id).pk)
        now = Refund.objects.select_for_update(of=("self",)).select_related("invoice").get(pk=row.pk)
        if now.state != RefundState.ASKED:
            return now
        now.state, now.external_id, now.error = RefundState.DONE, external, ""
        if now.invoice.provider == OURS:
            now.credit_note = _credit_note(account, now)
        now.save(update_fields=["state", "external_id", "error", "credit_note"])
        services.note(account, "refund.done", actor=now.decided_by or now.asked_by, operation=now.operation, number=now.invoice.number, amount=now.amount_minor)
        account.dirty_at = clock.real_now()
        account.save(update_fields=["dirty_at"])
        return now


def _credit_note(account: BillingAccount, row: Refund) -> Invoice | None:
    """What is given back, stated against the invoice, its tax in the proportion of the invoice's."""
    stated = Invoice.objects.filter(bill=row.invoice, kind=Kind.INVOICE).order_by("-pk").first()
    if stated is None:
        return None
    return services.issue(account, note_of(stated, row.amount_minor, operation=f"note:{row.public_id}", reason=row.reason), actor=robot("documents"))


def note_of(stated: Invoice, amount: int, *, operation: str, reason: str) -> Wish:
    """A credit note over part of an invoice's total: one line a line, each share rounded once, the last takes what is left."""
    lines, taken = [], [0, 0, 0]
    read = snapshots.read(stated.lines)
    for at, line in enumerate(read, 1):
        share = [part(sum(value), amount, stated.total_minor) for value in zip(*[(one.amount, one.discount, one.tax) for one in read[:at]], strict=True)]
        whole, off, tax = (new - old for new, old in zip(share, taken, strict=True))
        taken = share
        lines.append(type(line)(line.ref, line.quantity, -line.unit, -whole, -off, -tax))
    rest = amount + sum(line.net + line.tax for line in lines)
    if rest and lines:
        last = lines[-1]
        lines[-1] = type(last)(last.ref, last.quantity, last.unit, last.amount - rest, last.discount, last.tax)
    rule = Tax(stated.terms.get("tax_bp", 0), stated.terms.get("note", ""))
    return Wish(Kind.CREDIT_NOTE, Quote(stated.currency, tuple(lines)), operation, tax=rule, buyer=stated.buyer, corrects=stated, language=stated.language, reason=reason)


def _fail(row: Refund, *, error: str) -> None:
    with sides.control_unit():
        _failed(row, error=error)


def _failed(row: Refund, *, error: str) -> None:
    if Refund.objects.filter(pk=row.pk, state__in=(RefundState.ASKED, RefundState.DONE)).update(state=RefundState.FAILED, error=error[:2000]):
        _release(row)
        invoice = Invoice.objects.select_related("account").get(pk=row.invoice_id)
        services.note(invoice.account, "refund.failed", actor=f"provider {invoice.provider}", number=invoice.number, amount=row.amount_minor, error=error[:200])


def follow(account: BillingAccount, seen: AccountSeen) -> None:
    """Answer to `ports.refunds`: what the provider reports not to have arrived is free to be given back again. Inside a control unit, the account's row locked."""
    lost = {one.external_id: one.reason or one.status for one in seen.refunds if one.status in _LOST}
    for row in Refund.objects.filter(invoice__account=account, external_id__in=lost, state=RefundState.DONE):
        _failed(row, error=lost[row.external_id])


def ask_again() -> int:
    """Refunds on which a provider's answer was lost, asked with their own keys; how many were done. Opens units of its own."""
    done = 0
    with sides.control_unit():
        waiting = list(Refund.objects.filter(state=RefundState.ASKED).order_by("pk")[:50])
    for row in waiting:
        try:
            done += _ask(row).state == RefundState.DONE
        except CrmError:
            continue
    return done
