"""Transfers: statements read, lines that wait for a person, and what was recorded."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.documents.models import Invoice
from billing.documents.paper import printing
from crm_platform.accounts.operators import Duty, require
from crm_platform.db import sides
from crm_platform.kernel.errors import CrmError, NotFound
from crm_platform.ui import responses
from crm_platform.ui.paging import page_of
from tenants.middleware import own_units

from . import forms, transfers, words


def _may(request: HttpRequest) -> bool:
    return bool(request.operator.duty >= Duty.MONEY)  # type: ignore[attr-defined]


@own_units
@require_http_methods(["GET", "POST"])
def statements(request: HttpRequest) -> HttpResponse:
    """Lines of the statements, those that wait first; and a statement to read."""
    form, refused = forms.StatementForm(request.POST or None, request.FILES or None), None
    if request.method == "POST":
        require(request.operator, Duty.MONEY)  # type: ignore[attr-defined]
        if form.is_valid():
            given, found = form.cleaned_data, []
            load = lambda: found.append(transfers.load(request.operator, given["file"].read(), name=given["file"].name, currency=given["currency"]))  # type: ignore[attr-defined]  # noqa: E731
            refused = forms.refusal_of(form, load)
            if refused is None:
                told = transfers.told(found[0]) or _("Nothing in it is new.")
                return responses.toast(request, responses.redirect(request, reverse("console-transfers")), told)
    with sides.control_unit():
        state = request.GET.get("state", "")
        page = page_of(transfers.lines(state), request.GET)
        context: dict[str, Any] = {
            "page": page, "rows": [_line(row) for row in page.rows], "state": state, "states": [(one, label[0]) for one, label in words.LINES.items()],
            "form": form, "files": list(transfers.files()[:8]), "may_act": _may(request),
        }  # fmt: skip
        return responses.page(request, "console/transfers.html", status=refused.status if refused else 422 if form.errors else 200, **context)


def _line(row: Any) -> dict[str, Any]:
    return {"row": row, "label": words.LINES[row.state], "why": words.WHY.get(row.why, row.why), "waits": row.state in transfers.WAITING}


@require_safe
def line(request: HttpRequest, pk: int) -> HttpResponse:
    """One line, and the bills that it may pay."""
    row, find = transfers.line(pk), request.GET.get("find", "")
    bills = [{"row": one, "label": words.PAID[one.status]} for one in transfers.offered(row, find=find)] if row.state in transfers.WAITING else []
    return responses.page(request, "console/transfer_line.html", one=_line(row), bills=bills, find=find, may_act=_may(request))


@own_units
@require_POST
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """A person's word about a line: the bill that it pays, or that it is none of ours."""
    row = transfers.settle(request.operator, pk, bill=request.POST.get("bill", ""))  # type: ignore[attr-defined]
    said = _("Recorded for %(number)s.") % {"number": row.invoice.number} if row.invoice else _("Laid aside.")
    return responses.toast(request, responses.redirect(request, reverse("console-transfers")), said)


@require_safe
def payments(request: HttpRequest) -> HttpResponse:
    """What was recorded, out of statements and by hand."""
    page = page_of(transfers.payments(), request.GET)
    rows = [{"row": row, "method": words.RECORDED.get(row.method, row.method)} for row in page.rows]
    return responses.page(request, "console/payments.html", page=page, rows=rows)


@own_units
@require_http_methods(["GET", "POST"])
def record(request: HttpRequest, public_id: str, document: str) -> HttpResponse:
    """A transfer for a bill, by hand."""
    require(request.operator, Duty.MONEY)  # type: ignore[attr-defined]
    refused: CrmError | None = None
    with sides.control_unit():
        bill = transfers.bill_of(public_id, document)
    form = forms.TransferForm(request.POST or None, bill=bill)
    if request.method == "POST" and form.is_valid():
        refused = forms.refusal_of(form, lambda: transfers.record(request.operator, public_id, document=document, **form.cleaned_data))  # type: ignore[attr-defined]
        if refused is None:
            return responses.toast(request, responses.redirect(request, reverse("console-workspace", args=[public_id])), _("Recorded for %(number)s.") % {"number": bill.number})
    with sides.control_unit():
        return responses.page(request, "console/transfer.html", status=refused.status if refused else 422 if form.errors else 200, form=form, bill=bill, workspace=bill.account.workspace)


@own_units
@require_safe
def paper(request: HttpRequest, public_id: str, document: str) -> HttpResponse:
    """A document as its reader has it, the same bytes."""
    with sides.control_unit():
        found = Invoice.objects.filter(public_id=document, account__workspace__public_id=public_id).first()
    if found is None:
        raise NotFound
    data = printing.pdf_of(document, account_id=found.account_id)
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in found.number) or found.public_id
    return HttpResponse(data, content_type="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}.pdf"', "Cache-Control": "private, no-store"})
