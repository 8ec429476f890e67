"""Each line finds its bill: by the reference; without one by tax id and exact sum. What is not certain waits for a person.

Money is recorded once: by the line's fingerprint, and against what an operator noted by hand before the statement came.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from billing.documents import services
from billing.documents.models import Invoice, Kind, Payment, Status
from billing.documents.permissions import require_money
from billing.documents.refunding import approval_from
from billing.providers import syncing
from billing.providers.manual_invoice.models import LineState, StatementFile, StatementLine
from billing.providers.protocol import ProviderUnavailable
from crm_platform.db import sides
from crm_platform.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from crm_platform.kernel.permissions import Actor

from . import reading
from .incoming import Incoming

OURS = services.OURS
_REFERENCE = re.compile(r"KT[0-9A-HJKMNP-TV-Z]{8}")
# Cyrillic letters that look as Latin ones, and what Crockford's alphabet reads for letters that it has not.
_ALIKE = str.maketrans("АВЕКМНОРСТХOIL", "ABEKMH0PCTX011")
_BY_HAND = timedelta(days=14)


class Settled(Conflict):
    """A line about which somebody decided already."""

    code = "line_settled"
    sentence = _("This line of the statement was settled already.")


class SecondPerson(Forbidden):
    """Who said so cannot be who agrees."""

    code = "second_person_payment"
    sentence = _("A second person must say that this payment is for this bill.")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a statement came to: how many lines by their state, and how many were there before."""

    form: str
    states: dict[str, int]
    before: int


def load(raw: bytes, *, name: str, actor: Actor, currency: str = "EUR") -> Loaded:
    """Read a statement and record what is certain. Opens units of its own, one a line; twice is once. Raises BadStatement before anything is written."""
    require_money(actor)
    form, lines = reading.read(raw, currency=currency)
    with sides.control_unit():
        digest = hashlib.sha256(raw).hexdigest()
        file, _new = StatementFile.objects.get_or_create(sha256=digest, defaults={"name": name[:200], "form": form, "lines_read": len(lines), "loaded_by": actor.name})
    seen: Counter[str] = Counter()
    states: Counter[str] = Counter()
    before, touched = 0, set()
    for line in lines:
        seen[line.fingerprint(0)] += 1
        row = _enter(file, line, line.fingerprint(seen[line.fingerprint(0)]), actor)
        if row is None:
            before += 1
            continue
        states[row.state] += 1
        if row.invoice is not None:
            touched.add(row.invoice.account_id)
    look(touched)
    return Loaded(form, dict(states), before)


def look(accounts: set[int]) -> None:
    """Bring what was paid into the accounts' state at once; whatever cannot be done now is done by the sweeper."""
    for account in sorted(accounts):
        try:
            syncing.sync_account(account)
        except (ProviderUnavailable, Invalid):
            continue


def _enter(file: StatementFile, line: Incoming, fingerprint: str, actor: Actor) -> StatementLine | None:
    """The line's row with what became of it; None where it was there. In a unit of its own."""
    payer = {"name": line.payer, "tax_id": line.tax_id, "account": line.account}
    with sides.control_unit():
        bill, why = find(line)
        if bill is not None:
            services.locked(bill.account_id)
        try:
            with transaction.atomic():
                row = StatementLine.objects.create(
                    file=file, fingerprint=fingerprint, at=line.at, amount_minor=line.amount, currency=line.currency, payer=payer, purpose=line.purpose, external_id=line.external_id[:120], why=why
                )
        except IntegrityError:
            return None
        if bill is not None and not why:
            _record(row, bill, actor)
        elif bill is not None:
            row.state, row.invoice = LineState.REVIEW, bill
        row.save(update_fields=["state", "invoice", "decided_by"])
        return row


