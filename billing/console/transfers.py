"""Money by transfer, as operators see to it: a bank's statement read, its doubtful lines settled, a transfer recorded by hand. The rules are the provider's and the documents'."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from billing.documents import services
from billing.documents.models import Invoice, Kind, Payment, Status
from billing.providers.manual_invoice.models import LineState, StatementFile, StatementLine
from billing.providers.manual_invoice.statements import matching, reading
from crm_platform.accounts.operators import Duty, Operator, require
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, money
from crm_platform.kernel.errors import Invalid, NotFound

from . import words

WAITING = (LineState.REVIEW, LineState.UNKNOWN)
# A page waits for what it asked; a longer statement is for the command line.
MOST_LINES = 2_000
OFFERED = 25


class TooLong(Invalid):
    """More lines than a page can wait for."""

    code = "statement_too_long"
    sentence = _("This statement has {lines} lines, and a page reads {most} at most. Read it with bin/crm billing-statement. Nothing was recorded.")


def load(operator: Operator, raw: bytes, *, name: str, currency: str) -> matching.Loaded:
    """Read a bank's statement and record what is certain; twice is once. Opens units of its own. Raises BadStatement, TooLong before anything is written."""
    require(operator, Duty.MONEY)
    if currency not in money.CURRENCIES:
        raise Invalid(fields={"currency": [_("Choose a currency.")]})
    _form, lines = reading.read(raw, currency=currency)
    if len(lines) > MOST_LINES:
        raise TooLong(lines=len(lines), most=MOST_LINES)
    found = matching.load(raw, name=name, actor=operator.actor, currency=currency)
    with sides.control_unit():
        emit(operator.actor, "statement.loaded", entity="statement", record_id=None, after={"file": name[:200], "lines": found.states, "known_before": found.before})
    return found


def settle(operator: Operator, pk: int, *, bill: str) -> StatementLine:
    """Say which bill a line pays, or ("") that it is none of ours. Opens units of its own. Raises Settled, NotFound, NothingOwed."""
    require(operator, Duty.MONEY)
    row = matching.settle(pk, bill=bill, actor=operator.actor)
    with sides.control_unit():
        after = {"line_state": row.state, "number": row.invoice.number if row.invoice else "", "amount": row.amount_minor, "currency": row.currency}
        emit(operator.actor, "statement_line.settled", entity="statement_line", record_id=pk, after=after)
    return row


def record(operator: Operator, public_id: str, *, document: str, amount: Decimal, day: date | None, operation: str) -> Payment:
    """Note a transfer for a bill of this workspace: part of it leaves the rest owed, what is over becomes credit. Opens units of its own; the same operation is recorded once."""
    require(operator, Duty.MONEY)
    if day is not None and day > clock.now().date():
        raise Invalid(fields={"day": [_("That day has not come yet.")]})
    at = clock.now() if day is None or day == clock.now().date() else datetime.combine(day, time(12), UTC)
    with sides.control_unit():
        found = bill_of(public_id, document)
        account = services.locked(found.account_id)
        _exact(amount, found.currency)
        sum_of = money.minor(amount, currency=found.currency)
        paid = services.record_payment(account, found, sum_of, actor=operator.actor, operation=f"hand:{found.public_id}:{operation}"[:120], at=at)
    matching.look({found.account_id})
    return paid


def _exact(amount: Decimal, currency: str) -> None:
    if amount != round(amount, money.digits_of(currency)):
        raise Invalid(fields={"amount": [_("A sum such as 19 or 17.48.")]})


def bill_of(public_id: str, document: str) -> Invoice:
    """A workspace's bill by transfer. Inside a control unit. Raises NotFound for anything else."""
    rows = Invoice.objects.select_related("account__workspace")
    found = rows.filter(public_id=document, account__workspace__public_id=public_id, provider=services.OURS, kind=Kind.PROFORMA).first()
    if found is None:
        raise NotFound
    return found


def lines(state: str = "") -> QuerySet[StatementLine]:
    """Lines of the statements, those that wait first, then the newest; of one state where one is named."""
    rows = StatementLine.objects.select_related("invoice__account__workspace").annotate(waits=Case(When(state__in=WAITING, then=Value(0)), default=Value(1), output_field=IntegerField()))
    if state in LineState.values:
        rows = rows.filter(state=state)
    return rows.order_by("waits", "-at", "-pk")


def waiting_count() -> tuple[int, bool]:
    """How many lines wait for a person: what the rail shows."""
    return StatementLine.objects.filter(state__in=WAITING).count(), True


def line(pk: int) -> StatementLine:
    """One line; raises NotFound. Inside a control unit."""
    found = StatementLine.objects.select_related("invoice__account__workspace", "file").filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def offered(row: StatementLine, *, find: str = "") -> list[Invoice]:
    """Bills that a line may pay: of its currency, the likeliest first, also one that was taken back (then it becomes credit); with `find` all of them, by number, reference or name."""
    tax_id = str(row.payer.get("tax_id") or "")
    likely = [When(pk=row.invoice_id, then=Value(0)), When(total_minor=row.amount_minor, then=Value(2))]
    if tax_id:
        likely.insert(1, When(buyer__tax_id=tax_id, then=Value(1)))
    rows = Invoice.objects.filter(provider=services.OURS, kind=Kind.PROFORMA, currency=row.currency).select_related("account__workspace")
    find = find.strip()[:100]
    if find:
        wanted = Q(number__icontains=find) | Q(reference__iexact=find) | Q(buyer__name__icontains=find) | Q(account__workspace__slug=find) | Q(account__workspace__name__icontains=find)
        rows = rows.filter(wanted)
    else:
        rows = rows.filter(Q(status=Status.OPEN) | Q(pk=row.invoice_id))
    return list(rows.annotate(place=Case(*likely, default=Value(3), output_field=IntegerField())).order_by("place", "due_at", "pk")[:OFFERED])


def payments() -> QuerySet[Payment]:
    """What was recorded of transfers, out of statements and by hand, the newest first."""
    return Payment.objects.filter(method__in=("transfer", "hand")).select_related("invoice__account__workspace").order_by("-at", "-pk")


def files() -> QuerySet[StatementFile]:
    """Statements that were read, the newest first."""
    return StatementFile.objects.order_by("-loaded_at", "-pk")


def told(found: matching.Loaded) -> str:
    """What a statement came to, in words: "Paid in full: 3; Unknown: 1"; nothing where it was known."""
    return "; ".join(f"{words.LINES[state][0]}: {count}" for state, count in sorted(found.states.items()))
