"""The command line of transfers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import click
from django.db.models import Q

from billing.documents import services
from billing.documents.models import Invoice, Kind
from crm_platform.db import sides
from crm_platform.kernel import commands, ids, money
from crm_platform.kernel.commands import answer, as_json
from crm_platform.kernel.errors import CrmError, NotFound
from crm_platform.kernel.permissions import robot

from .statements import matching

_WHO = "command line"


@commands.command("billing-pay")
@click.argument("invoice")
@click.option("--amount", required=True, help="How much came, such as 1234.56.")
@click.option("--operation", default="", help="A name for this payment; the same name is recorded once.")
@as_json
def pay(invoice: str, amount: str, operation: str, as_json: bool) -> None:
    """Record money that came for a bill of ours, named by its number, reference or id."""
    try:
        with sides.control_unit():
            found = Invoice.objects.filter(Q(number=invoice) | Q(reference=invoice.upper()) | Q(public_id=invoice), provider=services.OURS, kind=Kind.PROFORMA).order_by("-pk").first()
            if found is None:
                raise NotFound
            account = services.locked(found.account_id)
            paid = services.record_payment(account, found, _minor(amount, found.currency), actor=robot(_WHO), operation=operation or f"hand:{ids.random_id()}")
            bill = Invoice.objects.get(pk=paid.invoice_id)
    except CrmError as error:
        commands.refuse(error, as_json=as_json)
        return
    matching.look({bill.account_id})
    value = {"invoice": bill.number, "status": bill.status, "paid": bill.paid_minor, "due": bill.due_minor, "currency": bill.currency}
    answer(value, as_json=as_json, text=f"{bill.number}: {bill.status}, {money.show(bill.due_minor, currency=bill.currency)} due.")


def _minor(amount: str, currency: str) -> int:
    try:
        return money.minor(Decimal(amount.replace(",", ".")), currency=currency)
    except InvalidOperation:
        raise services.BadAmount from None


@commands.command("billing-statement")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--currency", default="EUR", help="The account's currency, where the file names none.")
@as_json
def statement(file: Path, currency: str, as_json: bool) -> None:
    """Read a bank's statement (1CClientBankExchange, CAMT.053, CSV) and record what it pays."""
    try:
        found = matching.load(file.read_bytes(), name=file.name, actor=robot(_WHO), currency=currency)
    except CrmError as error:
        commands.refuse(error, as_json=as_json)
        return
    value = {"form": found.form, "lines": found.states, "known_before": found.before}
    told = ", ".join(f"{state} {count}" for state, count in sorted(found.states.items())) or "nothing new"
    answer(value, as_json=as_json, text=f"{file.name}: {told}; {found.before} known before.")
