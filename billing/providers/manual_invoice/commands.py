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

from .models import LineState
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
            found = _bill(invoice)
            account = services.locked(found.account_id)
            paid = services.record_payment(account, found, _minor(amount, found.currency), actor=robot(_WHO), operation=operation or f"hand:{ids.random_id()}")
            bill = Invoice.objects.get(pk=paid.invoice_id)
    except CrmError as error:
        commands.refuse(error, as_json=as_json)
        return
    matching.look({bill.account_id})
    value = {"invoice": bill.number, "status": bill.status, "paid": bill.paid_minor, "due": bill.due_minor, "currency": bill.currency}
    answer(value, as_json=as_json, text=f"{bill.number}: {bill.status}, {money.show(bill.due_minor, currency=bill.currency)} due.")


@commands.command("billing-lines")
@as_json
def lines(as_json: bool) -> None:
    """The lines of statements that wait for a person, the oldest first, with why."""
    with sides.control_unit():
        found = [
            {"line": row.pk, "at": row.at, "amount_minor": row.amount_minor, "currency": row.currency, "payer": row.payer, "purpose": row.purpose, "why": row.why,
             "bill": row.invoice.number if row.invoice else "", "said_by": row.decided_by}
            for row in matching.waiting()
        ]  # fmt: skip
    told = [f"{one['line']}  {one['at']:%Y-%m-%d}  {money.show(one['amount_minor'], currency=one['currency'])}  {one['payer'].get('name', '')}  {one['purpose'][:60]}  {one['why']}  {one['bill']}" for one in found]
    answer({"lines": found}, as_json=as_json, text="\n".join(told) or "No line waits.")


@commands.command("billing-settle")
@click.argument("line", type=int)
@click.option("--bill", default="", help="The bill that it pays, by number, reference or id.")
@click.option("--aside", is_flag=True, help="It pays no bill of ours.")
@click.option("--by", "name", required=True, help="Who says so; from CRM_REFUND_APPROVAL on two must.")
@as_json
def settle(line: int, bill: str, aside: bool, name: str, as_json: bool) -> None:
    """Say which bill a line of a statement pays, or lay it aside."""
    if bool(bill) == aside:
        raise click.UsageError("Name a bill, or lay the line aside.")
    try:
        with sides.control_unit():
            found = None if aside else _bill(bill)
        row = matching.settle(line, bill=found.public_id if found else "", actor=robot(f"operator {name.strip().lower()}"[:200]))
    except CrmError as error:
        commands.refuse(error, as_json=as_json)
        return
    said = "waits for a second person" if row.state == LineState.REVIEW else str(row.state)
    answer({"line": line, "state": row.state, "bill": found.number if found else "", "said_by": row.decided_by}, as_json=as_json, text=f"{line}: {said}.")


def _bill(name: str) -> Invoice:
    """By number, reference or id; the newest of a number. Raises NotFound."""
    found = Invoice.objects.filter(Q(number=name) | Q(reference=name.upper()) | Q(public_id=name), provider=services.OURS, kind=Kind.PROFORMA).order_by("-pk").first()
    if found is None:
        raise NotFound
    return found


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
