"""Bills, invoices and receipts: the account's own, another's is not there."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.documents.models import Invoice, Kind, Status
from billing.documents.paper import printing
from billing.subscribing import life
from billing.subscribing.accounts import held
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.workspace import Place
from crm_platform.ui import responses
from crm_platform.ui.paging import page_of
from tenants.errands import errand

from . import telling
from .asked import attempt, done, may_change, operation, payer, reader, say
from .choosing import _away


@require_safe
def invoices(request: HttpRequest) -> HttpResponse:
    """The account's documents, newest first, page by page."""
    place, _actor = reader(request)
    with sides.control_unit():
        account = held(place).account
        page = page_of(Invoice.objects.filter(account=account).exclude(status=Status.DRAFT).order_by("-created_at", "-pk"), request.GET)
    return responses.page(request, "desk/invoices.html", page=page, rows=[_drawn(row) for row in page.rows], may_edit=may_change(request))


def _drawn(row: Invoice) -> dict[str, Any]:
    late = row.status == Status.OPEN and row.due_at is not None and row.due_at < clock.now()
    tone, said = {
        Status.PAID: ("good", _("Paid")), Status.OPEN: ("bad", _("Late")) if late else ("warn", _("To be paid")), Status.VOID: ("", _("Taken back")),
        Status.UNCOLLECTIBLE: ("", _("Given up")),
    }.get(Status(row.status), ("", ""))  # fmt: skip
    if row.kind in (Kind.CREDIT_NOTE, Kind.CLOSING):
        tone, said = "", _("For your books")
    elif row.refunded_minor:
        tone, said = "note", _("Refunded")
    kinds = {Kind.PROFORMA: _("Bill"), Kind.INVOICE: _("Invoice"), Kind.CREDIT_NOTE: _("Credit note"), Kind.CLOSING: _("Closing document")}
    ours = row.provider == "manual_invoice"
    theirs = row.pdf_url if row.kind == Kind.CREDIT_NOTE and not ours else ""
    return {"row": row, "kind": kinds[Kind(row.kind)], "tone": tone, "said": said, "paper": row.has_paper, "theirs": theirs, "ours": ours, "due": row.due_minor}


def _own(place: Place, public_id: str) -> Invoice:
    """Raises NotFound for another account's."""
    with sides.control_unit():
        row = Invoice.objects.filter(public_id=public_id, account=held(place).account).first()
    if row is None:
        raise NotFound
    return row


@require_safe
def paper(request: HttpRequest, public_id: str) -> HttpResponse:
    """The document as it was issued, in the reader's language."""
    place, _actor = reader(request)
    row, language = _own(place, public_id), get_language() or ""
    data = errand(request, lambda: printing.pdf_of(public_id, account_id=row.account_id, language=language))
    response = HttpResponse(data, content_type="application/pdf")
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in row.number) or row.public_id
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@require_POST
def pay(request: HttpRequest, public_id: str) -> HttpResponse:
    """Try an open bill again by the card that is kept, or confirm it at the bank's page."""
    place, actor = payer(request)
    row, key = _own(place, public_id), operation(request)
    changed, error = attempt(request, lambda: life.pay_open_bill(place, actor=actor, operation=key, invoice=row.external_id))
    if changed is None:
        return done(request, say(error), to="plan-invoices")
    if changed.confirm_url:
        return _away(changed.confirm_url)
    if changed.declined:
        return done(request, _("The card was declined (%(reason)s). Try another card, or ask your bank.") % {"reason": telling.declined(changed.declined)}, to="plan-invoices")
    with sides.control_unit():
        others = Invoice.objects.filter(account_id=row.account_id, status=Status.OPEN).count()
    return done(request, _("Paid. Other bills are open still.") if others else _("Paid. Everything works."), to="plan-invoices" if others else "plan")