def find(line: Incoming) -> tuple[Invoice | None, str]:
    """The bill that a line pays, and why it is not certain ("" where it is). Inside a control unit."""
    bills = Invoice.objects.filter(provider=OURS, kind=Kind.PROFORMA)
    references = set(_REFERENCE.findall(re.sub(r"[\s\-–./]", "", line.purpose.upper()).translate(_ALIKE)))
    named = list(bills.filter(reference__in=references))
    if len(named) == 1:
        return named[0], _doubt(named[0], line)
    if named:
        return None, "several"
    if line.tax_id:
        owed = [one for one in bills.filter(status=Status.OPEN, currency=line.currency, buyer__tax_id=line.tax_id) if one.due_minor == line.amount]
        if len(owed) == 1:
            return owed[0], ""
    return None, "reference" if references else "none"


def _doubt(bill: Invoice, line: Incoming) -> str:
    if bill.currency != line.currency:
        return "currency"
    if bill.status not in (Status.OPEN, Status.PAID, Status.UNCOLLECTIBLE):
        return "taken_back"
    known = str(bill.buyer.get("tax_id") or "")
    return "payer" if known and line.tax_id and known != line.tax_id else ""


def _record(row: StatementLine, bill: Invoice, actor: Actor) -> None:
    account = services.locked(bill.account_id)
    bill.refresh_from_db()
    row.invoice, row.decided_by = bill, actor.name
    by_hand = Payment.objects.filter(invoice=bill, method="hand", amount_minor=row.amount_minor, external_id="", at__gte=row.at - _BY_HAND, at__lte=row.at + _BY_HAND).first()
    if by_hand is not None:
        Payment.objects.filter(pk=by_hand.pk).update(external_id=row.fingerprint[:40])
        row.state = LineState.KNOWN
        return
    owed = bill.due_minor if bill.status != Status.VOID else 0
    services.record_payment(account, bill, row.amount_minor, actor=actor, operation=f"line:{row.fingerprint}", at=row.at, external_id=row.external_id or row.fingerprint[:40], payer=row.payer)
    row.state = LineState.PAID if row.amount_minor == owed else LineState.PARTIAL if row.amount_minor < owed else LineState.OVER


def _is_said_by_two(row: StatementLine, bill: Invoice, actor: Actor) -> bool:
    """Whether a small sum, or a second person, decides; a bill's payment that was guessed wrongly pays for the wrong firm."""
    if row.amount_minor < approval_from(row.currency):
        return True
    if row.decided_by == actor.name and row.invoice_id == bill.pk:
        raise SecondPerson
    return bool(row.decided_by) and row.invoice_id == bill.pk


def waiting() -> list[StatementLine]:
    """The lines that wait for a person, the oldest first. Inside a control unit."""
    return list(StatementLine.objects.filter(state__in=(LineState.REVIEW, LineState.UNKNOWN)).select_related("invoice").order_by("at", "pk")[:500])


def settle(pk: int, *, bill: str, actor: Actor) -> StatementLine:
    """A person says which bill a line pays (`bill`: its public id), or "" to lay it aside. Opens a unit of its own.

    From CRM_REFUND_APPROVAL on it waits, with their name on it, until a second person says the same. Raises Settled, NotFound, NothingOwed, SecondPerson.
    """
    require_money(actor)
    with sides.control_unit():
        row = StatementLine.objects.select_for_update(of=("self",)).filter(pk=pk).first()
        if row is None:
            raise NotFound
        if row.state not in (LineState.REVIEW, LineState.UNKNOWN):
            raise Settled
        if bill:
            found = Invoice.objects.filter(public_id=bill, provider=OURS, kind=Kind.PROFORMA, currency=row.currency).first()
            if found is None:
                raise NotFound
            if not _is_said_by_two(row, found, actor):
                row.state, row.invoice, row.decided_by = LineState.REVIEW, found, actor.name
                row.save(update_fields=["state", "invoice", "decided_by"])
                return row
            _record(row, found, actor)
        else:
            row.state, row.decided_by, row.invoice = LineState.IGNORED, actor.name, None
        row.save(update_fields=["state", "invoice", "decided_by"])
    if row.invoice is not None:
        look({row.invoice.account_id})
    return row
