"""The console's first page, the workspaces, and one workspace's money."""

from __future__ import annotations

from typing import Any

from django import forms as django_forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from billing.documents import refunding
from billing.documents.models import Invoice, Refund, RefundState
from billing.documents.refunding import approval_from
from billing.plans import NAMES
from billing.reports import figures, mrr
from billing.reports.models import Day
from crm_platform.accounts.operators import Duty
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import money
from crm_platform.kernel.errors import NotFound
from crm_platform.ui import responses
from crm_platform.ui.paging import page_of
from tenants import routing
from tenants.middleware import own_units

from . import forms, queries, queues, services, telling, words


def home(request: HttpRequest) -> HttpResponse:
    """How the platform stands."""
    newest, prices = Day.objects.order_by("-day").first(), mrr.prices()
    context: dict[str, Any] = {
        "counts": queries.counts(), "flows": figures.flows(newest, newest) if newest else [],
        "unpaid": queries.rows_of(queries.unpaid()[:8], prices), "fresh": queries.rows_of(queries.workspaces()[:8], prices), "acts": Event.objects.order_by("-id")[:8],
    }  # fmt: skip
    return responses.page(request, "console/home.html", **context)


def workspaces(request: HttpRequest) -> HttpResponse:
    """All of them: by name, address or a person's e-mail, by state and plan."""
    find, state, plan, sort = (request.GET.get(name, "") for name in ("find", "state", "plan", "sort"))
    page = page_of(queries.workspaces(find=find, state=state, plan=plan, sort=sort), request.GET)
    context: dict[str, Any] = {
        "page": page, "rows": queries.rows_of(page.rows), "find": find, "state": state, "plan": plan, "sorts": {name: _direction(name, sort) for name in queries.SORTS}, "sort": sort,
        "states": [("", _("All states")), *((one.value, label[0]) for one, label in words.STATES.items() if one != "deleted")],
        "plans": [("", _("All plans")), *((code, name) for code, name in NAMES.items() if code in _PLANS)],
    }  # fmt: skip
    return responses.page(request, "console/workspaces.html", **context)


def _direction(name: str, sort: str) -> dict[str, str]:
    """How the list is sorted by a column, and what a press on its head asks for."""
    said = "ascending" if sort == name else "descending" if sort == f"-{name}" else ""
    return {"said": said, "next": f"-{name}" if said == "ascending" else name, "icon": "arrow-down" if said == "descending" else "arrow-up"}


_PLANS = frozenset({"free", "start", "team", "business", "everyone", "crew"})


def workspace(request: HttpRequest, public_id: str) -> HttpResponse:
    """One workspace's money, and what can be done about it."""
    return _page(request, public_id)


def _page(request: HttpRequest, public_id: str, *, status: int = 200, **given: django_forms.Form) -> HttpResponse:
    found = queries.whole(public_id)
    row = found.row
    context: dict[str, Any] = {
        "whole": found, "row": row, "workspace": row.workspace, "subscription": row.subscription, "account": found.account, "facts": _facts(row),
        "address": routing.url_of(row.workspace.place), "interval": words.INTERVALS.get(row.subscription.interval, "") if row.subscription else "",
        "add_ons": [(NAMES.get(key.partition(":")[0], key), count) for key, count in row.subscription.add_ons.items()] if row.subscription else [],
        "overrides": [{"row": one, "label": words.METRICS.get(one.metric) or words.MODULES.get(one.metric, one.metric)} for one in found.overrides],
        "extend_form": given.get("extend") or forms.ExtendForm(auto_id="extend_%s"), "grant_form": given.get("grant") or forms.GrantForm(auto_id="grant_%s"),
        "coupon_form": given.get("coupon") or forms.GiveCouponForm(auto_id="coupon_%s"),
        **_told(found),
        "may_act": request.operator.duty >= Duty.MONEY,  # type: ignore[attr-defined]
    }  # fmt: skip
    return responses.page(request, "console/workspace.html", status=status, **context)


def _told(found: queries.Whole) -> dict[str, Any]:
    """Its history in words: documents, letters, seats, the journal."""
    row, account, invoices = found.row, found.account, queues.invoices_of(found.account)
    status = row.subscription.status if row.subscription else ""
    return {
        "documents": telling.documents(invoices), "journal": telling.journal(found.journal, {one.number: one.currency for one in invoices}, usual=account.currency if account else ""),
        "seats": telling.seats(found.seats), "changes": telling.changes(found.changes), "steps": telling.steps(found.steps, found.coming), "letters_stopped": settings.CRM_NO_DUNNING,
        "lifecycle": words.PLACES.get(row.workspace.state, row.workspace.state), "provider_says": words.STATUSES.get(status, status),
        "provider": words.PROVIDERS.get(account.provider, account.provider) if account else "",
    }  # fmt: skip


