"""What stands on a document, in words and figures of the active language. Read from its snapshot alone, so that it says ever the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from billing.documents.models import Invoice, Kind, Status
from billing.documents.snapshots import read
from billing.documents.tax import OUTSIDE, REVERSE_CHARGE
from billing.plans import NAMES
from billing.pricing import Line
from crm_platform.kernel import countries, money

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

TITLES: dict[str, str | _StrPromise] = {
    Kind.PROFORMA: gettext_lazy("Bill"), Kind.INVOICE: gettext_lazy("Invoice"), Kind.CREDIT_NOTE: gettext_lazy("Credit note"),
    Kind.CLOSING: gettext_lazy("Statement of services"),
}  # fmt: skip
NOTES: dict[str, str | _StrPromise] = {
    REVERSE_CHARGE: gettext_lazy("Reverse charge: the buyer accounts for the VAT (Article 196 of Directive 2006/112/EC)."),
    OUTSIDE: gettext_lazy("Not subject to VAT in the seller’s country: the place of supply is where the buyer is established."),
}


def title_of(row: Invoice) -> str:
    """What the document is called; a provider's own invoice is ours to confirm, not to issue again."""
    return str(TITLES[row.kind]) if row.series else _("Receipt")


def describe(line: Line | Mapping[str, Any]) -> str:
    """What a line sells, in the active language; what is no reference of ours stands as it is."""
    ref = line.ref if isinstance(line, Line) else str(line["ref"])
    parts = ref.split(":")
    name = str(NAMES.get(parts[1], parts[1])) if len(parts) > 1 else ref
    if parts[0] == "plan":
        return _("Plan “{plan}”").format(plan=name) if parts[-1] == "base" else _("Plan “{plan}”, seats").format(plan=name)
    if parts[0] == "days":
        return _("Plan “{plan}”, days of occasional seats").format(plan=name)
    return name if parts[0] == "addon" else ref


def wording(row: Invoice) -> dict[str, Any]:
    """All of a document, ready to be set."""
    lines = read(row.lines)
    return {
        "language": get_language() or row.language, "title": title_of(row), "number": row.number, "dates": _dates(row), "seller": _party(row.seller), "buyer": _party(row.buyer),
        "words": {"seller": _("Seller"), "buyer": _("Purchaser"), "pay": _("How to pay")}, "above": _above(row),
        "heads": [_("What"), _("Quantity"), _("Price"), _("Amount")],
        "rows": [[_what(row, line), f"{line.quantity}", _unit(row, line), _sum(row, line.amount)] for line in lines],
        "sums": _sums(row), "pay": _pay(row), "notes": _notes(row), "footer": ", ".join(one for one in (row.seller.get("name"), row.seller.get("tax_id")) if one),
    }  # fmt: skip


def _what(row: Invoice, line: Line) -> str:
    if line.amount < 0 and row.kind != Kind.CREDIT_NOTE:
        return _("{what}: credit for the time that is left").format(what=describe(line))
    return describe(line)


def _unit(row: Invoice, line: Line) -> str:
    """The price of one; nothing for a part of a period, where it is no price and would not multiply to the amount."""
    return _sum(row, line.unit) if line.unit * line.quantity == line.amount else ""


def _sum(row: Invoice, value: int) -> str:
    return money.show(value, currency=row.currency, cents=True)


def day(moment: datetime) -> str:
    """A day in the active language."""
    return date_format(moment, "DATE_FORMAT")


def _dates(row: Invoice) -> list[list[str]]:
    found = [[_("Date"), day(row.issued_at or row.created_at)]]
    if row.kind == Kind.PROFORMA and row.due_at:
        found.append([_("To be paid by"), day(row.due_at)])
    if row.kind == Kind.INVOICE and row.status == Status.PAID and row.paid_at:
        found.append([_("Paid on"), day(row.paid_at)])
    return found


def _party(who: Mapping[str, Any]) -> dict[str, Any]:
    lines = [line for line in str(who.get("address", "")).splitlines() if line.strip()]
    if who.get("country"):
        lines.append(countries.name_of(str(who["country"])))
    if who.get("tax_id"):
        lines.append(_("Tax id: {id}").format(id=who["tax_id"]))
    lines += [f"{name}: {value}" for name, value in dict(who.get("details") or {}).items() if isinstance(value, str) and value]
    return {"name": str(who.get("name", "")), "lines": lines}


def _above(row: Invoice) -> list[str]:
    found = []
    if row.corrects is not None:
        found.append(_("Corrects invoice {number} of {date}.").format(number=row.corrects.number, date=day(row.corrects.issued_at or row.corrects.created_at)))
    if row.bill is not None:
        found.append(_("For bill {number}.").format(number=row.bill.number))
    if row.period_start and row.period_end:
        found.append(_("Period: {start} – {end}").format(start=day(row.period_start), end=day(row.period_end - timedelta(seconds=1))))
    return found


def _sums(row: Invoice) -> list[list[Any]]:
    found: list[list[Any]] = []
    if row.discount_minor or row.tax_minor:
        found.append([_("Subtotal"), _sum(row, row.subtotal_minor), False])
    if row.discount_minor:
        found.append([_("Discount"), _sum(row, -row.discount_minor), False])
    if row.tax_minor:
        rate = money.typed(int(row.terms.get("tax_bp", 0)), currency="EUR")
        found.append([_("VAT {rate} %").format(rate=rate) if row.terms.get("tax_bp") else _("VAT"), _sum(row, row.tax_minor), False])
    credit = int(row.terms.get("credit", 0))
    found.append([_("Total"), _sum(row, row.total_minor), not credit])
    if credit:
        found += [[_("Out of your credit"), _sum(row, -credit), False], [_("To pay"), _sum(row, row.total_minor - credit), True]]
    return found


def _pay(row: Invoice) -> list[list[str]]:
    if row.kind != Kind.PROFORMA or row.total_minor - int(row.terms.get("credit", 0)) <= 0:
        return []
    bank = [[_("Recipient"), str(row.seller.get("name", ""))]] + [["", str(line)] for line in row.seller.get("bank", [])]
    return [*bank, [_("Write with it"), row.reference], [_("Sum"), _sum(row, row.total_minor - int(row.terms.get("credit", 0)))]]


def _notes(row: Invoice) -> list[str]:
    found = [str(NOTES[note])] if (note := row.terms.get("note")) in NOTES else []
    if row.kind == Kind.PROFORMA:
        found.append(_("This bill asks for a payment and is no document of tax. The invoice follows when the money has come."))
    if row.kind == Kind.CLOSING:
        found.append(_("The services of this period were rendered in full."))
    if row.reason and row.kind == Kind.CREDIT_NOTE:
        found.append(row.reason)
    if not row.series:
        found.append(_("This receipt confirms the payment of invoice {number} of the payment service. It is not a second invoice.").format(number=row.number))
    return found