def _facts(row: queries.Row) -> list[tuple[Any, Any]]:
    """The moments from which its state is computed, those that are."""
    one = row.subscription
    if one is None:
        return []
    moments = (
        (_("Trial ends"), one.trial_ends_at), (_("Period"), one.period_start), (_("Next bill"), one.period_end), (_("Unpaid since"), one.past_due_since),
        (_("Promised until"), one.promised_until), (_("Extended until"), one.extended_until), (_("Paused until"), one.paused_until), (_("Ends on"), one.cancel_at),
        (_("Ended"), one.ended_at), (_("Price kept until"), one.price_kept_until), (_("State changes by itself"), row.standing.changes_at if row.standing else None),
    )  # fmt: skip
    return [(label, moment) for label, moment in moments if moment is not None]


@own_units
@require_POST
def extend(request: HttpRequest, public_id: str) -> HttpResponse:
    """More time."""
    form = forms.ExtendForm(request.POST, auto_id="extend_%s")
    until: list[Any] = []
    said = lambda: until.append(services.extend(request.operator, public_id, **form.cleaned_data))  # type: ignore[attr-defined]  # noqa: E731
    return _done(request, public_id, "extend", form, said, lambda: _("Extended until %(day)s.") % {"day": date_format(until[0], "j F Y")})


@own_units
@require_POST
def grant(request: HttpRequest, public_id: str) -> HttpResponse:
    """Another limit."""
    form = forms.GrantForm(request.POST, auto_id="grant_%s")
    return _done(request, public_id, "grant", form, lambda: services.grant(request.operator, public_id, **form.cleaned_data), lambda: _("Saved."))  # type: ignore[attr-defined]


@own_units
@require_POST
def give_coupon(request: HttpRequest, public_id: str) -> HttpResponse:
    """A discount, as if its people had typed the code."""
    form = forms.GiveCouponForm(request.POST, auto_id="coupon_%s")
    return _done(request, public_id, "coupon", form, lambda: services.give_coupon(request.operator, public_id, **form.cleaned_data), lambda: _("Saved."))  # type: ignore[attr-defined]


@own_units
@require_POST
def end_grant(request: HttpRequest, public_id: str, pk: int) -> HttpResponse:
    """The plan's own limit again."""
    services.end_grant(request.operator, public_id, pk=pk, reason=request.POST.get("reason", ""))  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("console-workspace", args=[public_id])), _("Saved."))


@own_units
@require_http_methods(["GET", "POST"])
def refund(request: HttpRequest, public_id: str, document: str) -> HttpResponse:
    """Money back on one document: at once, or once a second person agrees."""
    form = forms.RefundForm(request.POST or None, initial={"document": document})
    refused = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        made: list[Refund] = []
        refused = forms.refusal_of(
            form, lambda: made.append(queues.give_back(request.operator, public_id, document=document, amount=given["amount"], reason=given["reason"], operation=given["operation"]))  # type: ignore[attr-defined]
        )
        if refused is None:
            said = _("A second person must agree now.") if made[0].state == RefundState.WAITING else _("Given back.")
            return responses.toast(request, responses.redirect(request, reverse("console-workspace", args=[public_id])), said)
    with sides.control_unit():
        found = Invoice.objects.select_related("account__workspace").filter(public_id=document, account__workspace__public_id=public_id).first()
        if found is None:
            raise NotFound
        number = found.number or found.reference
        status = refused.status if refused else 422 if form.errors else 200
        left, asks = refunding.left_of(found), money.show(approval_from(found.currency), currency=found.currency)
        return responses.page(request, "console/refund.html", status=status, form=form, invoice=found, number=number, workspace=found.account.workspace, left=left, asks_told=asks)


def _done(request: HttpRequest, public_id: str, name: str, form: django_forms.Form, verb: Any, said: Any) -> HttpResponse:
    refused = forms.refusal_of(form, verb) if form.is_valid() else None
    if form.errors:
        with sides.control_unit():
            return _page(request, public_id, status=refused.status if refused else 422, **{name: form})
    return responses.toast(request, responses.redirect(request, reverse("console-workspace", args=[public_id])), said())
